"""Images of one's own in a NumPy ``.npz`` file, read without running anything in it."""

from pathlib import Path

import numpy as np

from robustsweep.benchmark.data.dataset import Dataset, Int64Array, from_array
from robustsweep.errors import DataError
from robustsweep.untrusted.arrays import Array, read_arrays

_ADVICE = "write images, labels and optionally ids with numpy.savez"
_MOST_BYTES = 16 << 30


def open_npz(path: Path, *, name: str, classes: int | None) -> Dataset:
    """Open an ``.npz`` file with ``images``, ``labels`` and optionally ``ids``.

    ``images`` are uint8 of shape (N, H, W, 3), RGB, or grey of shape (N, H, W) or (N, H, W, 1), which becomes three
    equal channels. ``labels`` are integers of shape (N,), from 0. ``ids`` are int64 of
    shape (N,), each once: to them belongs all that is drawn; without them an image's id is its row. Other arrays are
    not read. Together they take up to 16 GiB, and a file above 256 MiB up to 200 times its size.

    Args:
        path: The file.
        name: The data set's name.
        classes: Number of classes; None: one more than the largest label.

    Raises:
        DataError: If it is not such a file, or an array is missing or does not fit.
    """
    if not path.is_file():
        raise DataError(f"{path} {'is not a regular file' if path.exists() else 'does not exist'}; give an .npz file.")
    arrays = _read(path)
    images, labels, ids = arrays["images"], arrays["labels"], arrays.get("ids")
    colours = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or colours.ndim != 4 or colours.shape[3] not in (1, 3) or not images.size:
        raise _unfit(path, "images", "uint8 of shape (N, H, W, 3), or of shape (N, H, W) if they are grey", images)
    shape = (len(colours), 3, *colours.shape[1:3])
    known = _checked_labels(path, labels, len(images), classes)
    return from_array(
        name,
        "all",
        np.ascontiguousarray(np.broadcast_to(colours.transpose(0, 3, 1, 2), shape), dtype=np.uint8),
        known,
        int(known.max()) + 1 if classes is None else classes,
        None if ids is None else _checked_ids(path, ids, len(images)),
    )


def _read(path: Path) -> dict[str, Array]:
    return read_arrays(path, "images", "labels", optional=("ids",), advice=_ADVICE, most_bytes=_MOST_BYTES)


def _unfit(path: Path, key: str, expected: str, array: Array) -> DataError:
    return DataError(f"{path}: {key} should be {expected}; they are {array.dtype} of shape {array.shape}.")


def _checked_labels(path: Path, labels: Array, rows: int, classes: int | None) -> Int64Array:
    if labels.dtype.kind not in "iu" or labels.shape != (rows,):
        raise _unfit(path, "labels", f"integers of shape ({rows},), one for each image", labels)
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= (classes or np.iinfo(np.int64).max):
        allowed = "0 up" if classes is None else f"0 to {classes - 1}, because classes={classes}"
        raise DataError(f"{path}: labels should be from {allowed}; they go from {lowest} to {highest}.")
    return labels.astype(np.int64)


def _checked_ids(path: Path, ids: Array, rows: int) -> Int64Array:
    if ids.dtype != np.int64 or ids.shape != (rows,):
        raise _unfit(path, "ids", f"int64 of shape ({rows},), one for each image", ids)
    checked = ids.astype(np.int64)
    values, counts = np.unique(checked, return_counts=True)
    if (counts > 1).any():
        raise DataError(
            f"{path}: ids should be given once each; {values[counts.argmax()]} is there {counts.max()} times."
        )
    return checked
