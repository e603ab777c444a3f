"""Layouts of corrupted images on disk: the arrays of CIFAR-C, the trees of ImageNet-C, and photos beside photos."""

import io
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from robustsweep.benchmark.data.dataset import Int64Array, path_in_tree
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.corruptions import SEVERITIES
from robustsweep.errors import DataError
from robustsweep.results.stored.files import naming

LAYOUTS = ("arrays", "trees")
ARRAY_SIDE = 32
_MOST_CLASSES_IN_A_BYTE = 256
# Noise hardly shrinks, and the lowest level writes several times as fast.
_FAST_PNG = 1


class Layout(Protocol):
    """Where the images of a condition go. An item is a file or a folder that is finished as a whole."""

    name: str
    fixed: Mapping[str, bytes]  # files that are the same whatever is generated, by name

    def item(self, condition: Corrupted) -> str:
        """Return the relative path of the item that holds the condition."""

    def files(self, item: str) -> list[str]:
        """List the relative paths of the item's files."""

    def in_pixels(self, condition: Corrupted) -> Corrupted:
        """Return what is to be generated before the images are written."""

    def write(self, path: Path, condition: Corrupted, start: int, images: Tensor) -> None:
        """Write images (uint8, (n, 3, H, W)) number ``start`` and on of a condition into the item at ``path``."""


def _channels_last(images: Tensor) -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[np.uint8] = images.permute(0, 2, 3, 1).cpu().contiguous().numpy()
    return pixels


class ArrayFiles:
    """``<corruption>.npy``, uint8 of shape (5 * N, 32, 32, 3) and severity-major, beside ``labels.npy``.

    The labels stand there once per severity, as uint8 up to 256 classes.

    Args:
        labels: int64, shape (N,), of the images that are written.
        classes: Number of classes.

    Source: the published CIFAR-10-C and CIFAR-100-C, and make_cifar_c.py of github.com/hendrycks/robustness.
    """

    name = "arrays"

    def __init__(self, labels: Int64Array, classes: int) -> None:
        self._n = len(labels)
        self._shape = (len(SEVERITIES) * self._n, ARRAY_SIDE, ARRAY_SIDE, 3)
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": self._shape})
        self._header = header.getvalue()
        content = io.BytesIO()
        dtype = np.uint8 if classes <= _MOST_CLASSES_IN_A_BYTE else np.int64
        np.save(content, np.tile(labels, len(SEVERITIES)).astype(dtype), allow_pickle=False)
        self.fixed: Mapping[str, bytes] = {"labels.npy": content.getvalue()}

    def item(self, condition: Corrupted) -> str:
        """Return the corruption's file."""
        return f"{condition.corruption}.npy"

    def files(self, item: str) -> list[str]:
        """Return the item, which is a file."""
        return [item]

    def in_pixels(self, condition: Corrupted) -> Corrupted:
        """Return the condition, its JPEG round trip included."""
        return condition

    def write(self, path: Path, condition: Corrupted, start: int, images: Tensor) -> None:
        """Write rows; the memory taken is that of the images."""
        pixels = _channels_last(images)
        first = (condition.severity - 1) * self._n + start
        path.touch()
        # Not through a memory map: on a full disk, a write to one ends the process instead of raising.
        with naming(path), path.open("r+b") as file:
            file.write(self._header)
            file.truncate(len(self._header) + int(np.prod(self._shape)))
            file.seek(len(self._header) + first * pixels[0].nbytes)
            file.write(pixels.data)
            file.flush()
            os.fsync(file.fileno())


class ImageFiles:
    """``<corruption>/<severity>/<path>``: a file for each image.

    Saving as JPEG is the round trip that the conditions ask for, so nothing is compressed twice.

    Args:
        paths: Of the images that are written, below the severity's folder.
        workers: Threads that encode.
    """

    name = "photos"
    fixed: Mapping[str, bytes] = {}

    def __init__(self, paths: list[str], workers: int) -> None:
        self._paths, self._workers = paths, workers

    def item(self, condition: Corrupted) -> str:
        """Return the severity's folder."""
        return f"{condition.corruption}/{condition.severity}"

    def files(self, item: str) -> list[str]:
        """List the images below the item."""
        return [f"{item}/{path}" for path in self._paths]

    def in_pixels(self, condition: Corrupted) -> Corrupted:
        """Return the condition without the round trip."""
        return replace(condition, jpeg_quality=None)

    def write(self, path: Path, condition: Corrupted, start: int, images: Tensor) -> None:
        """Write one file per image."""
        pixels = _channels_last(images)

        def save(row: int) -> None:
            file = path / self._paths[start + row]
            content = io.BytesIO()
            image = Image.fromarray(pixels[row])
            if condition.jpeg_quality is None:
                image.save(content, "PNG", compress_level=_FAST_PNG)
            else:
                image.save(content, "JPEG", quality=condition.jpeg_quality, optimize=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            with naming(file):
                file.write_bytes(content.getvalue())

        with ThreadPoolExecutor(self._workers) as pool:
            for _ in pool.map(save, range(len(pixels))):
                pass


class PhotoFiles(ImageFiles):
    """``<corruption>/<severity>/<folders and stem of the photo>.png``, or ``.jpg`` where conditions end with a JPEG.

    Photos that differ in the suffix alone keep it: ``a.png.png`` and ``a.tif.png``.

    Args:
        paths: Of the photos that are written, inside their folder.
        workers: Threads that encode.
        in_jpeg: Whether the conditions end with a JPEG; else the files hold every pixel as it was made.
    """

    def __init__(self, paths: list[str], workers: int, *, in_jpeg: bool) -> None:
        suffix, stems = ".jpg" if in_jpeg else ".png", [path.rpartition(".")[0] for path in paths]
        count = Counter(stems)
        kept = [stem if count[stem] == 1 else path for stem, path in zip(stems, paths, strict=True)]
        super().__init__([f"{path}{suffix}" for path in kept], workers)


class TreeFiles(ImageFiles):
    """``<corruption>/<severity>/<class>/<file>.JPEG``: chroma at half resolution (4:2:0), optimised Huffman tables.

    Args:
        paths: ``CLASS/FILE`` of the images that are written.
        workers: Threads that encode.

    Raises:
        DataError: If two files differ in the suffix alone.

    Source: the published ImageNet-C, and make_imagenet_c.py of github.com/hendrycks/robustness.
    """

    name = "trees"

    def __init__(self, paths: list[str], workers: int) -> None:
        in_tree = [path_in_tree(path) for path in paths]
        kept, count = Counter(in_tree).most_common(1)[0]
        if count > 1:
            same = [path for path in paths if path_in_tree(path) == kept]
            raise DataError(f"{same[0]} and {same[1]} would both be written as {kept}; rename one of them.")
        super().__init__(in_tree, workers)
