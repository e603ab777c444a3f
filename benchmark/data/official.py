"""The published corrupted sets: CIFAR-10/100-C arrays and ImageNet-C trees, read where they lie."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from robustsweep.benchmark.data.dataset import Dataset, Int64Array, path_id
from robustsweep.benchmark.data.decoding import IMAGE_SUFFIXES, Preprocessing, codec, decode, decode_many
from robustsweep.benchmark.data.fingerprints import file_stamp, hash_files, remembered
from robustsweep.benchmark.data.folders import class_indices
from robustsweep.benchmark.data.trees import FileTree, open_tree, select
from robustsweep.corruptions import SEVERITIES
from robustsweep.errors import DataError

ReadCorrupted = Callable[[str, int, Int64Array], torch.Tensor]


@dataclass(frozen=True)
class OfficialSet:
    """A published corrupted set, with or without the clean images it was made from.

    Attributes:
        name: Shown wherever a result is.
        labels: int64, shape (N,).
        ids: int64, shape (N,).
        classes: Number of classes that labels count in.
        size: Height and width.
        fingerprint: sha256; of the contents for arrays, of paths and sizes for trees.
        preprocessing: What is done between decoding and [0, 1].
        corruptions: The corruptions that are there.
        read: Returns uint8 images (n, 3, H, W) for a corruption, a severity and int64 positions.
        check: Raises DataError if a corruption is missing or malformed.
        clean: The clean images in the same order, or None.
    """

    name: str
    labels: Int64Array
    ids: Int64Array
    classes: int
    size: tuple[int, int]
    fingerprint: str
    preprocessing: str
    corruptions: tuple[str, ...]
    read: ReadCorrupted
    check: Callable[[str], None]
    clean: Dataset | None = None
    notes: tuple[str, ...] = ()


def _read_npy(path: Path) -> npt.NDArray[np.generic]:
    if not path.is_file():
        raise DataError(f"{path} is missing; the published folder has one .npy per corruption and labels.npy.")
    try:
        array: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is truncated or not a .npy file ({error}); fetch it again.") from error
    return array


def _cifar_labels(folder: Path, classes: int) -> Int64Array:
    path = folder / "labels.npy"
    labels = np.asarray(_read_npy(path))
    severities = len(SEVERITIES)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) % severities or not len(labels):
        raise DataError(
            f"{path} should hold integers of shape ({severities} * N,), the test labels once per severity; "
            f"it has dtype {labels.dtype} and shape {labels.shape}."
        )
    blocks = labels.astype(np.int64).reshape(severities, -1)
    if (blocks != blocks[0]).any():
        raise DataError(f"{path}: the labels of the five severities differ; expected the same {blocks.shape[1]} each.")
    if blocks.min() < 0 or blocks.max() >= classes:
        raise DataError(f"{path} has labels outside 0..{classes - 1}.")
    first: Int64Array = blocks[0]
    return first


def open_cifar_c(folder: Path, *, name: str, classes: int, clean: Dataset | None) -> OfficialSet:
    """Open a CIFAR-10-C or CIFAR-100-C folder; arrays are mapped, not loaded.

    Args:
        folder: Holds ``<corruption>.npy`` of shape (5 * N, 32, 32, 3), uint8, severity-major, and ``labels.npy``.
        name: The data set's name.
        classes: 10 or 100.
        clean: The N clean test images in the same order, or None.

    Raises:
        DataError: If the folder, the labels or the clean images do not fit.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; unpack the published archive and give the folder.")
    inner = [path for path in folder.iterdir() if path.is_dir()]
    if not (folder / "labels.npy").is_file() and len(inner) == 1:
        folder = inner[0]
    labels = _cifar_labels(folder, classes)
    _check_clean(clean, labels, folder)
    rows = len(labels)

    def array(corruption: str) -> npt.NDArray[np.generic]:
        path = folder / f"{corruption}.npy"
        images = _read_npy(path)
        expected = (len(SEVERITIES) * rows, 32, 32, 3)
        if images.shape != expected or images.dtype != np.uint8:
            raise DataError(
                f"{path} should hold uint8 of shape {expected}, it has {images.dtype} of shape {images.shape}."
            )
        return images

    def check(corruption: str) -> None:
        array(corruption)

    def read(corruption: str, severity: int, positions: Int64Array) -> torch.Tensor:
        chosen = array(corruption)[(severity - 1) * rows + positions]
        return torch.from_numpy(np.ascontiguousarray(chosen)).permute(0, 3, 1, 2).contiguous()

    paths = sorted(folder.glob("*.npy"))
    return OfficialSet(
        name=name,
        labels=labels,
        ids=np.arange(rows, dtype=np.int64),
        classes=classes,
        size=(32, 32),
        fingerprint=remembered(f"arrays\n{file_stamp(*paths)}", lambda: hash_files(paths)),
        preprocessing="none",
        corruptions=tuple(path.stem for path in paths if path.stem != "labels"),
        read=read,
        check=check,
        clean=clean,
    )


