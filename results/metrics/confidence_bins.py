"""How sure the checkpoints of a unit were, and how often rightly: bins of confidence, and ECE image by image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import CORRUPTIONS, conditions_of
from robustsweep.results.metrics.per_image import MeasuredCells
from robustsweep.results.metrics.scores import CellName
from robustsweep.results.statistics.calibration import N_BINS, Bins, add_bin_gaps, ece_scores
from robustsweep.results.statistics.intervals import Floats
from robustsweep.results.stored.recounts import ContradictionError

WHERE: Mapping[str, tuple[CellName, ...]] = {
    "clean": (("clean", ""),),
    "corruptions": tuple((condition, "") for condition in conditions_of(*CORRUPTIONS)),
}
"""The images that are pooled, by name: the clean ones, and all of 15 corruptions x 5 severities."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """One checkpoint's confidence on the images of ``WHERE``; what is not measured, or cannot be read, is left out.

    Attributes:
        bins: Images by confidence.
        scores: One number per image whose mean is ECE; absent where the confidences of single images are not stored.
        problems: Why something measured is left out.
    """

    bins: Mapping[str, Bins]
    scores: Mapping[str, Floats]
    problems: tuple[str, ...]


def read_calibrations(unit: Unit, runs: Sequence[Path]) -> list[Calibration]:
    """Read the confidences of a unit's checkpoints, in their order.

    Args:
        unit: The measurements.
        runs: Where their cells are.

    Raises:
        ContradictionError: If what is stored per image contradicts the counts.
    """
    return [_read(cells) for cells in MeasuredCells.of_each(unit, runs)]


def _read(cells: MeasuredCells) -> Calibration:
    bins: dict[str, Bins] = {}
    scores: dict[str, Floats] = {}
    problems: dict[str, None] = {}
    for where, wanted in WHERE.items():
        if any(cell not in cells.rows for cell in wanted):
            continue
        try:
            bins[where], gaps = _pooled(cells, wanted)
            scores[where] = ece_scores(_whole(cells, gaps, wanted))
        except ContradictionError:
            raise
        except DataError as error:
            problems[str(error)] = None
    return Calibration(bins, scores, tuple(problems))


def _pooled(cells: MeasuredCells, wanted: Sequence[CellName]) -> tuple[Bins, Floats]:
    """Pool the bins of some cells, and add the images' parts of their gaps, shape (n, bins), where these are stored."""
    bins, gaps = [], np.zeros((cells.rows[wanted[0]]["n"], N_BINS))
    for cell in wanted:
        bins.append(cells.bins(cell))
        if cells.has_examples(cell):
            confidence = np.asarray(cells.examples(cell).confidence, dtype=np.float64)
            add_bin_gaps(gaps, confidence, ~cells.wrong(cell))
    return Bins.pooled(bins), gaps


def _whole(cells: MeasuredCells, gaps: Floats, wanted: Sequence[CellName]) -> Floats:
    """Return the mean gaps; where what is stored per image of a cell is gone, reading it says so."""
    for cell in wanted:
        if not cells.has_examples(cell):
            cells.examples(cell)
    return gaps / len(wanted)
