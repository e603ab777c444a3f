"""The one class for a score: what it is called, what it is made of, its value, and how it is judged."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from robustsweep.results.statistics.intervals import Floats

Quantity = Literal["error", "accuracy", "top5_error", "nll", "brier", "ece", "changed", "flip", "top5_distance"]
"""What an image gives: wrong or right at the first label, a miss of the best five, NLL, Brier score, its part of ECE,
another prediction than on the clean image, or of a sequence its flip probability and top-5 distance."""

CellName = tuple[str, str]
"""A condition and, for attacks, one of its eps; else an empty text."""

CLEAN_CELL: CellName = ("clean", "")
PRIMARY = "primary"
C_BAR = "C-bar"
OF_C_BAR = "C-bar corruption"
COUNTED = ("error", "accuracy", "top5_error", "changed")
"""Quantities that are 0 or 1, so that a single cell has Wilson's interval."""

LEAST_DIVISOR = 1e-9
"""What divides must be above this: errors of fewer than some 10 million images that add up to less are rounding."""

_LARGEST: Mapping[Quantity, float] = {"brier": 2.0, "nll": math.inf, "top5_distance": 15.0}


@dataclass(frozen=True, slots=True)
class Judgement:
    """How the scores of a kind are judged.

    Attributes:
        is_declared: Whether ``compare`` puts them in the declared family if no score is named; else exploratory.
        margin: Least loss that matters to the gate by default, as a fraction; None: it does not judge them.
    """

    is_declared: bool = False
    margin: float | None = None


KINDS: Mapping[str, Judgement] = {
    PRIMARY: Judgement(is_declared=True, margin=0.005),
    "corruption": Judgement(is_declared=True, margin=0.01),
    C_BAR: Judgement(is_declared=True, margin=0.005),
    "extra corruption": Judgement(margin=0.01),
    OF_C_BAR: Judgement(margin=0.01),
    "3DCC": Judgement(margin=0.005),
    "clean": Judgement(is_declared=True, margin=0.01),
    "natural shift": Judgement(is_declared=True, margin=0.01),
    "attack": Judgement(is_declared=True, margin=0.01),
} | dict.fromkeys(("group", "severity", "ratio", "difference", "window", "calibration", "sequence"), Judgement())


def cell_title(cell: CellName) -> str:
    """Name a cell: its condition, with the eps that was asked of a ladder."""
    condition, eps = cell
    return condition if not eps or f"@{eps}" in condition else f"{condition}@{eps}"