def _leaves(tree: FileTree) -> dict[tuple[str, str], list[str]]:
    """Group ``CORRUPTION/SEVERITY/CLASS/FILE`` by the first two parts."""
    leaves: dict[tuple[str, str], list[str]] = {}
    for name in select(tree.names, IMAGE_SUFFIXES):
        parts = name.split("/", 2)
        if len(parts) == 3 and "/" in parts[2]:
            leaves.setdefault((parts[0], parts[1]), []).append(parts[2])
    return leaves


def open_imagenet_c(path: Path, *, name: str, clean: Dataset | None, workers: int) -> OfficialSet:
    """Open an ImageNet-C tree ``CORRUPTION/SEVERITY/WNID/FILE``; the images get no preprocessing.

    Its fingerprint is of paths and sizes: hashing 75 GB of contents would take longer than the sweep.

    Args:
        path: Folder or archive.
        name: The data set's name.
        clean: Clean images whose paths below the split are ``WNID/FILE`` with the same names, or None.
        workers: Threads that decode.

    Raises:
        DataError: If the tree is empty or does not fit the clean images.
    """
    tree = open_tree(path).without_wrapper()
    leaves = _leaves(tree)
    if not leaves:
        raise DataError(f"{path} holds no CORRUPTION/SEVERITY/CLASS/IMAGE files.")
    (corruption, severity), names = next(iter(leaves.items()))
    folders = tuple(sorted({image.split("/", 1)[0] for image in names}))
    indices = class_indices(folders, path, imagenet=True)
    labels = np.array([indices[image.split("/", 1)[0]] for image in names], dtype=np.int64)
    ids = np.array([path_id(image) for image in names], dtype=np.int64)
    first_name = f"{corruption}/{severity}/{names[0]}"
    first = decode(tree.read(first_name), first_name, Preprocessing())

    def check(corruption: str) -> None:
        for severity in SEVERITIES:
            leaf = leaves.get((corruption, str(severity)), [])
            if leaf != names:
                raise DataError(
                    f"{path}: {corruption}/{severity} should hold the same {len(names)} images as the rest, "
                    f"it holds {len(leaf)}{_first_difference(leaf, names)}."
                )

    def read(corruption: str, severity: int, positions: Int64Array) -> torch.Tensor:
        chosen = [f"{corruption}/{severity}/{names[i]}" for i in positions]
        return decode_many([tree.read(image) for image in chosen], chosen, Preprocessing(), workers)

    return OfficialSet(
        name=name,
        labels=labels,
        ids=ids,
        classes=1000,
        size=(first.shape[1], first.shape[2]),
        fingerprint=hashlib.sha256("\n".join(tree.names).encode() + tree.stamp.encode()).hexdigest(),
        preprocessing=f"none; {codec()}",
        corruptions=tuple(sorted({corruption for corruption, _ in leaves})),
        read=read,
        check=check,
        clean=_matched(clean, ids, labels, path),
    )


def _first_difference(leaf: list[str], names: list[str]) -> str:
    missing = sorted(set(names) - set(leaf))
    extra = sorted(set(leaf) - set(names))
    if missing:
        return f"; the first one missing is {missing[0]}"
    return f"; the first one too many is {extra[0]}" if extra else ""


def _check_clean(clean: Dataset | None, labels: Int64Array, where: Path) -> None:
    if clean is None:
        return
    if len(clean) != len(labels):
        raise DataError(
            f"clean= has {len(clean)} images, {where} has {len(labels)} per severity; they must be the same."
        )
    if (clean.labels != labels).any():
        row = int(np.flatnonzero(clean.labels != labels)[0])
        raise DataError(f"clean= and {where} disagree on the label of image {row}; they must be in the same order.")


def _matched(clean: Dataset | None, ids: Int64Array, labels: Int64Array, where: Path) -> Dataset | None:
    """Reorder the clean images to the official order, by path."""
    if clean is None:
        return None
    row_of = {int(image_id): row for row, image_id in enumerate(clean.ids)}
    missing = [i for i in ids.tolist() if i not in row_of]
    if missing:
        raise DataError(
            f"clean= lacks {len(missing)} of the {len(ids)} images of {where}; paths CLASS/FILE must agree."
        )
    rows = np.array([row_of[int(i)] for i in ids], dtype=np.int64)
    if (clean.labels[rows] != labels).any():
        raise DataError(f"clean= and {where} give different classes to images of the same path.")
    return Dataset(
        name=clean.name,
        split=clean.split,
        labels=labels,
        ids=ids,
        classes=clean.classes,
        size=clean.size,
        fingerprint=clean.fingerprint,
        preprocessing=clean.preprocessing,
        read=lambda positions: clean.read(rows[positions]),
        notes=clean.notes,
    )
