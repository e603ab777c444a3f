"""Labelled images that a user handed over, read once."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from robustsweep.api.inputs.image_forms import open_images
from robustsweep.benchmark.data import Dataset
from robustsweep.benchmark.data.dataset import Int64Array, from_array
from robustsweep.benchmark.data.files.pixels import as_rgb, check_mode
from robustsweep.errors import DataError, RobustsweepError
from robustsweep.foreign_code import described
from robustsweep.values import whole_number


@dataclass(frozen=True, slots=True, eq=False)
class ImagesInMemory:
    """Labelled images that a user handed over, read once.

    Attributes:
        name: Shown wherever a result is.
        pixels: uint8, shape (N, 3, H, W).
        labels: int64, shape (N,), not negative.
        classes: Number of classes, if the source of the images says it.
        ids: int64, shape (N,), each once; None: an image's id is its row.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    labels: Int64Array
    classes: int | None = None
    ids: Int64Array | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[2], self.pixels.shape[3]

    def dataset(self, outputs: int) -> Dataset:
        """Make the data set.

        Args:
            outputs: Number of classes if the images do not say it: a network's outputs.

        Raises:
            DataError: If a label is beyond the classes.
        """
        classes = self.classes or outputs
        if int(self.labels.max()) >= classes:
            raise DataError(
                f"Labels of {self.name} must be from 0 to {classes - 1}, as there are {classes} classes, got "
                f"{int(self.labels.max())}."
            )
        return from_array(self.name, "test", self.pixels, self.labels, classes, self.ids)


def whole_numbers(values: Any, noun: str, n: int) -> Int64Array:
    """Return labels or ids of n images, n at least 1, as int64 of shape (n,).

    Raises:
        DataError: If they are something else; ``noun`` names them.
    """
    array = values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.dtype.kind not in "iu" or array.shape != (n,) or not n:
        raise DataError(f"{noun} must be whole numbers ({n},), one for each image, got {array.dtype} {array.shape}.")
    return array.astype(np.int64)


def refuse_negative(name: str, labels: Int64Array) -> None:
    """Refuse labels that are below 0.

    Raises:
        DataError: Naming the least.
    """
    if int(labels.min()) < 0:
        raise DataError(f"{name} has the label {int(labels.min())}; labels must be 0 or more.")


def collected(name: str, items: Iterable[tuple[Any, Any]], n: int, classes: int | None) -> ImagesInMemory:
    """Read images one after another into one array.

    Args:
        name: What they are called.
        items: Images in any form, of Pillow's every mode that files may have, each with its label.
        n: How many there are.
        classes: Number of classes, if it is known.

    Raises:
        DataError: Naming the image that does not fit.
    """
    if not n:
        raise DataError(f"{name} holds no image.")
    pixels: npt.NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
    labels = np.empty(n, dtype=np.int64)
    for position, (image, label) in enumerate(items):
        try:
            one = open_images(_rgb(image)).pixels
            is_single = hasattr(label, "item") and math.prod(np.shape(label)) == 1
            labels[position] = whole_number(label.item() if is_single else label, "its label")
        except (RobustsweepError, ValueError, RuntimeError, OverflowError) as error:
            raise DataError(f"Image {position} of {name} does not fit: {described(error)}") from error
        if not position:
            pixels = np.empty((n, *one.shape[1:]), dtype=np.uint8)
        if len(one) != 1 or one.shape[1:] != pixels.shape[1:]:
            raise DataError(
                f"Image {position} of {name} is {one.shape[3]}x{one.shape[2]}, the first one {pixels.shape[3]}x"
                f"{pixels.shape[2]}; resize and crop them alike."
            )
        pixels[position] = one[0].cpu().numpy()
    refuse_negative(name, labels)
    return ImagesInMemory(name, pixels, labels, classes)


def _rgb(image: object) -> object:
    if not isinstance(image, Image.Image):
        return image
    check_mode(image)
    return as_rgb(image)


def class_count(data: object) -> int | None:
    """Count the classes that a data set lists as torchvision's do; None if it does not."""
    classes = getattr(data, "classes", None)
    return len(classes) if isinstance(classes, list | tuple) and classes else None
