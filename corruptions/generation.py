"""From clean images to corrupted ones: draw, apply, truncate, a bounded number of images at a time."""

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import CORRUPTIONS, Corruption, Parameters
from robustsweep.corruptions.levels import truncate, unit_range
from robustsweep.draws import Draws
from robustsweep.errors import DataError

SMALLEST_SIDE = 32

# Colour values per pass. The hungriest corruption holds about 25 float64 tensors of this size at once; on the CPU
# the passes should also stay in the cache.
_VALUES_PER_PASS = {"cpu": 1 << 19, "cuda": 1 << 21}


def corrupt(images: Tensor, name: str, severity: int, *, table: str, seed: int, ids: Tensor) -> Tensor:
    """Corrupt a batch of images.

    An image's result is a function of (seed, table, name, severity, its id, its pixels) alone: neither the batch
    nor the order nor the device changes it. As in the published generators the result is clipped and truncated,
    not rounded, to 8 bits.

    Args:
        images: uint8 tensor (N, 3, H, W), at least 32 pixels on each side, on any device.
        name: Name of a registered corruption.
        severity: Integer from 1 to 5.
        table: Which severity constants: ``"cifar"``, ``"tiny"``, ``"imagenet"`` or ``"inception"``; see
            ``table_for``.
        seed: The run's seed.
        ids: int64 tensor (N,): the images' ids, each of which names an independent stream of random numbers.

    Returns:
        uint8 tensor of the same shape on the same device.

    Raises:
        UsageError: If the corruption, the severity or the table is unknown.
        DataError: If the images or ids have the wrong dtype or shape.
        MissingDependencyError: If the corruption needs a package that is not installed.
    """
    corruption = CORRUPTIONS[name]
    parameters = corruption.parameters(table, severity)
    _check(images, ids)
    stream = f"corruption/{table}/{name}@{severity}"
    corrupted = torch.empty_like(images)
    step = max(1, _VALUES_PER_PASS.get(images.device.type, 1 << 19) // max(images[0:1].numel(), 1))
    for start in range(0, images.shape[0], step):
        rows = slice(start, start + step)
        draws = Draws(seed, stream, ids[rows].to(images.device))
        corrupted[rows] = _corrupt_pass(corruption, parameters, images[rows], draws)
    return corrupted


def _corrupt_pass(corruption: Corruption, parameters: Parameters, images: Tensor, draws: Draws) -> Tensor:
    _, channels, height, width = images.shape
    fields = corruption.sample(draws, (channels, height, width), parameters)
    return truncate(corruption.apply(unit_range(images.contiguous()), parameters, fields))


def _check(images: Tensor, ids: Tensor) -> None:
    if images.dtype != torch.uint8:
        raise DataError(f"Corruptions need uint8 images, not {images.dtype}; scale to 0..255 and convert.")
    if images.ndim != 4 or images.shape[1] != 3:
        raise DataError(f"Corruptions need images of shape (N, 3, H, W), not {tuple(images.shape)}.")
    if min(images.shape[2:]) < SMALLEST_SIDE:
        size = f"{images.shape[2]} x {images.shape[3]}"
        raise DataError(
            f"Corruptions need at least {SMALLEST_SIDE} pixels on each side, not {size}; resize the images."
        )
    if ids.dtype != torch.int64 or ids.shape != images.shape[:1]:
        came = f"{ids.dtype} of {tuple(ids.shape)}"
        raise DataError(f"ids must be int64 of shape ({images.shape[0]},), one id per image, not {came}.")
