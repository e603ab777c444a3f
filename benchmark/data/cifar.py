"""CIFAR-10 and CIFAR-100 from their published pickles, which are parsed without running anything in them."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.benchmark.data.trees import open_tree
from robustsweep.cache import cache_folder
from robustsweep.errors import DataError

_MEMBERS = {
    ("cifar10", "train"): tuple(f"data_batch_{i}" for i in range(1, 6)),
    ("cifar10", "test"): ("test_batch",),
    ("cifar100", "train"): ("train",),
    ("cifar100", "test"): ("test",),
}
_LABELS_ENTRY = {"cifar10": b"labels", "cifar100": b"fine_labels"}


class _ArrayDescription:
    """Stands in for a pickled NumPy array: it keeps the state and executes nothing."""

    def __init__(self) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def pixels(self) -> npt.NDArray[np.uint8]:
        _, shape, dtype, is_fortran, content = self.state
        if dtype.code not in (b"u1", "u1") or is_fortran or not isinstance(content, bytes):
            raise ValueError("the pixels are not a C-ordered uint8 array")
        return np.frombuffer(content, dtype=np.uint8).reshape(shape)


class _DtypeDescription:
    """Stands in for a pickled NumPy dtype."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        del state


def _describe_array(*_: Any) -> _ArrayDescription:
    return _ArrayDescription()


def _latin1_bytes(text: str, encoding: str) -> bytes:
    # Python 3 writes bytes this way into old pickle protocols.
    del encoding
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _describe_array,
    ("numpy._core.multiarray", "_reconstruct"): _describe_array,
    ("numpy", "ndarray"): _ArrayDescription,
    ("numpy", "dtype"): _DtypeDescription,
    ("_codecs", "encode"): _latin1_bytes,
}


class _InertUnpickler(pickle.Unpickler):
    """Reads the published batches; every name in the file is replaced by an inert stand-in or refused."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise DataError(
                f"it asks to run {module}.{name}, which no published CIFAR batch does; nothing was executed"
            ) from None


def read_batch(content: bytes, name: str, labels_entry: bytes) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """Parse one published batch.

    Returns:
        uint8 images of shape (n, 3, 32, 32) and their labels.

    Raises:
        DataError: If it is not such a batch.
    """
    try:
        batch = _InertUnpickler(io.BytesIO(content), encoding="bytes").load()
        images = batch[b"data"].pixels().reshape(-1, 3, 32, 32)
        labels = [int(label) for label in batch[labels_entry]]
        if len(labels) != len(images) or not labels:
            raise ValueError(f"{len(images)} images but {len(labels)} labels")
    except DataError as error:
        raise DataError(f"{name} is not a CIFAR batch: {error}.") from None
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(f"{name} is not a readable CIFAR batch ({error!r}); fetch it again.") from error
    return images, labels


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
        batch_images, batch_labels = read_batch(tree.read(by_name[member]), member, _LABELS_ENTRY[kind])
        images.append(batch_images)
        labels += batch_labels
    classes = 10 if kind == "cifar10" else 100
    if not 0 <= min(labels) <= max(labels) < classes:
        raise DataError(f"{tree.root} has labels outside 0..{classes - 1}; is it {kind}?")
    return from_array(kind, split, np.concatenate(images), np.asarray(labels, dtype=np.int64), classes)


def _published(kind: str) -> Any:
    from torchvision.datasets import CIFAR10, CIFAR100

    return CIFAR10 if kind == "cifar10" else CIFAR100


def _archive_or_folder(kind: str, folder: Path) -> Path:
    archive = folder / str(_published(kind).filename)
    if folder.is_dir() and archive.is_file():
        return archive
    if not folder.exists():
        raise DataError(
            f"{folder} does not exist; give {kind}:FOLDER, or add download=yes to fetch the published file."
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
