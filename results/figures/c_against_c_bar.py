"""The scatter of mean error over C against mean error over C-bar."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.figures.dressing import Intervals, add_legend, draw_point, dress, titled_figure
from robustsweep.results.figures.method_series import drawn_groups
from robustsweep.results.metrics.benchmarks import BENCHMARKS, C_BARS, C


def c_against_c_bar(unit: Unit, intervals: Intervals) -> Figure | None:
    """Draw the mean error over C of each method against that over C-bar, and the line of equal errors.

    Each method stands at its mean, with the interval of either error where it is known and a dot for each seed.

    Args:
        unit: The measurements.
        intervals: What is known of the methods' errors.

    Returns:
        A figure with a panel per C-bar, or None if no method is measured on both C and C-bar.
    """
    groups, errors = drawn_groups(unit), unit.values()
    means = {name: dict(zip(errors.columns, score.values(errors), strict=True)) for name, score in BENCHMARKS.items()}
    points = {
        name: [
            np.array([(means[C][i], means[name][i]) for i in group.checkpoint_ids], dtype=np.float64)
            for group in groups
        ]
        for name in C_BARS
    }
    shown = {name: found for name, found in points.items() if any(not np.isnan(one).any() for one in found)}
    if not shown:
        return None
    figure = titled_figure("Lower left is better", unit.scope.title, 6.6 * len(shown), 5.4)
    for axes, (name, found) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
        for style, (group, mine) in enumerate(zip(groups, found, strict=True)):
            ends = [intervals.get((BENCHMARKS[one].name, group.checkpoint_ids[0])) for one in (C, name)]
            draw_point(axes, mine, ends, style)
        axes.set_xlabel("mean error over C (%)")
        axes.set_ylabel(f"mean error over {name} (%)")
        _draw_equality(axes)
        dress(axes)
    add_legend(figure, [group.label for group in groups])
    return figure


def _draw_equality(axes: Axes) -> None:
    """Draw the line on which both errors are equal, as far as it passes the points."""
    axes.margins(0.12)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    axes.set(xlim=(left, right), ylim=(bottom, top))
    low, high = max(left, bottom), min(right, top)
    if low < high:
        axes.plot([low, high], [low, high], "--", color="#888888", linewidth=1, zorder=0)
        place, shift = (high, high), (-6, -12)
        axes.annotate("equal errors", place, shift, textcoords="offset points", ha="right", fontsize=8, color="#666666")
