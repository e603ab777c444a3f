"""From a data spec to the images of a training."""

import hashlib
from dataclasses import replace

import torch

from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.benchmark.data.dataset import stratified_positions
from robustsweep.errors import UsageError
from robustsweep.training.images.stored import store_images
from robustsweep.training.images.streamed import stream_images
from robustsweep.training.images.training_images import CHOICE_SEED, TrainingImages
from robustsweep.training.recipe import Recipe

_WITH_SPLITS = ("digits", "cifar10", "cifar100", "imagefolder", "imagenet", "tiny-imagenet")


def open_training_data(spec: str, *, limit: int | None = None, workers: int = 4) -> Dataset:
    """Open the images of a data spec, of the split ``train`` unless it names one.

    Raises:
        UsageError: If the spec cannot be understood, or names a corrupted set, a natural shift or some of ImageNet's
            classes.
        DataError: If the data are missing or malformed.
    """
    scheme = spec.partition(",")[0].partition(":")[0].strip()
    asked = f"{spec},split=train" if scheme in _WITH_SPLITS and ",split=" not in spec.replace(" ", "") else spec
    data = open_data(asked, workers=workers)
    if not isinstance(data, Dataset):
        raise UsageError(f"Data spec {spec!r} names corrupted images; train on clean ones.")
    if data.shift or data.outputs:
        raise UsageError(f"Data spec {spec!r} is for measuring networks of ImageNet's classes; train on imagefolder:.")
    return limited(data, limit)


def limited(data: Dataset, limit: int | None) -> Dataset:
    """Take ``limit`` images, stratified by class; None, or as many as there are: all.

    The choice depends on the images' ids alone, so that every training with the same limit sees the same images; the
    fingerprint says that they are a subset.
    """
    if limit is None or limit >= len(data):
        return data
    positions = stratified_positions(data.labels, data.ids, limit, CHOICE_SEED)
    fingerprint = hashlib.sha256(f"{data.fingerprint}\0limit={limit}".encode()).hexdigest()
    return replace(data.taking(positions), fingerprint=fingerprint)


def load_images(
    data: Dataset, device: torch.device, recipe: Recipe, *, hold_out: bool = False, workers: int = 4
) -> TrainingImages:
    """Make the images of a training ready: on the device if crops are padded, else to be read as it goes.

    Args:
        data: Training images with their labels.
        device: Where to train.
        recipe: Says which crop.
        hold_out: Keep a tenth apart, stratified by class, the same for every seed and method.
        workers: Threads that decode photos during the training.

    Raises:
        DataError: If there are too few to hold any out, or too many to lie on the device.
    """
    if recipe.crop == "padded":
        return store_images(data, device, recipe, hold_out=hold_out)
    return stream_images(data, device, recipe, hold_out=hold_out, workers=workers)