@dataclass(frozen=True, slots=True)
class Score:
    """One number per checkpoint or method: a weighted sum over cells, or the mean of some quotients of such sums.

    Attributes:
        name: For options and files, such as ``"fog_error"``.
        title: For people.
        kind: One of ``KINDS``, which says how it is judged.
        cells: The cells that it needs, of a quotient those of all its parts.
        weights: Weight of each cell's quantity; empty for quotients.
        quantity: What is taken from each cell.
        header: What a column calls it if that is shorter; empty: its title.
        definition: One sentence that says exactly what it is; empty if the title does.
        over: Of a quotient, what is divided.
        under: Of a quotient, what divides, one for each of ``over``.
        by_reference: Whether ``under`` are the reference's, and not those of the same checkpoint.
        no_interval: Why single images say nothing of it; empty if they do.
    """

    name: str
    title: str
    kind: str
    cells: tuple[CellName, ...]
    weights: tuple[float, ...]
    quantity: Quantity = "error"
    header: str = ""
    definition: str = ""
    over: tuple["Score", ...] = ()
    under: tuple["Score", ...] = ()
    by_reference: bool = False
    no_interval: str = ""

    @property
    def parts(self) -> tuple["Score", ...]:
        """The sums that it is made of: itself, or those that are divided and that divide."""
        return (*self.over, *self.under) or (self,)

    @property
    def needed(self) -> tuple[CellName, ...]:
        """The cells that must be measured."""
        return (*self.cells, CLEAN_CELL) if self.quantity == "changed" else self.cells

    @property
    def named(self) -> str:
        """Its title, with the benchmark where a list of scores would not show it."""
        return f"{self.title} (C-bar)" if self.kind == OF_C_BAR else self.title

    @property
    def is_fraction(self) -> bool:
        """Whether it is shown in percent, and differences of it in points."""
        return self.quantity not in ("nll", "brier", "top5_distance")

    @property
    def column(self) -> str:
        """The column of the frame that holds the means of its cells, or of accuracies their complement."""
        return "error" if self.parts[0].quantity == "accuracy" else self.parts[0].quantity

    @property
    def unit(self) -> Literal["percent", "number"]:
        """How columns show it."""
        return "percent" if self.is_fraction else "number"

    @property
    def is_accuracy(self) -> bool:
        """Whether higher is better; of all other scores lower is."""
        return self.parts[0].quantity == "accuracy"

    @property
    def is_counted(self) -> bool:
        """Whether it is the share of a cell's images."""
        return len(self.cells) == 1 and not self.over and self.quantity in COUNTED

    @property
    def is_linearised(self) -> bool:
        """Whether its image-by-image form holds to first order (the delta method)."""
        return bool(self.over) or self.quantity == "ece"

    @property
    def is_declared(self) -> bool:
        """Whether ``compare`` counts it to the declared family if no score is named."""
        return KINDS[self.kind].is_declared

    @property
    def margin(self) -> float | None:
        """Least loss that matters to the gate by default, as a fraction; None: the gate does not judge it."""
        return KINDS[self.kind].margin

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest value that it can have."""
        if self.over:
            return (0.0 if all(part.bounds[0] >= 0 for part in self.over) else -math.inf), math.inf
        largest = _LARGEST.get(self.quantity, 1.0)
        low, high = (sum(w for w in self.weights if sign * w > 0) for sign in (-1, 1))
        return largest * low if low else 0.0, largest * high

    @property
    def largest_difference(self) -> float:
        """The most by which two checkpoints can differ, in the score's own unit; infinite if nothing bounds it."""
        return _LARGEST.get(self.quantity, 1.0) * sum(map(abs, self.weights)) if self.weights else math.inf

    def values(self, means: pd.DataFrame, reference: "pd.Series[float] | None" = None) -> list[float | None]:
        """Compute it from the means of cells; no mean is ever taken over what happens to exist.

        Args:
            means: Means of its quantity (of the error for accuracies): a column for each checkpoint, by condition, or
                by condition and eps.
            reference: The reference's, by condition; needed by a score that it divides.

        Returns:
            One value per column; None if a cell is missing, or what divides is not above zero.
        """
        return [None if np.isnan(value) else float(value) for value in self._values(means, reference)]

    def _values(self, means: pd.DataFrame, reference: "pd.Series[float] | None") -> Floats:
        if not self.over:
            keys = list(self.cells) if means.index.nlevels > 1 else [condition for condition, _ in self.cells]
            found = means.reindex(keys).to_numpy(dtype=np.float64)
            found = 1 - found if self.quantity == "accuracy" else found
            # Equal weights leave the plain mean, to the last bit.
            return np.asarray((len(keys) * np.array(self.weights)[:, None] * found).mean(axis=0), dtype=np.float64)
        if self.by_reference and reference is None:
            raise ValueError(f"{self.name} divides by a reference's errors, but none was given")
        divisors = reference.to_frame() if self.by_reference and reference is not None else means
        quotients = []
        for over, under in zip(self.over, self.under, strict=True):
            divisor = under._values(divisors, None)
            quotients.append(over._values(means, None) / np.where(divisor > LEAST_DIVISOR, divisor, np.nan))
        return np.asarray(np.mean(quotients, axis=0), dtype=np.float64)

    def undefined_by(self, reference: "pd.Series[float]") -> str:
        """Say why a reference whose cells are all there divides nothing; empty if it does."""
        for under in self.under:
            (divisor,) = under.values(reference.to_frame())
            if divisor is not None and divisor <= LEAST_DIVISOR:
                return (
                    f"{self.title} is undefined: {under.title} of the reference {reference.name} is not above zero and "
                    "divides nothing; choose another reference."
                )
        return ""

    def with_constants(self, divisors: Sequence[float]) -> "Score":
        """Return a quotient that constants divide: a weighted sum."""
        weights: dict[CellName, float] = {}
        for part, divisor in zip(self.over, divisors, strict=True):
            for cell, weight in zip(part.cells, part.weights, strict=True):
                weights[cell] = weights.get(cell, 0.0) + weight / (divisor * len(self.over))
        return replace(
            self, cells=tuple(weights), weights=tuple(weights.values()), over=(), under=(), by_reference=False
        )


def mean_score(
    name: str,
    title: str,
    kind: str,
    conditions: Iterable[str],
    quantity: Quantity = "error",
    header: str = "",
    definition: str = "",
) -> Score:
    """Build the plain mean of a quantity over conditions."""
    cells = tuple((condition, "") for condition in conditions)
    return Score(name, title, kind, cells, (1 / len(cells),) * len(cells), quantity, header, definition)


def quotient(
    name: str, title: str, over: Sequence[Score], under: Sequence[Score], definition: str, *, by_reference: bool = True
) -> Score:
    """Build the mean of some quotients."""
    cells = tuple(dict.fromkeys(cell for part in (*over, *under) for cell in part.cells))
    return Score(
        name,
        title,
        "ratio",
        cells,
        (),
        definition=definition,
        over=tuple(over),
        under=tuple(under),
        by_reference=by_reference,
    )
