"""A compacted checkpoint: one small file that answers for all its cells.

``compact/<checkpoint id>.npz`` holds, without pickles and for the cells in the order of ``keys``:

=================  ==========  =====================================================================================
``keys``           uint8       shape (cells, 32), the keys
``manifest``       uint8       JSON as bytes: schema version, checkpoint, and each cell but its checkpoint
``sizes``          int64       shape (cells, 2): images, and how many of them have a rung (all or none)
``right``          uint8       packed bits, ceil(n / 8) bytes per cell: whether the prediction is the label
``top5_hit``       uint8       likewise: whether the label is among the five largest logits
``rung``           int8        n values per attack: as in ``Examples``
``bin_counts``     int64       shape (cells, 15): as in ``Bins``
``bin_right``      int64       likewise
``bin_confidence`` float64     likewise
``scores``         float64     shape (cells, 2, 2): mean and standard error of NLL and of the Brier score
=================  ==========  =====================================================================================

It holds neither predictions nor what each image got of confidence, NLL, Brier score or distance: whoever needs those
needs the cells' own folders.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError
from robustsweep.results.cells import Array, Cell, Examples
from robustsweep.results.files import npz_bytes, read_npz
from robustsweep.results.statistics.calibration import N_BINS, Bins, binned
from robustsweep.results.statistics.intervals import Estimate

SCHEMA_VERSION = 1
SCORES = ("nll", "brier")
_BINS = ("bin_counts", "bin_right", "bin_confidence")
_KEY_BYTES = 32


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
    described = [{name: value for name, value in asdict(cell).items() if name != "checkpoint"} for cell, _ in cells]
    manifest = {"schema_version": SCHEMA_VERSION, "checkpoint": cells[0][0].checkpoint, "cells": described}
    text = json.dumps(manifest, separators=(",", ":"), allow_nan=False).encode()
    summaries = [summary for _, summary in cells]
    scores = [[(one.value, one.standard_error) for one in map(s.scores.__getitem__, SCORES)] for s in summaries]
    return npz_bytes(
        {
            "keys": np.stack([np.frombuffer(bytes.fromhex(cell.key), np.uint8) for cell, _ in cells]),
            "manifest": np.frombuffer(text, np.uint8),
            "sizes": np.array([(len(s.right), 0 if s.rung is None else len(s.rung)) for s in summaries], np.int64),
            "right": np.concatenate([np.packbits(s.right) for s in summaries]),
            "top5_hit": np.concatenate([np.packbits(s.top5_hit) for s in summaries]),
            "rung": np.concatenate([np.zeros(0, np.int8), *(s.rung for s in summaries if s.rung is not None)]),
            "bin_counts": np.stack([s.bins.counts for s in summaries]),
            "bin_right": np.stack([s.bins.right for s in summaries]),
            "bin_confidence": np.stack([s.bins.confidence for s in summaries]),
            "scores": np.array(scores, np.float64),
        }
    )


def read_keys(path: Path) -> tuple[str, ...]:
    """Read the keys of the cells that a file answers for.

    Raises:
        DataError: If it cannot be read.
    """
    return _keys(read_npz(path, "keys")["keys"], path)


def _keys(packed: Array, path: Path) -> tuple[str, ...]:
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != _KEY_BYTES:
        raise _damaged(path, f"keys of shape {packed.shape}")
    return tuple(row.tobytes().hex() for row in packed)


def _damaged(path: Path, reason: object) -> DataError:
    return DataError(f"{path} is not a compacted checkpoint ({reason}); delete it and sweep again.")


def read_cells(path: Path) -> dict[str, Cell]:
    """Read the cells of a file, by key.

    Raises:
        DataError: If it is damaged, or of another schema version.
    """
    arrays = read_npz(path, "keys", "manifest")
    try:
        manifest = json.loads(arrays["manifest"].tobytes())
        if (version := manifest["schema_version"]) != SCHEMA_VERSION:
            raise DataError(f"{path} has schema version {version}; this robustsweep reads {SCHEMA_VERSION}.")
        cells = [Cell.from_json({**cell, "checkpoint": manifest["checkpoint"]}) for cell in manifest["cells"]]
        return dict(zip(_keys(arrays["keys"], path), cells, strict=True))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, repr(error)) from error


class Summaries:
    """The summaries of a file, unpacked one by one.

    Args:
        path: The file.

    Raises:
        DataError: If it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._arrays = read_npz(path, "keys", "sizes", "right", "top5_hit", "rung", *_BINS, "scores")
        self._rows = {key: row for row, key in enumerate(_keys(self._arrays["keys"], path))}
        sizes = self._arrays["sizes"]
        if sizes.shape != (len(self._rows), 2):
            raise _damaged(path, f"sizes of shape {sizes.shape}")
        # Where each cell's bytes and rungs begin, and where the last one's end.
        each = np.stack([(sizes[:, 0] + 7) // 8, sizes[:, 1]], axis=1)
        self._starts = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(each, axis=0)])
        self._check(path)

    def _check(self, path: Path) -> None:
        n_bytes, n_rungs = map(int, self._starts[-1])
        cells = len(self._rows)
        wanted = {"right": (n_bytes,), "top5_hit": (n_bytes,), "rung": (n_rungs,), "scores": (cells, len(SCORES), 2)}
        for name, shape in (wanted | dict.fromkeys(_BINS, (cells, N_BINS))).items():
            if self._arrays[name].shape != shape:
                raise _damaged(path, f"{name} of shape {self._arrays[name].shape}, not {shape}")

    def of(self, key: str) -> Summary:
        """Unpack the summary of one cell."""
        row, arrays = self._rows[key], self._arrays
        n, n_rungs = map(int, arrays["sizes"][row])
        (first, first_rung), (last, last_rung) = self._starts[row : row + 2]
        right, top5_hit = (
            np.unpackbits(arrays[name][first:last], count=n).view(np.bool_) for name in ("right", "top5_hit")
        )
        rung = arrays["rung"][first_rung:last_rung] if n_rungs else None
        scores = {
            name: Estimate(float(value), float(error), n - 1, n)
            for name, (value, error) in zip(SCORES, arrays["scores"][row], strict=True)
        }
        return Summary(right, top5_hit, rung, Bins(*(arrays[name][row] for name in _BINS)), scores)
