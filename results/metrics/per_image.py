"""Scores image by image, read from the cells of a checkpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.scores import CLEAN_CELL, CellName, Score
from robustsweep.results.statistics.calibration import N_BINS, Bins, add_bin_gaps, ece_scores
from robustsweep.results.statistics.intervals import Floats
from robustsweep.results.stored.cells import Array
from robustsweep.results.stored.recounts import ContradictionError
from robustsweep.results.stored.store import NEEDS_EXAMPLES

FLAGS = ("error", "accuracy", "top5_error")
"""Quantities that compacted runs hold for each image."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the cells of one checkpoint say image by image.

    Attributes:
        scores: By name of the score, shape (n,); its mean is the score.
        bins: Images by confidence, by name of the cells that were pooled.
        failures: Why predictions cannot be read.
        problems: Why confidences or probabilities cannot be read.
    """

    scores: dict[str, Floats] = field(default_factory=dict)
    bins: dict[str, Bins] = field(default_factory=dict)
    failures: list[DataError] = field(default_factory=list)
    problems: list[DataError] = field(default_factory=list)


def read_scores(cells: MeasuredCells, scores: Sequence[Score]) -> dict[str, Floats]:
    """Compute each score of each image, as ``read`` does.

    Raises:
        DataError: If some cell cannot be read.
    """
    found = read(cells, scores)
    if errors := [*found.failures, *found.problems]:
        raise errors[0]
    return found.scores


def read(
    cells: MeasuredCells, scores: Sequence[Score], pooled: Mapping[str, Sequence[CellName]] = MappingProxyType({})
) -> Reading:
    """Compute each score of each image; each cell is read once.

    Args:
        cells: The cells of one checkpoint.
        scores: What to compute, of quotients their parts; those with a cell that is not measured are left out, and
            those of other quantities than right and wrong if a cell is compacted and its folder gone.
        pooled: Cells whose images are sorted by confidence, by name; likewise.

    Raises:
        ContradictionError: If what is stored per image contradicts the counts.
    """
    parts = {part.name: part for score in scores if not score.no_interval for part in score.parts}
    possible = [part for part in parts.values() if all(cell in cells.rows for cell in part.needed)]
    possible = [part for part in possible if not lacks_examples(cells, part)]
    reader = _Reader(cells, {name: all_ for name, all_ in pooled.items() if all(cell in cells.rows for cell in all_)})
    wanted: dict[CellName, list[tuple[Score, float]]] = {cell: [] for all_ in reader.pooled.values() for cell in all_}
    for part in possible:
        for cell, weight in zip(part.cells, part.weights, strict=True):
            wanted.setdefault(cell, []).append((part, weight))
    for cell, users in wanted.items():
        reader.take(cell, [user for user in users if user[0].quantity in FLAGS], of_probabilities=False)
        reader.take(cell, [user for user in users if user[0].quantity not in FLAGS], of_probabilities=True)
    return reader.reading(possible)


class _Reader:
    """Sums over cells, for each image, of what scores take from each cell."""

    def __init__(self, cells: MeasuredCells, pooled: Mapping[str, Sequence[CellName]]) -> None:
        self._cells, self.pooled = cells, pooled
        self._sums: dict[str, Floats] = {}
        self._bins: dict[str, list[Bins]] = {name: [] for name in pooled}
        self._undisturbed: Array | None = None
        self._unread: set[str] = set()
        self._failures: list[DataError] = []
        self._problems: list[DataError] = []

    def take(self, cell: CellName, users: Sequence[tuple[Score, float]], *, of_probabilities: bool) -> None:
        """Add one cell to the scores that use it; if it cannot be read, these are left out."""
        try:
            self._add(cell, users)
            for name, found in self._bins.items() if of_probabilities else ():
                found.extend([self._cells.bins(cell)] if cell in self.pooled[name] else [])
        except ContradictionError:
            raise
        except DataError as error:
            (self._problems if of_probabilities else self._failures).append(error)
            self._unread |= {score.name for score, _ in users}

    def _add(self, cell: CellName, users: Sequence[tuple[Score, float]]) -> None:
        found: dict[str, Floats] = {}
        for score, weight in users:
            if score.quantity == "ece":
                gaps = self._sums.setdefault(score.name, np.zeros((self._cells.rows[cell]["n"], N_BINS)))
                confidence = np.asarray(self._cells.examples(cell).confidence, dtype=np.float64)
                add_bin_gaps(gaps, confidence, ~self._cells.wrong(cell))
                continue
            if score.quantity not in found:
                is_known = score.quantity == "accuracy" and "error" in found
                taken = 1 - found["error"] if is_known else self._quantity(cell, score.quantity)
                found[score.quantity] = np.asarray(taken, dtype=np.float64)
            part = weight * found[score.quantity]
            if score.name in self._sums:
                self._sums[score.name] += part
            else:
                self._sums[score.name] = part

    def _quantity(self, cell: CellName, quantity: str) -> Array:
        if quantity == "error":
            return self._cells.wrong(cell)
        if quantity == "accuracy":
            return ~self._cells.wrong(cell)
        if quantity == "top5_error":
            return ~self._cells.top5_hit(cell)
        if quantity == "changed":
            if self._undisturbed is None:
                self._undisturbed = self._cells.examples(CLEAN_CELL).prediction
            return np.asarray(self._cells.examples(cell).prediction != self._undisturbed)
        return self._cells.examples(cell).arrays()[quantity]

    def reading(self, scores: Sequence[Score]) -> Reading:
        """Return the scores and bins whose cells could all be read."""
        found = {}
        for score in scores:
            if score.name not in self._unread:
                total = self._sums[score.name]
                found[score.name] = ece_scores(total / len(score.cells)) if score.quantity == "ece" else total
        bins = {name: Bins.pooled(b) for name, b in self._bins.items() if len(b) == len(self.pooled[name])}
        return Reading(found, bins, self._failures, self._problems)


def lacks_examples(cells: MeasuredCells, score: Score) -> bool:
    """Say whether a score whose cells are all measured needs more of one than a compacted run holds."""
    return score.quantity not in FLAGS and not all(cells.has_examples(cell) for cell in score.needed)


def left_out(unit: Unit, checkpoint_ids: Sequence[str], scores: Sequence[Score], runs: Sequence[Path]) -> list[str]:
    """Say that ``read_scores`` leaves calibration out if some of the checkpoints are held compacted alone."""
    for identifier in checkpoint_ids:
        cells = MeasuredCells.of(unit, identifier, runs)
        if any(lacks_examples(cells, score) for score in scores if all(cell in cells.rows for cell in score.cells)):
            return [f"ECE, NLL and Brier are left out: comparing them {NEEDS_EXAMPLES}"]
    return []
