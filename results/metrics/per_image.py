"""Scores image by image, read from the cells of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.metrics.scores import CellName, Score
from robustsweep.results.statistics.calibration import Bins, bin_gaps, binned, ece_scores
from robustsweep.results.statistics.intervals import Floats, Ids
from robustsweep.results.stored.cells import Array, Examples
from robustsweep.results.stored.compact.layout import Summary
from robustsweep.results.stored.recounts import ContradictionError
from robustsweep.results.stored.store import NEEDS_EXAMPLES, CellStore

Flags = npt.NDArray[np.bool_]

_COLUMNS = [
    *("key", "checkpoint_id", "checkpoint", "condition", "kind", "eps", "eps_value"),
    *("setting", "images_key", "n", "n_right"),
]


@dataclass(frozen=True, eq=False)
class MeasuredCells:
    """The cells of one checkpoint of a unit.

    Attributes:
        rows: Their rows of the frame, as far as they are needed here, by condition and eps.
        stores: Where they are; the first that holds a cell is read, as for its counts.
    """

    rows: Mapping[CellName, Mapping[Any, Any]]
    stores: tuple[CellStore, ...]

    @classmethod
    def of(cls, unit: Unit, checkpoint_id: str, runs: Sequence[Path]) -> "MeasuredCells":
        """Find the cells of a checkpoint."""
        return cls(_rows(unit, [checkpoint_id])[checkpoint_id], tuple(CellStore(run) for run in runs))

    @classmethod
    def of_each(cls, unit: Unit, runs: Sequence[Path]) -> list["MeasuredCells"]:
        """Find the cells of every checkpoint of a unit, in its order."""
        stores = tuple(CellStore(run) for run in runs)
        return [cls(rows, stores) for rows in _rows(unit, [str(i) for i in unit.checkpoints.index]).values()]

    @property
    def settings(self) -> Mapping[CellName, str]:
        """All that decides the numbers of each measured cell but the checkpoint, as canonical JSON."""
        return {cell: str(row["setting"]) for cell, row in self.rows.items()}

    def wrong(self, cell: CellName) -> Flags:
        """Return whether each image was wrong; for an attack, wrong at that eps or before."""
        row = self.rows[cell]
        rung, right = self._answers(cell)
        found = ~right if rung is None else np.asarray(rung <= self._rung_of(cell), dtype=np.bool_)
        if int(found.sum()) != int(row["n"] - row["n_right"]):
            raise ContradictionError(
                f"The per-image answers of {cell[0]} of {row['checkpoint']} give {int(found.sum())} errors, its counts "
                f"{int(row['n'] - row['n_right'])}; delete the folder {row['key'][:16]} and sweep again."
            )
        return found

    def _answers(self, cell: CellName) -> tuple[Array | None, Flags]:
        """Read, where there are any, the rungs of a cell's images, and whether each was right."""
        if kept := self._summary(cell):
            return kept.rung, kept.right
        examples = self.examples(cell)
        return examples.rung, np.asarray(examples.prediction == self.images(cell)[1], dtype=np.bool_)

    def _rung_of(self, cell: CellName) -> int:
        row = self.rows[cell]
        return sum(r["key"] == row["key"] and r["eps_value"] < row["eps_value"] for r in self.rows.values())

    def bins(self, cell: CellName) -> Bins:
        """Sort the images of a cell by confidence.

        Raises:
            DataError: If it is an attack's, whose confidences belong to none of its eps in particular.
        """
        if self.rows[cell]["kind"] == "attack":
            raise DataError(f"{cell[0]} is an attack; its confidences belong to no one eps.")
        if kept := self._summary(cell):
            return kept.bins
        return binned(np.asarray(self.examples(cell).confidence, dtype=np.float64), ~self.wrong(cell))

    def has_examples(self, cell: CellName) -> bool:
        """Say whether what is stored per image can be read, and not the summary of a compacted run alone."""
        row = self.rows[cell]
        return self._store(row).has_examples(row["checkpoint_id"], row["key"])

    def examples(self, cell: CellName) -> Examples:
        """Read what is stored per image.

        Raises:
            DataError: If the cell is compacted and its folder gone.
        """
        row = self.rows[cell]
        return self._store(row).examples_of(row["checkpoint_id"], row["key"])

    def _summary(self, cell: CellName) -> Summary | None:
        row = self.rows[cell]
        return self._store(row).summary_of(row["checkpoint_id"], row["key"])

    def images(self, cell: CellName) -> tuple[Ids, Ids]:
        """Read the ids and labels of a cell's images, each of shape (n,)."""
        row = self.rows[cell]
        store = self._store(row)
        ids, labels = store.images(row["images_key"])
        if len(ids) != row["n"] or len(labels) != row["n"]:
            raise DataError(
                f"{store.root} holds {len(labels)} labels for the {row['n']} images of {cell[0]}; delete its folder "
                "images and sweep again."
            )
        return ids, labels

    def _store(self, row: Mapping[Any, Any]) -> CellStore:
        if len(self.stores) == 1:
            return self.stores[0]
        return next(store for store in self.stores if store.has(row["checkpoint_id"], row["key"]))


