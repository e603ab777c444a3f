"""The heat map: the error of each method under each corruption, coloured by its distance to the methods' mean."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from robustsweep.printable import printable
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import CORRUPTIONS, GROUPS
from robustsweep.results.figures.dressing import shortened
from robustsweep.results.figures.method_series import series_of

# Blue is fewer errors than the others, orange more: told apart under every common colour blindness.
_BETTER_TO_WORSE = LinearSegmentedColormap.from_list("better_to_worse", ["#5aa9d6", "#ffffff", "#f0a04b"], N=41)
_SMALLEST_SCALE_PP = 1.0


def heat_map(unit: Unit) -> Figure | None:
    """Draw the error of each method under each corruption, coloured by its distance to the mean over the methods.

    The lowest error of each corruption is bold.

    Returns:
        A figure, or None with fewer than two methods that are measured under all fifteen corruptions.
    """
    series = [one for one in series_of(unit) if not np.isnan(one.mean).any()]
    if len(series) < 2:
        return None
    percent = 100 * np.stack([one.mean for one in series])
    distance = percent - percent.mean(axis=0)
    scale = max(_SMALLEST_SCALE_PP, float(np.abs(distance).max()))
    figure = Figure(figsize=(12.5, 1.9 + 0.36 * len(series)), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    # Rectangles and not a picture of them: a page may not load a picture, not even from its own text.
    places = (np.arange(distance.shape[1] + 1) - 0.5, np.arange(len(series) + 1) - 0.5)
    mesh = axes.pcolormesh(*places, distance, cmap=_BETTER_TO_WORSE, vmin=-scale, vmax=scale)
    axes.invert_yaxis()
    lowest = percent.min(axis=0)
    for (row, column), value in np.ndenumerate(percent):
        weight = "bold" if value == lowest[column] else "normal"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8.5, fontweight=weight)
    names = [*(name.replace("_", "\n") for name in CORRUPTIONS), "mean\nof 15"]
    axes.set_xticks(range(len(names)), names, fontsize=8.5)
    axes.set_yticks(range(len(series)), [shortened(one.label) for one in series], fontsize=9)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.tick_params(length=0)
    for edge in np.cumsum([len(group) for group in GROUPS.values()]):
        axes.axvline(edge - 0.5, color="#555555", linewidth=1.2)
    title = f"Top-1 error (%), mean of 5 severities, lowest bold    {printable(unit.scope.title)}"
    axes.set_title(title, loc="left", fontsize=10).set_parse_math(False)
    axes.spines[:].set_visible(False)
    figure.colorbar(mesh, ax=axes, pad=0.01, label="pp above the methods' mean")
    return figure
