"""CIFAR-10-C and CIFAR-100-C: the published arrays, mapped where they lie."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from robustsweep.benchmark.data.corrupted.generated_sets import MANIFEST_NAME
from robustsweep.benchmark.data.corrupted.official import OfficialSet, check_same_order, origin, partial_notes
from robustsweep.benchmark.data.dataset import Dataset, Int64Array
from robustsweep.benchmark.data.files.fingerprints import file_stamp, hash_files, remembered
from robustsweep.corruptions import COMMON, CORRUPTIONS, SEVERITIES
from robustsweep.errors import DataError
from robustsweep.untrusted.files import DOCUMENT_BYTES, read_regular

_MOST_REASON = 200


def read_npy(path: Path) -> npt.NDArray[np.generic]:
    """Map an array that lies in a file.

    Raises:
        DataError: If it is missing or cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; the published folder has one .npy per corruption and labels.npy.")
    try:
        array: npt.NDArray[np.generic] = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header can raise anything
        reason = " ".join(str(error).split())[:_MOST_REASON]
        raise DataError(f"{path} is truncated or not a .npy file ({reason}); fetch it again.") from error
    return array


def _cifar_labels(folder: Path, classes: int) -> Int64Array:
    path = folder / "labels.npy"
    labels = np.asarray(read_npy(path))
    severities = len(SEVERITIES)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) % severities or not len(labels):
        raise DataError(
            f"{path} should hold integers of shape ({severities} * N,), the test labels once per severity; "
            f"it has dtype {labels.dtype} and shape {labels.shape}."
        )
    blocks = labels.astype(np.int64).reshape(severities, -1)
    if (blocks != blocks[0]).any():
        raise DataError(
            f"{path} should hold the same labels once per severity, but its {len(labels)} values differ between "
            "severities; fetch it again."
        )
    if blocks.min() < 0 or blocks.max() >= classes:
        raise DataError(f"{path} has labels outside 0..{classes - 1}.")
    first: Int64Array = blocks[0]
    return first


def _misnamed(folder: Path, known: tuple[str, ...]) -> tuple[str, ...]:
    """Say which file of another name is probably one of the set's."""
    wanted, written = "blue_noise_sample", "blue_noise"
    if wanted not in known or (folder / f"{wanted}.npy").exists() or not (folder / f"{written}.npy").is_file():
        return ()
    return (f"{written}.npy is not read; in some copies it is {wanted}, so rename it to {wanted}.npy if it is.",)


def open_cifar_c(
    folder: Path, *, name: str, classes: int, clean: Dataset | None, only: tuple[str, ...] = ()
) -> OfficialSet:
    """Open a CIFAR-10-C, CIFAR-100-C or C-bar folder; arrays are mapped, not loaded.

    Args:
        folder: Holds ``<corruption>.npy`` of shape (5 * N, 32, 32, 3), uint8, severity-major, and ``labels.npy``.
        name: The data set's name.
        classes: 10 or 100.
        clean: The N clean test images in the same order, or None.
        only: The set's corruptions, if it has others than the common fifteen.

    Raises:
        DataError: If the folder, the labels or the clean images do not fit.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; unpack the published archive and give the folder.")
    inner = list(folder.glob("*/labels.npy"))
    if not (folder / "labels.npy").is_file() and len(inner) == 1:
        folder = inner[0].parent
    labels = _cifar_labels(folder, classes)
    check_same_order(clean, labels, classes, folder)
    rows = len(labels)

    def array(corruption: str) -> npt.NDArray[np.generic]:
        path = folder / f"{corruption}.npy"
        images = read_npy(path)
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

    known = only or tuple(CORRUPTIONS)
    names = ("labels", *known)
    paths = sorted(path for path in folder.glob("*.npy") if path.stem in names)
    for path in paths:
        # Hashing a pipe would wait for a writer.
        if not path.is_file():
            raise DataError(f"{path} is not a regular file; remove it, or fetch it again.")
    if len(paths) < 2:
        wanted = f"corruption of {name}, such as {only[0]}.npy" if only else "corruption, such as fog.npy"
        raise DataError(f"{folder} holds labels.npy but no {wanted}.")
    manifest = folder / MANIFEST_NAME
    provenance, notes = origin(read_regular(manifest, DOCUMENT_BYTES) if manifest.is_file() else None, folder)
    present = tuple(corruption for corruption in known if folder / f"{corruption}.npy" in paths)
    return OfficialSet(
        name=name,
        labels=labels,
        ids=np.arange(rows, dtype=np.int64),
        classes=classes,
        size=(32, 32),
        fingerprint=remembered(f"arrays\n{file_stamp(*paths)}", lambda: hash_files(paths)),
        preprocessing="none",
        corruptions=present,
        read=read,
        check=check,
        clean=clean,
        provenance=provenance,
        notes=(*notes, *_misnamed(folder, known), *partial_notes(name, present, benchmark=only or COMMON)),
        class_names=clean.class_names if clean else tuple,
    )
