"""Robust accuracy against eps: a curve per method, and how many images fall at which eps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustsweep.printable import printable
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.figures.dressing import add_legend, draw_seeds, dress, style_of, titled_figure
from robustsweep.results.figures.method_series import drawn_groups
from robustsweep.results.tables.table import Column, Table, Value


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One method's robust accuracy along a ladder.

    Attributes:
        label: What the figure calls it.
        accuracies: Fractions, shape (checkpoints, 1 + eps): on clean images, then at each eps.
    """

    label: str
    accuracies: npt.NDArray[np.float64]


def ladders_of(unit: Unit) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and the rows, ascending in eps, of each iterative attack that climbed several eps."""
    for condition, rows in unit.attacks.groupby("condition", sort=False):
        if rows["eps"].nunique() > 1:
            yield str(condition), rows.sort_values("eps_value", kind="stable")


def fooling_distributions(unit: Unit) -> list[Table]:
    """Build, for each ladder, the share of images by the smallest measured eps that fools them."""
    return [_distribution(unit, name, rows, number) for number, (name, rows) in enumerate(ladders_of(unit), 1)]


def _distribution(unit: Unit, name: str, ladder: pd.DataFrame, number: int) -> Table:
    eps = list(dict.fromkeys(ladder["eps"]))
    columns = [Column("checkpoint", "checkpoint"), Column("0", "wrong without attack", "percent")]
    columns += [Column(text, f"at {text}", "percent") for text in eps]
    columns.append(Column("withstood", f"withstood {eps[-1]}", "percent"))
    rows: list[tuple[Value, ...]] = []
    for identifier, label in unit.checkpoints["label"].items():
        mine = ladder[ladder["checkpoint_id"] == identifier]
        if len(mine) != len(eps):
            rows.append((label, *[None] * (len(eps) + 2)))
            continue
        standing = [unit.scope.n, int(mine["n_clean_right"].iloc[0]), *map(int, mine["n_right"]), 0]
        shares = -np.diff(standing) / unit.scope.n
        rows.append((label, *map(float, shares)))
    return Table(
        f"fooling_eps_{number}",
        f"Images by the smallest eps of {name} that fools them (% of all)",
        unit.scope,
        tuple(columns),
        tuple(rows),
        ("An image is counted at the first eps that fools it; the row adds up to 100.",),
        depth="detail",
    )


def attack_curves_figure(unit: Unit) -> Figure | None:
    """Draw robust accuracy against eps, a panel per ladder and a line per method.

    Checkpoints that differ by their training seed alone share a line at their mean, with a dot for each seed. The
    accuracy on clean images stands at the left end, apart from the logarithmic scale of eps.

    Returns:
        A figure, or None if no attack climbed several eps.
    """
    ladders = [(name, rows, _curves(unit, rows)) for name, rows in ladders_of(unit)]
    ladders = [ladder for ladder in ladders if ladder[2]]
    if not ladders:
        return None
    columns, rows = min(len(ladders), 3), -(-len(ladders) // 3)
    figure = titled_figure("Accuracy under attack (%)", unit.scope.title, max(10.0, 4.4 * columns), 4.6 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(ladders) :]:
        axes.set_visible(False)
    labels = list(dict.fromkeys(curve.label for _, _, curves in ladders for curve in curves))
    for axes, (name, ladder, curves) in zip(grid.flat, ladders, strict=False):
        _draw(axes, name, ladder, {labels.index(curve.label): curve for curve in curves})
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy (%)")
    add_legend(figure, labels)
    return figure


def _curves(unit: Unit, ladder: pd.DataFrame) -> list[Curve]:
    """Collect one curve per method that was measured at every eps."""
    n_eps, curves = ladder["eps"].nunique(), []
    for group in drawn_groups(unit):
        mine = [ladder[ladder["checkpoint_id"] == identifier] for identifier in group.checkpoint_ids]
        found = [[rows["n_clean_right"].iloc[0], *rows["n_right"]] for rows in mine if len(rows) == n_eps]
        if found:
            curves.append(Curve(group.label, np.asarray(found, dtype=np.float64) / unit.scope.n))
    return curves


def _draw(axes: Axes, name: str, ladder: pd.DataFrame, curves: Mapping[int, Curve]) -> None:
    """Draw one ladder; the keys of ``curves`` are their styles."""
    eps = list(dict.fromkeys(ladder["eps_value"]))
    # One place left of the first eps for the clean images.
    places = np.array([np.log2(eps[0]) - 1, *np.log2(eps)])
    for style, curve in curves.items():
        percent = 100 * curve.accuracies
        axes.plot(places[:2], percent.mean(axis=0)[:2], ":", color=style_of(style)[0], linewidth=1.0)
        draw_seeds(axes, places[:1], percent[:, :1], style)
        draw_seeds(axes, places[1:], percent[:, 1:], style)
    axes.set_xticks(places, ["clean", *dict.fromkeys(ladder["eps"])], fontsize=8, rotation=45)
    axes.set_xlabel("eps")
    axes.set_ylim(-2, 102)
    axes.set_title(printable(name), loc="left", fontsize=9).set_parse_math(False)
    dress(axes, grid="y")
