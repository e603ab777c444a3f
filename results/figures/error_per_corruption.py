"""The figure: error per corruption and method."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import CORRUPTIONS, GROUPS
from robustsweep.results.figures.dressing import COLOURS, MARKER_SIZE, add_legend, draw_seeds, dress, titled_figure
from robustsweep.results.figures.error_panels import draw_panels
from robustsweep.results.figures.method_series import Series, series_of

_GROUP_GAP = 0.6


def error_per_corruption_figure(unit: Unit) -> Figure | None:
    """Draw the error of every method under each corruption, the groups apart, and the mean of the fifteen.

    Up to eight methods stand side by side within each corruption, by colour and marker. More get a panel per corruption
    with a row per method, which needs neither. Checkpoints that differ by their training seed alone share a marker at
    their mean, with a dot for each seed.

    Returns:
        A figure, or None if no corruption is measured at all five severities.
    """
    series = series_of(unit)
    if all(np.isnan(one.errors).all() for one in series):
        return None
    draw = _draw_dots if len(series) <= len(COLOURS) else draw_panels
    return draw(series, unit.scope.title)


def _draw_dots(series: Sequence[Series], scope: str) -> Figure:
    figure = titled_figure("Top-1 error (%), mean of 5 severities", scope, 12.5, 5.2)
    axes = figure.add_subplot()
    places = _places()
    offsets = (np.arange(len(series)) - (len(series) - 1) / 2) * min(0.24, 0.84 / len(series))
    for style, (one, offset) in enumerate(zip(series, offsets, strict=True)):
        draw_seeds(axes, places + offset, 100 * one.errors, style, line="none", size=MARKER_SIZE)
    _name_groups(axes, places)
    add_legend(figure, [one.label for one in series])
    return figure


def _places() -> npt.NDArray[np.float64]:
    sizes = [*(len(names) for names in GROUPS.values()), 1]
    gaps = np.repeat(np.arange(len(sizes)) * _GROUP_GAP, sizes)
    return np.asarray(np.arange(sum(sizes)) + gaps, dtype=np.float64)


def _name_groups(axes: Axes, places: npt.NDArray[np.float64]) -> None:
    axes.set_xticks(places, [*(name.replace("_", "\n") for name in CORRUPTIONS), "mean\nof 15"], fontsize=8.5)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(places[0] - 0.8, places[-1] + 0.8)
    axes.set_ylim(0, 1.04 * axes.get_ylim()[1])  # markers have a size
    axes.set_ylabel("top-1 error (%)")
    dress(axes, grid="y")
    start = 0
    for group, size in [*((group, len(names)) for group, names in GROUPS.items()), ("", 1)]:
        left, right = places[start] - 0.5, places[start + size - 1] + 0.5
        axes.axvspan(left, right, color="#f4f4f4" if group else "#e9eef5", zorder=0, linewidth=0)
        axes.text((left + right) / 2, 1.015, group, transform=axes.get_xaxis_transform(), ha="center", fontsize=10)
        start += size
