"""Images from a DataLoader that gives all of them, and always in one order."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SequentialSampler

from robustsweep.api.inputs.image_forms import open_images
from robustsweep.api.inputs.live_images import ImagesInMemory, class_count, refuse_negative, whole_numbers
from robustsweep.benchmark.data.dataset import Int64Array
from robustsweep.errors import DataError


def loaded_images(loader: DataLoader[Any]) -> ImagesInMemory:
    """Read all batches.

    Raises:
        DataError: If the order may change, images are left out, or a batch does not fit.
    """
    _refuse_without_order(loader)
    name = type(loader.dataset).__name__
    pixels: list[npt.NDArray[np.uint8]] = []
    labels: list[Int64Array] = []
    for batch in loader:
        if not isinstance(batch, tuple | list) or len(batch) < 2:
            raise DataError(f"Batches of the DataLoader must be (images, labels), got a {type(batch).__name__}.")
        found = open_images(batch[0])
        label = torch.as_tensor(batch[1]).reshape(-1) if found.is_single else batch[1]
        pixels.append(found.pixels.cpu().numpy())
        labels.append(whole_numbers(label, "Labels", len(found.pixels)))
    if len({part.shape[1:] for part in pixels}) != 1:
        raise DataError(f"{name} holds {'images of several sizes' if pixels else 'no image'}.")
    known = np.concatenate(labels)
    refuse_negative(name, known)
    return ImagesInMemory(name, np.concatenate(pixels), known, class_count(loader.dataset))


def _refuse_without_order(loader: DataLoader[Any]) -> None:
    """Refuse a loader whose images do not come all, and always in one order: what is drawn belongs to their rows."""
    batches = loader.batch_sampler
    if isinstance(loader.dataset, IterableDataset):
        raise DataError("A DataLoader of an iterable data set has no fixed order; give a map-style data set.")
    sampler = loader.sampler if batches is None else getattr(batches, "sampler", None)
    if type(batches) not in (BatchSampler, type(None)) or type(sampler) is not SequentialSampler:
        raise DataError("A DataLoader must give its images in their order: make it with shuffle=False and no sampler.")
    n, size = len(sampler), loader.batch_size or 1
    if loader.drop_last and n % size:
        raise DataError(f"The DataLoader leaves {n % size} of {n} images out; make it with drop_last=False.")
