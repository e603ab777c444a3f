"""CIFAR-10 and CIFAR-100 from their published pickles, which are parsed without running anything in them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.benchmark.data.files.pickles import ArrayDescription, read_pickle
from robustsweep.benchmark.data.files.trees import FileTree, open_tree
from robustsweep.cache import cache_folder
from robustsweep.errors import DataError

_MEMBERS = {
    ("cifar10", "train"): tuple(f"data_batch_{i}" for i in range(1, 6)),
    ("cifar10", "test"): ("test_batch",),
    ("cifar100", "train"): ("train",),
    ("cifar100", "test"): ("test",),
}
_LABELS_ENTRY = {"cifar10": "labels", "cifar100": "fine_labels"}
_NAMES = {"cifar10": ("batches.meta", "label_names"), "cifar100": ("meta", "fine_label_names")}
_CLASSES = {"cifar10": 10, "cifar100": 100}
_SHAPES = "(N, 3072), (N, 3, 32, 32) or (N, 32, 32, 3)"
_MOST_LABEL = 10**9


def read_batch(content: bytes, name: str, labels_entry: str) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """Parse one published batch, or one that was saved again.

    Args:
        content: The pickle: a dict of ``data``, uint8 of shape (N, 3072), (N, 3, 32, 32) or (N, 32, 32, 3), and labels;
            its keys may be strings or bytes.
        name: What to call it in an error.
        labels_entry: The key of the labels, integers.

    Returns:
        uint8 images of shape (n, 3, 32, 32) and their labels.

    Raises:
        DataError: If it is not such a batch.
    """
    try:
        batch = read_pickle(content)
        if not isinstance(batch, dict):
            raise DataError(f"it holds a {type(batch).__name__}, expected a dict of data and {labels_entry}")
        images = _images(_entry(batch, "data"))
        labels = _labels(_entry(batch, labels_entry), labels_entry)
        if len(labels) != len(images) or not labels:
            raise DataError(f"it holds {len(images)} images but {len(labels)} labels")
    except DataError as error:
        raise DataError(f"{name} is not a CIFAR batch: {error}.") from None
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(f"{name} is not a readable CIFAR batch ({error!r}); fetch it again.") from error
    return images, labels


def _entry(batch: dict[Any, Any], key: str) -> Any:
    for written in (key.encode(), key):
        if written in batch:
            return batch[written]
    there = ", ".join(str(k.decode("latin1") if isinstance(k, bytes) else k)[:40] for k in list(batch)[:8]) or "nothing"
    raise DataError(f"it has no entry {key!r}, but {there}")


def _images(value: Any) -> npt.NDArray[np.uint8]:
    """Bring the pixels into the order (n, 3, 32, 32), by their shape."""
    if not isinstance(value, ArrayDescription):
        raise DataError(f"data is a {type(value).__name__}, expected a uint8 array of shape {_SHAPES}")
    images = value.array()
    if images.dtype != np.uint8:
        raise DataError(f"data is {images.dtype} of shape {images.shape}, expected uint8 of shape {_SHAPES}")
    if images.ndim == 2 and images.shape[1] == 3072:
        return np.ascontiguousarray(images).reshape(-1, 3, 32, 32)
    if images.shape[1:] == (32, 32, 3):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    if images.shape[1:] == (3, 32, 32):
        return np.ascontiguousarray(images)
    raise DataError(f"data has shape {images.shape}, expected {_SHAPES}")


def _labels(value: Any, key: str) -> list[int]:
    if isinstance(value, ArrayDescription):
        array = value.array()
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise DataError(f"{key} is {array.dtype} of shape {array.shape}, expected integers of shape (N,)")
        return [int(label) for label in array]
    if not isinstance(value, list | tuple):
        raise DataError(f"{key} is a {type(value).__name__}, expected a list of integers")
    return [_label(label, key) for label in value]


def _label(value: Any, key: str) -> int:
    if isinstance(value, ArrayDescription):  # a NumPy integer
        scalar = value.array()
        value = int(scalar) if scalar.dtype.kind in "iu" and scalar.ndim == 0 else scalar.dtype.type
    if type(value) is not int or abs(value) > _MOST_LABEL:
        raise DataError(f"{key} holds {str(value)[:40]!r}, expected integers such as 3")
    return value


def open_cifar(kind: str, location: str | None, split: str, download: bool) -> Dataset:
    """Open CIFAR-10 or CIFAR-100.

    Args:
        kind: ``"cifar10"`` or ``"cifar100"``.
        location: Folder or archive with the published python pickles; None: the cache folder.
        split: ``"train"`` or ``"test"``.
        download: Fetch the published archive, by checksum, if it is not there.

    Raises:
        DataError: If files are missing or malformed.
    """
    folder = Path(location).expanduser() if location else cache_folder() / "datasets"
    tree = open_tree(_downloaded(kind, folder) if download else _archive_or_folder(kind, folder))
    by_name = {name.rsplit("/", 1)[-1]: name for name in tree.names}
    images, labels = [], []
    for member in _MEMBERS[kind, split]:
        if member not in by_name:
            raise DataError(f"{tree.root} has no file {member!r}; expected the published python version of {kind}.")
        place = f"{tree.root}: {member}"
        batch_images, batch_labels = read_batch(tree.read(by_name[member]), place, _LABELS_ENTRY[kind])
        images.append(batch_images)
        labels += batch_labels
    classes = _CLASSES[kind]
    if not 0 <= min(labels) <= max(labels) < classes:
        raise DataError(f"{tree.root} has labels outside 0..{classes - 1}; is it {kind}?")
    data = from_array(kind, split, np.concatenate(images), np.asarray(labels, dtype=np.int64), classes)
    return replace(data, class_names=lambda: _class_names(kind, tree, by_name))


def _class_names(kind: str, tree: FileTree, by_name: Mapping[str, str]) -> tuple[str, ...]:
    """Read the names that are published beside the batches; nothing if they are not there or not as published."""
    member, key = _NAMES[kind]
    try:
        found = _entry(read_pickle(tree.read(by_name[member])), key)
        names = tuple(name.decode() if isinstance(name, bytes) else name for name in found)
    except Exception:  # a damaged pickle can raise anything, and no number needs it
        return ()
    return names if len(names) == _CLASSES[kind] and all(isinstance(name, str) for name in names) else ()


def _published(kind: str) -> Any:
    from torchvision.datasets import CIFAR10, CIFAR100

    return CIFAR10 if kind == "cifar10" else CIFAR100


def _archive_or_folder(kind: str, folder: Path) -> Path:
    archive = folder / str(_published(kind).filename)
    if folder.is_dir() and archive.is_file():
        return archive
    if not folder.exists():
        raise DataError(
            f"{folder}, in which {kind} is looked for, does not exist; give its folder, {kind}:FOLDER, or add "
            ",download=yes to fetch the published file."
        )
    return folder


def _downloaded(kind: str, folder: Path) -> Path:
    from torchvision.datasets.utils import download_url

    published = _published(kind)
    try:
        download_url(published.url, folder, published.filename, published.tgz_md5)
    except (OSError, RuntimeError) as error:
        raise DataError(f"{published.url} could not be fetched to {folder} ({error}).") from error
    return folder / str(published.filename)
