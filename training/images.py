"""The images of a training, on the device as uint8, and those held out of it."""

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from robustsweep.benchmark.checkpoints.normalisation import Normalisation
from robustsweep.benchmark.data.dataset import Dataset, Int64Array, stratified_positions
from robustsweep.errors import DataError

HELD_OUT_SHARE = 0.1
_CHOICE_SEED = 0
_MOST_BYTES = 16 << 30


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


def limited(data: Dataset, limit: int | None) -> Dataset:
    """Take ``limit`` images, stratified by class; None, or as many as there are: all.

    The choice depends on the images' ids alone, so that every training with the same limit sees the same images; the
    fingerprint says that they are a subset.
    """
    if limit is None or limit >= len(data):
        return data
    positions = stratified_positions(data.labels, data.ids, limit, _CHOICE_SEED)
    fingerprint = hashlib.sha256(f"{data.fingerprint}\0limit={limit}".encode()).hexdigest()
    return replace(
        data,
        labels=data.labels[positions],
        ids=data.ids[positions],
        fingerprint=fingerprint,
        read=lambda rows: data.read(positions[rows]),
        paths=None if data.paths is None else tuple(data.paths[position] for position in positions),
    )


@dataclass(frozen=True, slots=True)
class TrainingImages:
    """The images on the device.

    Attributes:
        images: uint8, shape (N, 3, H, W).
        targets: One-hot float32, shape (N, K).
        ids: int64, shape (N,).
        normalisation: The channels' statistics over these images.
        mean: The same mean, float32, shape (1, 3, 1, 1), on the device.
        std: The same deviation likewise.
        held_out: uint8 images that no step sees, shape (M, 3, H, W); M may be 0.
        held_out_labels: int64, shape (M,).
    """

    images: Tensor
    targets: Tensor
    ids: Tensor
    normalisation: Normalisation
    mean: Tensor
    std: Tensor
    held_out: Tensor
    held_out_labels: Tensor

    def normalised(self, images: Tensor) -> Tensor:
        """Map pixels in [0, 255], uint8 or float32 of shape (n, 3, H, W), to what the network sees, float32."""
        return (images / 255 - self.mean) / self.std


def load_images(data: Dataset, device: torch.device, *, hold_out: bool = False) -> TrainingImages:
    """Read all images once and put them on the device.

    Args:
        data: Training images with their labels.
        device: Where they are kept.
        hold_out: Keep a tenth apart, stratified by class: those with the smallest hash of their id, the same for every
            seed and method.

    Raises:
        DataError: If they are more than 16 GiB, or too few to hold any out.
    """
    n_bytes = len(data) * 3 * data.size[0] * data.size[1]
    if n_bytes > _MOST_BYTES:
        raise DataError(
            f"The {len(data)} training images of {data.name} take {n_bytes / (1 << 30):.0f} GiB and are kept on the "
            f"device as a whole, at most {_MOST_BYTES >> 30} GiB; give smaller ones (resize=, crop=) or a --limit."
        )
    held_out, kept = _split(data, HELD_OUT_SHARE if hold_out else 0.0)
    images = data.images(kept).to(device)
    normalisation = input_statistics(images)
    return TrainingImages(
        images=images,
        targets=F.one_hot(torch.from_numpy(data.labels[kept]), data.classes).float().to(device),
        ids=torch.from_numpy(data.ids[kept]).to(device),
        normalisation=normalisation,
        mean=torch.tensor(normalisation.mean, device=device).view(1, 3, 1, 1),
        std=torch.tensor(normalisation.std, device=device).view(1, 3, 1, 1),
        held_out=data.images(held_out).to(device) if hold_out else images[:0],
        held_out_labels=torch.from_numpy(data.labels[held_out]).to(device),
    )


def _split(data: Dataset, share: float) -> tuple[Int64Array, Int64Array]:
    """Return the positions held out, and the others."""
    n = round(share * len(data))
    if share and not 0 < n < len(data):
        raise DataError(f"{len(data)} training images are too few to hold a tenth of them out.")
    held_out = stratified_positions(data.labels, data.ids, n, _CHOICE_SEED)
    kept = np.setdiff1d(np.arange(len(data)), held_out).astype(np.int64)
    return held_out, kept
