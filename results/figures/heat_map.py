"""The heat map: the error of each method under each corruption, coloured by its distance to the methods' mean."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from robustsweep.printable import printable
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import group_of
from robustsweep.results.figures.dressing import name_rows
from robustsweep.results.figures.method_series import series_of
from robustsweep.results.metrics.benchmarks import BENCHMARKS, CORRUPTIONS_OF
from robustsweep.results.statistics.intervals import Floats

# Blue is fewer errors than the others, orange more: told apart under every common colour blindness.
_BETTER_TO_WORSE = LinearSegmentedColormap.from_list("better_to_worse", ["#5aa9d6", "#ffffff", "#f0a04b"], N=41)
_SMALLEST_SCALE_PP = 1.0


_WIDTH_INCHES, _ROW_INCHES, _FRAME_INCHES = 12.5, 0.36, 1.3


def heat_map(unit: Unit) -> Figure | None:
    """Draw the error of each method under each corruption, coloured by its distance to the mean over the methods.

    C and each C-bar have a panel of their own, which ends with the mean over its corruptions; all share one scale. The
    lowest error of each corruption is bold.

    Returns:
        A figure, or None with fewer than two methods that are measured under all corruptions of a benchmark.
    """
    found = {name: [s for s in series_of(unit, name) if not np.isnan(s.mean).any()] for name in BENCHMARKS}
    shown = {name: series for name, series in found.items() if len(series) > 1}
    if not shown:
        return None
    percent = {name: 100 * np.stack([one.mean for one in series]) for name, series in shown.items()}
    distances = {name: values - values.mean(axis=0) for name, values in percent.items()}
    scale = max(_SMALLEST_SCALE_PP, *(float(np.abs(values).max()) for values in distances.values()))
    heights = [_FRAME_INCHES + _ROW_INCHES * len(series) for series in shown.values()]
    figure = Figure(figsize=(_WIDTH_INCHES, 0.6 + sum(heights)), dpi=130, layout="constrained")
    grid = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (name, series) in zip(grid, shown.items(), strict=True):
        mesh = _draw_panel(axes, name, percent[name], distances[name], scale)
        name_rows(axes, [one.label for one in series])
        axes.tick_params(length=0)
        axes.set_ylim(len(series) - 0.5, -0.5)
    title = f"Top-1 error (%), mean of 5 severities, lowest bold    {printable(unit.scope.title)}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10).set_parse_math(False)
    figure.colorbar(mesh, ax=list(grid), pad=0.01, label="pp above the methods' mean")
    return figure


def _draw_panel(axes: Axes, benchmark: str, percent: Floats, distance: Floats, scale: float) -> QuadMesh:
    """Draw the errors (methods, corruptions and their mean) of one benchmark, groups apart."""
    # Rectangles and not a picture of them: a page may not load a picture, not even from its own text.
    places = (np.arange(distance.shape[1] + 1) - 0.5, np.arange(len(distance) + 1) - 0.5)
    mesh = axes.pcolormesh(*places, distance, cmap=_BETTER_TO_WORSE, vmin=-scale, vmax=scale)
    lowest = percent.min(axis=0)
    for (row, column), value in np.ndenumerate(percent):
        weight = "bold" if value == lowest[column] else "normal"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8.5, fontweight=weight)
    corruptions = CORRUPTIONS_OF[benchmark]
    names = [*(name.replace("_", "\n") for name in corruptions), f"mean\nof {len(corruptions)}"]
    axes.set_xticks(range(len(names)), names, fontsize=8.5)
    groups = [group_of(name) for name in (*corruptions, "")]
    for column in range(1, len(groups)):
        if groups[column] != groups[column - 1]:
            axes.axvline(column - 0.5, color="#555555", linewidth=1.2)
    axes.set_title(benchmark, loc="left", fontsize=10)
    axes.spines[:].set_visible(False)
    return mesh
