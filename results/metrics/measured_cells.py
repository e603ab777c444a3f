"""The cells of one checkpoint, as they lie in run folders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.metrics.scores import CellName
from robustsweep.results.statistics.calibration import Bins, binned
from robustsweep.results.statistics.intervals import Ids
from robustsweep.results.stored.cells import Array, Examples
from robustsweep.results.stored.compact.layout import Summary
from robustsweep.results.stored.recounts import ContradictionError
from robustsweep.results.stored.store import CellStore

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
    # What was unpacked last: errors, confidences and top-5 hits of a cell are asked for one after another.
    _last: dict[CellName, Summary | None] = field(default_factory=dict, init=False)

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
                f"The predictions of {cell[0]} of {row['checkpoint']} give {int(found.sum())} errors, its counts "
                f"{int(row['n'] - row['n_right'])}; delete the folder {row['key'][:16]} and sweep again."
            )
        return found

    def top5_hit(self, cell: CellName) -> Flags:
        """Return whether each image's label was among the five largest logits."""
        kept = self._summary(cell)
        return kept.top5_hit if kept else np.asarray(self.examples(cell).top5_hit, dtype=np.bool_)

    def _answers(self, cell: CellName) -> tuple[Array | None, Flags]:
        """Read, if there are any, the eps levels of a cell's images, and whether each was right."""
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
        if cell not in self._last:
            row = self.rows[cell]
            self._last.clear()
            self._last[cell] = self._store(row).summary_of(row["checkpoint_id"], row["key"])
        return self._last[cell]

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
    for part in (unit.rows, unit.attacks, unit.windows, unit.sequences):
        mine = part.loc[part["checkpoint_id"].isin(checkpoint_ids), _COLUMNS]
        for values in zip(*(mine[name].tolist() for name in _COLUMNS), strict=True):
            row = dict(zip(_COLUMNS, values, strict=True))
            found[row["checkpoint_id"]][str(row["condition"]), _text(row["eps"])] = row
    return found


def _text(eps: object) -> str:
    return eps if isinstance(eps, str) else ""
