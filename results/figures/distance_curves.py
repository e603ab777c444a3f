"""Accuracy over distance: the images still right when every one may be changed so far, a curve per method."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustsweep.printable import printable
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.figures.dressing import add_legend, dress, style_of, titled_figure
from robustsweep.results.figures.method_series import drawn_groups
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.scores import CellName
from robustsweep.results.tables.attack_tables import MINIMUM_NORM

Distances = npt.NDArray[np.float64]

# What a distance is multiplied with, and how the axis is called then.
_AXES = {"linf": (255.0, "L-infinity distance (1/255)"), "l2": (1.0, "L2 distance (pixels in [0, 1])")}
_PLACES = 400
_DRAWN_SHARE = 0.98
# Places between two markers of a line.
_APART = 50


def distance_curves_figure(unit: Unit, runs: Sequence[Path]) -> Figure | None:
    """Draw the share of images that are right and whose nearest fooling image is farther, a panel per norm.

    An image's distance is the least over the minimum-norm attacks of the norm that all drawn checkpoints have. The line
    of a method is the mean over its training seeds. The axis ends where 98% of the distances that were found do.

    Args:
        unit: The measurements.
        runs: Where their cells are.

    Returns:
        A figure, or None if there are no such attacks, or their distances are not stored: compacted runs have none.
    """
    if not unit.attacks["attack"].isin(MINIMUM_NORM).any():
        return None
    groups = drawn_groups(unit)
    drawn = {identifier for group in groups for identifier in group.checkpoint_ids}
    every = zip(map(str, unit.checkpoints.index), MeasuredCells.of_each(unit, runs), strict=True)
    cells = {identifier: mine for identifier, mine in every if identifier in drawn}
    panels = [(norm, shared) for norm in _AXES if (shared := list(_shared(unit, norm, cells)))]
    if not panels:
        return None
    figure = titled_figure("Accuracy over distance (%)", unit.scope.title, max(10.0, 5.6 * len(panels)), 4.6)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (norm, shared) in zip(grid, panels, strict=True):
        found = {identifier: _distances(mine, norm, shared) for identifier, mine in cells.items()}
        _draw(axes, norm, groups, found)
        axes.set_title(printable(", ".join(name for name, _ in shared)), loc="left", fontsize=9).set_parse_math(False)
    grid[0].set_ylabel("accuracy (%)")
    add_legend(figure, [group.label for group in groups])
    return figure


def _shared(unit: Unit, norm: str, cells: Mapping[str, MeasuredCells]) -> Iterator[CellName]:
    """Yield, by any one of its eps, each minimum-norm attack whose distances all checkpoints have."""
    rows = unit.attacks[unit.attacks["attack"].isin(MINIMUM_NORM) & (unit.attacks["norm"] == norm)]
    for condition, eps in rows.drop_duplicates("condition")[["condition", "eps"]].itertuples(index=False):
        cell = str(condition), str(eps)
        if all(cell in mine.rows and mine.has_examples(cell) for mine in cells.values()):
            yield cell


def _distances(cells: MeasuredCells, norm: str, attacks: Sequence[CellName]) -> Distances:
    """Return each image's least distance: 0 if it is wrong without an attack, infinity if none fooled it."""
    found = [getattr(cells.examples(cell), norm) for cell in attacks]
    return np.asarray(np.min(found, axis=0), dtype=np.float64)


def _draw(axes: Axes, norm: str, groups: Sequence[SeedGroup], found: Mapping[str, Distances]) -> None:
    unit_of_axis, label = _AXES[norm]
    reached = np.concatenate([mine[np.isfinite(mine)] for mine in found.values()])
    places = np.linspace(0, float(np.quantile(reached, _DRAWN_SHARE)) if len(reached) else 1.0, _PLACES)
    for style, group in enumerate(groups):
        standing = [np.mean(found[i][:, None] > places, axis=0) for i in group.checkpoint_ids]
        colour, marker = style_of(style)
        (line,) = axes.plot(places * unit_of_axis, 100 * np.mean(standing, axis=0), marker, color=colour, linestyle="-")
        line.set(linewidth=1.4, markersize=5, markevery=(7 * style % _APART, _APART))
    axes.set_xlabel(label)
    axes.set_ylim(-2, 102)
    dress(axes)
