"""Scores that are means over images: a weighted sum of cells for each image, lower is better throughout."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from robustsweep.results.alexnet_errors import ERRORS as ALEXNET_ERRORS
from robustsweep.results.corruption_names import CORRUPTIONS, GROUPS, SEVERITIES, conditions_of, rank_of
from robustsweep.results.metrics.window_scores import EDGES, FILLINGS, FRACTIONS

Quantity = Literal["error", "nll", "brier", "ece"]
CellName = tuple[str, str]
"""A condition and, for attacks, one of its eps; else an empty text."""

PRIMARY = "primary"

_LARGEST: dict[Quantity, float] = {"error": 1.0, "ece": 1.0, "brier": 2.0, "nll": math.inf}


def cell_title(cell: CellName) -> str:
    """Name a cell: its condition, with the eps that was asked of a ladder."""
    condition, eps = cell
    return condition if not eps or f"@{eps}" in condition else f"{condition}@{eps}"


@dataclass(frozen=True, slots=True)
class Score:
    """One number per checkpoint whose image-by-image parts are stored.

    Attributes:
        name: For options and files, such as ``"fog_error"``.
        title: For people.
        kind: ``"primary"``, ``"corruption"``, ``"clean"``, ``"attack"``, ``"group"``, ``"severity"``, ``"window"`` or
            ``"calibration"``.
        cells: The cells it is made of.
        weights: Weight of each cell's quantity.
        quantity: What is taken from each cell.
    """

    name: str
    title: str
    kind: str
    cells: tuple[CellName, ...]
    weights: tuple[float, ...]
    quantity: Quantity = "error"

    @property
    def is_fraction(self) -> bool:
        """Whether it is shown in percent, and differences of it in points."""
        return self.quantity in ("error", "ece")

    @property
    def largest_difference(self) -> float:
        """The most by which two checkpoints can differ, in the score's own unit; infinite where nothing bounds it."""
        return _LARGEST[self.quantity] * sum(map(abs, self.weights))


def mean_score(
    name: str, title: str, kind: str, conditions: Iterable[str], quantity: Quantity = "error", eps: str = ""
) -> Score:
    """Build the plain mean of a quantity over conditions."""
    cells = tuple((condition, eps) for condition in conditions)
    return Score(name, title, kind, cells, (1 / len(cells),) * len(cells), quantity)


MEAN_CORRUPTION = mean_score("mean_corruption_error", "mean of 15 corruptions", PRIMARY, conditions_of(*CORRUPTIONS))


def published_mce() -> Score:
    """Build mCE with AlexNet's published errors: constants divide, so that it is a mean over images as well."""
    weights = [1 / (len(CORRUPTIONS) * sum(ALEXNET_ERRORS[name])) for name in CORRUPTIONS for _ in SEVERITIES]
    cells = tuple((condition, "") for condition in conditions_of(*CORRUPTIONS))
    return Score("mce", "mCE (AlexNet)", PRIMARY, cells, tuple(weights))


def scores_of(rows: pd.DataFrame, *, published_reference: bool) -> list[Score]:
    """List every score whose conditions ``rows`` name, whoever measured them.

    Args:
        rows: Rows of the frame: clean, corruptions, attacks and windows.
        published_reference: Whether AlexNet's errors may divide these.
    """
    conditions = set(rows["condition"])
    candidates = [*([published_mce()] if published_reference else []), MEAN_CORRUPTION, *_corruption_scores(rows)]
    candidates += [mean_score("clean_error", "clean", "clean", ["clean"]), *_attack_scores(rows)]
    candidates += [
        mean_score(f"{group}_error", f"group {group}", "group", conditions_of(*n)) for group, n in GROUPS.items()
    ]
    candidates += [
        mean_score(f"severity_{s}_error", f"severity {s}", "severity", [f"{c}@{s}" for c in CORRUPTIONS])
        for s in SEVERITIES
    ]
    candidates += [*_window_scores(), *_calibration_scores()]
    return [score for score in candidates if all(condition in conditions for condition, _ in score.cells)]


def _corruption_scores(rows: pd.DataFrame) -> Iterator[Score]:
    measured = [str(name) for name in rows["corruption"].dropna().unique()]
    for name in sorted(measured, key=rank_of):
        kind = "corruption" if name in CORRUPTIONS else "extra corruption"
        yield mean_score(f"{name}_error", name, kind, conditions_of(name))


def _attack_scores(rows: pd.DataFrame) -> Iterator[Score]:
    attacks = rows[rows["kind"] == "attack"].sort_values(["condition", "eps_value"], kind="stable")
    for condition, eps in attacks[["condition", "eps"]].drop_duplicates().itertuples(index=False):
        yield attack_score(condition, eps)


def attack_score(condition: str, eps: str) -> Score:
    """Build the error under an attack at one of its eps."""
    title = cell_title((condition, eps))
    return Score(f"{title}_error", title, "attack", ((condition, eps),), (1.0,))


def _window_scores() -> Iterator[Score]:
    for filling in FILLINGS:
        for soft in EDGES[1:]:
            cells = tuple(
                (f"window-{edge}-{filling}@{fraction:g}", "") for edge in (EDGES[0], soft) for fraction in FRACTIONS
            )
            share = 1 / len(FRACTIONS)
            weights = (share,) * len(FRACTIONS) + (-share,) * len(FRACTIONS)
            title = f"hard over {soft} edge, {filling} filling"
            yield Score(f"hard_over_{soft}_{filling}", title, "window", cells, weights)


def _calibration_scores() -> Iterator[Score]:
    quantities: Sequence[tuple[Quantity, str]] = (("ece", "ECE"), ("nll", "NLL (nats)"), ("brier", "Brier"))
    for where, conditions in (("clean", ("clean",)), ("corruptions", conditions_of(*CORRUPTIONS))):
        for quantity, title in quantities:
            yield mean_score(f"{where}_{quantity}", f"{title}, {where}", "calibration", conditions, quantity)
