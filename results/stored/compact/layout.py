"""A compacted checkpoint: one small file that stands in for all its cells.

``compact/<checkpoint id>.npz`` holds, without pickles and for the cells in the order of ``keys``:

=================  ==========  =====================================================================================
``keys``           uint8       shape (cells, 32), the keys
``manifest``       uint8       JSON as bytes: schema version, checkpoint, and each cell but its checkpoint
``sha256``         uint8       hash of all other arrays, see ``sealed_arrays``
``sizes``          int64       shape (cells, 2): images, and how many of them have an eps level (all or none)
``hits``           uint8       whether each prediction is the label, and the label in the top 5, see ``packed_hits``
``rung``           int8        n values per attack: as in ``Examples``
``bin_counts``     int64       shape (cells, 15): as in ``Bins``
``bin_right``      int64       likewise
``bin_confidence`` float64     likewise
``scores``         float64     shape (cells, 2, 2): mean and standard error of NLL and of the Brier score
=================  ==========  =====================================================================================

The cells are sorted by number of images and by condition. Files of earlier versions hold ``right`` and ``top5_hit`` in
place of ``hits``: packed bits, ceil(n / 8) bytes per cell.

It holds neither predictions nor what each image got of confidence, NLL, Brier score or distance: whoever needs those
needs the cells' own folders.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from robustsweep.results.statistics.calibration import Bins, binned
from robustsweep.results.statistics.intervals import Estimate
from robustsweep.results.stored.cells import Array, Cell, Examples
from robustsweep.results.stored.compact.packed_hits import packed_hits
from robustsweep.results.stored.json.documents import SCHEMA_VERSION
from robustsweep.results.stored.sealed_arrays import sealed_arrays

SCORES = ("nll", "brier")
BINS = ("bin_counts", "bin_right", "bin_confidence")


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """What a compacted checkpoint keeps of the images of one cell.

    Attributes:
        right: bool, shape (n,), whether the prediction is the label.
        top5_hit: bool, shape (n,).
        rung: int8, shape (n,), for attacks, else None: as in ``Examples``.
        bins: By confidence.
        scores: Mean over the images of ``"nll"`` and ``"brier"``, with standard errors (NaN for a single image).
    """

    right: npt.NDArray[np.bool_]
    top5_hit: npt.NDArray[np.bool_]
    rung: Array | None
    bins: Bins
    scores: Mapping[str, Estimate]


def summarised(examples: Examples, labels: Array) -> Summary:
    """Reduce the per-image arrays of a cell to what is kept.

    Raises:
        DataError: If a confidence lies outside [0, 1].
    """
    right = np.asarray(examples.prediction == labels, dtype=np.bool_)
    bins = binned(np.asarray(examples.confidence, dtype=np.float64), right)
    scores = {name: _mean(examples.arrays()[name]) for name in SCORES}
    return Summary(right, np.asarray(examples.top5_hit, dtype=np.bool_), examples.rung, bins, scores)


def _mean(values: Array) -> Estimate:
    n, exact = len(values), np.asarray(values, dtype=np.float64)
    error = float(np.std(exact, ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return Estimate(float(exact.mean()), error, n - 1, n)


def compacted(cells: Sequence[tuple[Cell, Summary]]) -> bytes:
    """Return the content of the file of one checkpoint.

    Args:
        cells: All its cells, at least one.
    """
    cells = sorted(cells, key=lambda one: (one[0].counts.n, one[0].condition["name"], one[0].key))
    described = [{name: value for name, value in asdict(cell).items() if name != "checkpoint"} for cell, _ in cells]
    manifest = {"schema_version": SCHEMA_VERSION, "checkpoint": cells[0][0].checkpoint, "cells": described}
    text = json.dumps(manifest, separators=(",", ":"), allow_nan=False).encode()
    summaries = [summary for _, summary in cells]
    scores = [[(one.value, one.standard_error) for one in map(s.scores.__getitem__, SCORES)] for s in summaries]
    return sealed_arrays(
        {
            "keys": np.stack([np.frombuffer(bytes.fromhex(cell.key), np.uint8) for cell, _ in cells]),
            "manifest": np.frombuffer(text, np.uint8),
            "sizes": np.array([(len(s.right), 0 if s.rung is None else len(s.rung)) for s in summaries], np.int64),
            "hits": packed_hits([s.right for s in summaries], [s.top5_hit for s in summaries]),
            "rung": np.concatenate([np.zeros(0, np.int8), *(s.rung for s in summaries if s.rung is not None)]),
            "bin_counts": np.stack([s.bins.counts for s in summaries]),
            "bin_right": np.stack([s.bins.right for s in summaries]),
            "bin_confidence": np.stack([s.bins.confidence for s in summaries]),
            "scores": np.array(scores, np.float64),
        }
    )
