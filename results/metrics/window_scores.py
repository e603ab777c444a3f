"""What windows do to the answers of one checkpoint, image by image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.stored.store import CellStore

EDGES = ("hard", "linear", "gauss")
FILLINGS = ("image", "mean", "noise")
FRACTIONS = (0.25, 0.375, 0.5)

Row = Mapping[Any, Any]
Window = tuple[str, str, float]
PerImage = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class WindowAnswers:
    """One checkpoint's answers by edge, filling and fraction; bool arrays of shape (n,).

    Attributes:
        right: Whether the prediction under the window is the label.
        changed: Whether it differs from the clean prediction; empty where the clean cell is missing, without what runs
            hold compacted alone.
        lacks_predictions: Whether some cell is held compacted alone.
    """

    right: Mapping[Window, Flags]
    changed: Mapping[Window, Flags]
    lacks_predictions: bool = False


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A mean over images of differences within each image.

    Attributes:
        mean: Fraction; above zero where the first is larger.
        standard_error: sd / sqrt(n) over the images, or None for a single image.
    """

    mean: float
    standard_error: float | None


def read_answers(unit: Unit, checkpoint_id: str, runs: Sequence[Path]) -> WindowAnswers:
    """Read a checkpoint's per-image answers to the windows of a unit.

    Args:
        unit: The measurements.
        checkpoint_id: One of its checkpoints.
        runs: Where the unit's cells are; the first that holds a cell is read, as for its counts.

    Raises:
        DataError: If per-image arrays, ids or labels are damaged or missing.
    """
    stores = [CellStore(run) for run in runs]
    clean = _cells(unit.rows[unit.rows["kind"] == "clean"], checkpoint_id)
    windows = _cells(unit.windows, checkpoint_id)
    kept = {row["key"]: _store_of(row, stores).has_examples(checkpoint_id, row["key"]) for row in (*clean, *windows)}
    undisturbed = next((_predictions(row, stores) for row in clean if kept[row["key"]]), None)
    right, changed = {}, {}
    for row in windows:
        window = (row["edge"], row["filling"], row["fraction"])
        right[window] = _right(row, stores)
        if undisturbed is not None and kept[row["key"]]:
            changed[window] = _predictions(row, stores) != undisturbed
    return WindowAnswers(right, changed, not all(kept.values()))


def mean_over_fractions(answers: Mapping[Window, Flags], edge: str, filling: str) -> PerImage | None:
    """Average each image over the three fractions: shape (n,), or None where one of them is not measured."""
    wanted = [(edge, filling, fraction) for fraction in FRACTIONS]
    if any(window not in answers for window in wanted):
        return None
    return np.asarray(np.mean([answers[window] for window in wanted], axis=0), dtype=np.float64)


def hard_minus_soft(right: Mapping[Window, Flags], soft: str, filling: str) -> PairedDifference | None:
    """Compare accuracies under a hard and a soft edge, both over the same places and patches.

    Each image contributes one number, its mean over the three fractions, so that its fractions, which are not
    independent, count as one observation.

    Args:
        right: As in ``WindowAnswers``.
        soft: ``"linear"`` or ``"gauss"``.
        filling: One of ``FILLINGS``.

    Returns:
        The difference of accuracies as a fraction, or None where one of the six cells is not measured.
    """
    first, second = (mean_over_fractions(right, edge, filling) for edge in ("hard", soft))
    if first is None or second is None:
        return None
    differences = first - second
    n = len(differences)
    error = float(np.std(differences, ddof=1) / np.sqrt(n)) if n > 1 else None
    return PairedDifference(float(np.mean(differences)), error)


def _cells(rows: pd.DataFrame, checkpoint_id: str) -> list[Row]:
    return list(rows[rows["checkpoint_id"] == checkpoint_id].to_dict("records"))


def _store_of(row: Row, stores: Sequence[CellStore]) -> CellStore:
    return next(store for store in stores if store.has(row["checkpoint_id"], row["key"]))


def _predictions(row: Row, stores: Sequence[CellStore]) -> npt.NDArray[np.int64]:
    examples = _store_of(row, stores).examples_of(row["checkpoint_id"], row["key"])
    return np.asarray(examples.prediction, dtype=np.int64)


def _right(row: Row, stores: Sequence[CellStore]) -> Flags:
    if kept := _store_of(row, stores).summary_of(row["checkpoint_id"], row["key"]):
        return kept.right
    return np.asarray(_predictions(row, stores) == _labels(row, stores), dtype=np.bool_)


def _labels(row: Row, stores: Sequence[CellStore]) -> npt.NDArray[np.int64]:
    store = _store_of(row, stores)
    _, labels = store.images(row["images_key"])
    if len(labels) != row["n"]:
        raise DataError(
            f"{store.root} holds {len(labels)} labels for the {row['n']} images of {row['condition']}; delete its "
            "folder images and sweep again."
        )
    return np.asarray(labels, dtype=np.int64)
