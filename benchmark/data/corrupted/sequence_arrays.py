"""CIFAR-10-P and CIFAR-100-P: one array of sequences for each perturbation, as their authors publish them."""

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch

from robustsweep.benchmark.data.corrupted.arrays import read_npy
from robustsweep.benchmark.data.corrupted.official import OfficialSet, partial_notes
from robustsweep.benchmark.data.dataset import Dataset, Int64Array
from robustsweep.benchmark.data.files.fingerprints import file_stamp, hash_files, remembered
from robustsweep.errors import DataError
from robustsweep.results.corruption_names.sequences import FRAMES


def open_cifar_p(folder: Path, *, name: str, classes: int, clean: Dataset) -> OfficialSet:
    """Open a folder of ``<perturbation>.npy``; arrays are mapped, not loaded.

    The arrays hold no labels: row k is image k of the test split, whose labels ``clean`` has. The files of harder
    noises (``gaussian_noise_2.npy``) and of the perturbations that the ten leave out are not read.

    Args:
        folder: Holds uint8 arrays (N, frames, 32, 32, 3), the frames of ``FRAMES``.
        name: The data set's name.
        classes: 10 or 100.
        clean: The N clean test images in their order.

    Raises:
        DataError: If the folder holds none of the ten, an array has another shape, or the clean images do not fit.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; unpack the published archive and give the folder.")
    if (clean.classes, clean.size) != (classes, (32, 32)):
        raise DataError(
            f"clean= has {clean.classes} classes and images of {clean.size[1]}x{clean.size[0]} pixels, {name} has "
            f"{classes} and 32x32; it must be the test images that the sequences were made from."
        )
    paths = {one: folder / f"{one}.npy" for one in FRAMES if (folder / f"{one}.npy").exists()}
    if not paths:
        raise DataError(f"{folder} holds none of {', '.join(f'{one}.npy' for one in FRAMES)}.")
    for path in paths.values():
        # Hashing a pipe would wait for a writer.
        if not path.is_file():
            raise DataError(f"{path} is not a regular file; remove it, or fetch it again.")

    def array(perturbation: str) -> npt.NDArray[np.generic]:
        found = read_npy(paths[perturbation])
        expected = (len(clean), FRAMES[perturbation], 32, 32, 3)
        if found.shape != expected or found.dtype != np.uint8:
            raise DataError(
                f"{paths[perturbation]} should hold uint8 of shape {expected}, as clean= has {len(clean)} images; it "
                f"has {found.dtype} of shape {found.shape}."
            )
        return found

    def read(perturbation: str, positions: Int64Array) -> torch.Tensor:
        chosen = np.ascontiguousarray(array(perturbation)[positions])
        return torch.from_numpy(chosen).permute(0, 1, 4, 2, 3).contiguous()

    for perturbation in paths:
        array(perturbation)
    hashed = list(paths.values())
    return OfficialSet(
        name=name,
        labels=clean.labels,
        ids=np.arange(len(clean), dtype=np.int64),
        classes=classes,
        size=(32, 32),
        fingerprint=remembered(f"arrays\n{file_stamp(*hashed)}", lambda: hash_files(hashed)),
        preprocessing="none",
        corruptions=(),
        read=_no_corruption,
        check=_refuse_corruption,
        clean=replace(clean, ids=np.arange(len(clean), dtype=np.int64)),
        notes=partial_notes(name, paths, benchmark=tuple(FRAMES)),
        class_names=clean.class_names,
        sequences=tuple(paths),
        read_sequence=read,
    )


def _refuse_corruption(corruption: str) -> NoReturn:
    raise DataError(f"A set of sequences holds no single images of {corruption}; ask for its sequences.")


def _no_corruption(corruption: str, severity: int, positions: Int64Array) -> NoReturn:
    _refuse_corruption(f"{corruption}@{severity}")
