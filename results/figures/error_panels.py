"""Many methods in one figure: a panel per corruption, a row per method."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from robustsweep.results.corruption_names import CORRUPTIONS, GROUPS, group_of
from robustsweep.results.figures.dressing import dress, name_rows, titled_figure
from robustsweep.results.figures.method_series import Series

_MEAN = len(CORRUPTIONS)
_FIRST_ROW = len(GROUPS["noise"]) + len(GROUPS["blur"])


def draw_panels(series: Sequence[Series], scope: str) -> Figure:
    """Draw noise, blur and the mean above weather and digital, eight panels each, methods by mean error.

    The lowest mean is at the top. Each panel has its own scale, and a vertical line at the baseline if there is one.

    Args:
        series: What to draw, at least one.
        scope: Whose numbers these are, shown above.
    """
    ranked = sorted(series, key=lambda one: (np.isnan(one.mean[_MEAN]), one.mean[_MEAN], one.label))
    title = "Top-1 error (%), mean of 5 severities, each panel on its own scale"
    figure = titled_figure(title, scope, 13, 2.2 + 0.36 * len(series))
    figure.set_layout_engine("constrained", w_pad=0.09)
    rows = ([*range(_FIRST_ROW), _MEAN], list(range(_FIRST_ROW, _MEAN)))
    grid = figure.subplots(2, len(rows[1]), sharey=True, squeeze=False)
    for axes_row, columns in zip(grid, rows, strict=True):
        for axes, column in zip(axes_row, columns, strict=True):
            _draw_panel(axes, ranked, column)
    for axes in grid[:, 0]:
        name_rows(axes, [one.label for one in ranked])
    grid[0, 0].set_ylim(len(ranked) - 0.5, -0.5)
    return figure


def _draw_panel(axes: Axes, ranked: Sequence[Series], column: int) -> None:
    for row, one in enumerate(ranked):
        colour = "#000000" if one.is_baseline else "#0072B2"
        if len(one.errors) > 1:
            axes.plot(100 * one.errors[:, column], np.full(len(one.errors), row), ".", color=colour, alpha=0.4)
        axes.plot(100 * one.mean[column], row, "s" if one.is_baseline else "o", color=colour, markersize=5)
        if one.is_baseline:
            axes.axvline(100 * one.mean[column], color=colour, linewidth=0.7, linestyle=":")
    name = "mean of 15" if column == _MEAN else CORRUPTIONS[column].replace("_", " ")
    group = "all" if column == _MEAN else group_of(CORRUPTIONS[column])
    axes.set_title(f"{group}\n{name}", fontsize=8.5)
    axes.set_facecolor("#e9eef5" if column == _MEAN else "white")
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.tick_params(labelsize=8, length=2)
    axes.tick_params(axis="y", length=0)
    dress(axes)
    axes.spines["left"].set_visible(False)