def _rows(unit: Unit, checkpoint_ids: Sequence[str]) -> dict[str, dict[CellName, dict[str, Any]]]:
    """Return rows of the frame by checkpoint, condition and eps."""
    found: dict[str, dict[CellName, dict[str, Any]]] = {identifier: {} for identifier in checkpoint_ids}
    for part in (unit.rows, unit.attacks, unit.windows):
        mine = part.loc[part["checkpoint_id"].isin(checkpoint_ids), _COLUMNS]
        for values in zip(*(mine[name].tolist() for name in _COLUMNS), strict=True):
            row = dict(zip(_COLUMNS, values, strict=True))
            found[row["checkpoint_id"]][str(row["condition"]), _text(row["eps"])] = row
    return found


def read_scores(cells: MeasuredCells, scores: Sequence[Score]) -> dict[str, Floats]:
    """Compute each score of each image; each cell is read once.

    Args:
        cells: The cells of one checkpoint.
        scores: What to compute; those with a cell that is not measured are left out, and those of other quantities than
            errors where a cell is compacted and its folder gone.

    Returns:
        By name of the score, shape (n,); its mean is the score.
    """
    possible = [score for score in scores if all(cell in cells.rows for cell in score.cells)]
    possible = [score for score in possible if not lacks_examples(cells, score)]
    sums: dict[str, Floats] = {}
    for cell in dict.fromkeys(cell for score in possible for cell in score.cells):
        users = [score for score in possible if cell in score.cells]
        found = _quantities(cells, cell, {score.quantity for score in users})
        for score in users:
            part = score.weights[score.cells.index(cell)] * found[score.quantity]
            if score.name in sums:
                sums[score.name] += part
            else:
                sums[score.name] = part
    by_name = {score.name: score for score in possible}
    return {name: ece_scores(v) if by_name[name].quantity == "ece" else v for name, v in sums.items()}


def lacks_examples(cells: MeasuredCells, score: Score) -> bool:
    """Say whether a score whose cells are all measured needs more of one than a compacted run holds."""
    return score.quantity != "error" and not all(cells.has_examples(cell) for cell in score.cells)


def left_out(unit: Unit, checkpoint_ids: Sequence[str], scores: Sequence[Score], runs: Sequence[Path]) -> list[str]:
    """Say that ``read_scores`` leaves calibration out where some of the checkpoints are held compacted alone."""
    for identifier in checkpoint_ids:
        cells = MeasuredCells.of(unit, identifier, runs)
        if any(lacks_examples(cells, score) for score in scores if all(cell in cells.rows for cell in score.cells)):
            return [f"ECE, NLL and Brier are left out: comparing them {NEEDS_EXAMPLES}"]
    return []


def _quantities(cells: MeasuredCells, cell: CellName, wanted: set[str]) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    if wanted & {"error", "ece"}:
        found["error"] = cells.wrong(cell).astype(np.float64)
    if wanted & {"ece", "nll", "brier"}:
        examples = cells.examples(cell)
        found["nll"], found["brier"] = (np.asarray(a, dtype=np.float64) for a in (examples.nll, examples.brier))
        if "ece" in wanted:
            confidence = np.asarray(examples.confidence, dtype=np.float64)
            found["ece"] = bin_gaps(confidence, found["error"] == 0)
    return found


def _text(eps: object) -> str:
    return eps if isinstance(eps, str) else ""
