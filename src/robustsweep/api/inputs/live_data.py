"""Images in memory as a data set: arrays, map-style data sets, loaders and tables of Hugging Face."""

from collections.abc import Callable, Iterator, Sized
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader

from robustsweep.api.inputs.image_forms import open_images
from robustsweep.api.inputs.live_images import ImagesInMemory, class_count, collected, refuse_negative, whole_numbers
from robustsweep.api.inputs.loaders import loaded_images
from robustsweep.benchmark.data import Dataset, OfficialSet, open_data
from robustsweep.benchmark.data.dataset import Int64Array
from robustsweep.benchmark.data.tables.columns import image_and_label_columns, is_table
from robustsweep.errors import DataError
from robustsweep.foreign_code import described, foreign_code

FORMS = (
    "a data spec such as 'digits' or 'imagefolder:DIR', (images, labels), a data set whose items are (image, label), a "
    "DataLoader without shuffling, or a Dataset of Hugging Face"
)


def open_user_data(data: object, *, workers: int = 4) -> Dataset | OfficialSet | ImagesInMemory:
    """Open data in any of the forms in which users hold them.

    Args:
        data: See ``FORMS``. Images are uint8 or in [0, 1], without normalisation, all of one size; Pillow's images of
            other modes become RGB as files do.
        workers: Threads that decode the image files of a spec.

    Raises:
        UsageError: If a spec cannot be understood.
        DataError: If images or labels do not fit, or there is no order in which they always come.
    """
    if isinstance(data, str | Path):
        return open_data(str(data), workers=workers)
    if isinstance(data, Dataset | OfficialSet):
        return data
    if isinstance(data, tuple) and len(data) in (2, 3):
        return _from_arrays(*data)
    if isinstance(data, DataLoader):
        return loaded_images(data)
    if is_table(data):
        return _from_table(data)
    if not isinstance(data, Sized) or not hasattr(data, "__getitem__") or isinstance(data, dict | Tensor | np.ndarray):
        raise DataError(f"Data must be {FORMS}, got {type(data).__qualname__}.")
    return collected(type(data).__name__, _items(data, lambda item: item), len(data), class_count(data))


def _from_arrays(images: Any, labels: Any, ids: Any = None) -> ImagesInMemory:
    name = "arrays"
    if isinstance(images, list | tuple):
        known = whole_numbers(labels, "Labels", len(images))
        pixels = collected(name, zip(images, known, strict=True), len(images), None).pixels
    else:
        pixels = np.ascontiguousarray(open_images(images).pixels.cpu().numpy())
        known = whole_numbers(labels, "Labels", len(pixels))
        refuse_negative(name, known)
    return ImagesInMemory(name, pixels, known, ids=None if ids is None else _ids(ids, len(pixels)))


def _ids(ids: Any, n: int) -> Int64Array:
    found = whole_numbers(ids, "Ids", n)
    if len(np.unique(found)) < n:
        raise DataError("Ids must be given once each; what is drawn for an image belongs to its id.")
    return found


def _items(data: Any, taken: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each image with its label, in the order of a map-style data set."""
    for index in range(len(data)):
        try:
            with foreign_code():
                item = taken(data[index])
        except Exception as error:  # a data set may be anybody's code
            raise DataError(f"{type(data).__name__} has no image {index} ({described(error)}).") from error
        if not isinstance(item, tuple | list) or len(item) < 2:
            kind = type(item).__name__
            raise DataError(f"Item {index} of {type(data).__name__} must be (image, label), got a {kind}.")
        yield item[0], item[1]


def _from_table(data: Any) -> ImagesInMemory:
    image, label, classes = image_and_label_columns(data)
    name = getattr(getattr(data, "info", None), "dataset_name", None)
    items = _items(data, lambda row: (row[image], row[label]))
    return collected(name if isinstance(name, str) and name else "dataset", items, len(data), classes)
