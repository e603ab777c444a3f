"""Images of one size that lie on the device, as uint8, for a whole training."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robustsweep.augmentations.crop_flip import crop_flip, sample_crop_flip
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalisation
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.draws import Draws
from robustsweep.errors import DataError
from robustsweep.training.images.training_images import CROP_STREAM, IMAGES_PER_EVALUATION, TrainingImages, split
from robustsweep.training.recipe import Recipe

_MOST_BYTES = 16 << 30


@dataclass(frozen=True, eq=False)
class StoredImages(TrainingImages):
    """Images of one size that lie on the device as a whole, and are cut out of themselves with black borders.

    Attributes:
        images: uint8, shape (N, 3, H, W).
        held_out: uint8 images that no step sees, shape (M, 3, H, W); M may be 0.
        held_out_labels: int64, shape (M,).
    """

    images: Tensor
    held_out: Tensor
    held_out_labels: Tensor

    def crops(self, batches: Tensor | Sequence[Tensor], recipe: Recipe, seed: int, epoch: int) -> Iterator[Tensor]:
        """See ``TrainingImages``."""
        draws = Draws(seed, f"{CROP_STREAM}/{epoch}", self.ids)
        sample = sample_crop_flip(draws, recipe.crop_padding, flip=recipe.flip)
        for rows in batches:
            yield crop_flip(self.images[rows], sample[rows], recipe.crop_padding)

    @property
    def n_held_out(self) -> int:
        """See ``TrainingImages``."""
        return len(self.held_out)

    def held_out_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``TrainingImages``."""
        for start in range(0, len(self.held_out), IMAGES_PER_EVALUATION):
            rows = slice(start, start + IMAGES_PER_EVALUATION)
            yield self.held_out[rows], self.held_out_labels[rows]


def store_images(data: Dataset, device: torch.device, recipe: Recipe, *, hold_out: bool = False) -> StoredImages:
    """Read all images once and put them on the device.

    Args:
        data: Training images with their labels.
        device: Where they are kept.
        recipe: Its ``norm`` is taken; without one, the statistics of the images that are trained on.
        hold_out: See ``split``.

    Raises:
        DataError: If they are more than 16 GiB, or too few to hold any out.
    """
    n_bytes = len(data) * 3 * data.size[0] * data.size[1]
    if n_bytes > _MOST_BYTES:
        raise DataError(
            f"The {len(data)} training images of {data.name} take {n_bytes / (1 << 30):.0f} GiB and are kept on the "
            f"device as a whole, at most {_MOST_BYTES >> 30} GiB; give smaller ones (resize=, crop=), a --limit, or a "
            "recipe with crop = 'resized', which reads them as it goes."
        )
    held_out, kept = split(data, hold_out=hold_out)
    images = data.images(kept).to(device)
    return StoredImages(
        labels=torch.from_numpy(data.labels[kept]).to(device),
        classes=data.classes,
        ids=torch.from_numpy(data.ids[kept]).to(device),
        normalisation=input_statistics(images) if recipe.norm is None else NORMALISATIONS[recipe.norm],
        images=images,
        held_out=data.images(held_out).to(device) if hold_out else images[:0],
        held_out_labels=torch.from_numpy(data.labels[held_out]).to(device),
    )


def input_statistics(images: Tensor) -> Normalisation:
    """Compute each channel's mean and standard deviation over all pixels, exactly, from a histogram.

    Args:
        images: uint8, shape (N, 3, H, W).

    Returns:
        The constants for images in [0, 1]; a constant channel has deviation 1.
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(3):
        counts = torch.bincount(images[:, channel].flatten(), minlength=256).cpu().numpy()
        mean = float(counts @ values / counts.sum())
        deviation = math.sqrt(counts @ (values - mean) ** 2 / counts.sum())
        means.append(mean)
        deviations.append(deviation or 1.0)
    return Normalisation((means[0], means[1], means[2]), (deviations[0], deviations[1], deviations[2]))
