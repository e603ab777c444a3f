"""Circular motion blur, a mean of rotations about the image's centre."""

import math
from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from robustsweep.corruptions.cbar.grids import coordinates
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.cbar.splines import spline_prefilter, spline_taps
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.sparse_maps import compressed, one_thread, pixels_first, planes_first

_ROTATIONS, _TAPS = 21, 16
# A pixel of a large image is a sum of several hundred others, and its map would take gigabytes.
_LARGEST_MAP = 64 * 64


def _rotation(height: int, width: int, degrees: float) -> tuple[Tensor, Tensor, Tensor]:
    """List what one rotation reads of the spline's coefficients.

    Returns:
        int64 tensor (K,), pixels of the result; int64 tensor (K, 16), coefficients; float64 tensor (K, 16), weights. A
        pixel whose source lies outside the image by a hair is not there: it is black, and not partly so.
    """
    rows, columns = coordinates(height, width, torch.device("cpu"), torch.float64)
    down, across = rows - (height - 1) / 2, columns - (width - 1) / 2
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    row = (cosine * down + sine * across + (height - 1) / 2).flatten()
    column = (cosine * across - sine * down + (width - 1) / 2).flatten()
    pixels = ((row >= 0) & (row <= height - 1) & (column >= 0) & (column <= width - 1)).nonzero().view(-1)
    (top, by_row), (left, by_column) = spline_taps(row[pixels], height), spline_taps(column[pixels], width)
    sources, weights = top.unsqueeze(1) * width + left, by_row.unsqueeze(1) * by_column
    return pixels, sources.flatten(0, 1).T.contiguous(), weights.flatten(0, 1).T.contiguous()


def _rotations(height: int, width: int, half_angle: float) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the rotations, the weights of each times its share of the mean."""
    steps = torch.linspace(-1.0, 1.0, _ROTATIONS, dtype=torch.float64)
    shares = torch.exp(-2.0 * steps.square())
    for step, share in zip(steps.tolist(), shares / shares.sum(), strict=True):
        pixels, sources, weights = _rotation(height, width, step * half_angle)
        yield pixels, sources, weights * share


@lru_cache(maxsize=5)
def _mean_of_rotations(height: int, width: int, half_angle: float, device: torch.device) -> Tensor:
    """Write the mean of the rotations as one sparse map of the spline's coefficients."""
    pixels, sources, weights = zip(*_rotations(height, width, half_angle), strict=True)
    places = torch.stack((torch.cat(pixels).repeat_interleave(_TAPS), torch.cat(sources).flatten()))
    return compressed(places, torch.cat(weights).flatten(), height * width, device)


def _one_by_one(coefficients: Tensor, height: int, width: int, half_angle: float) -> Tensor:
    """Add the rotations up one after the other."""
    device, total = coefficients.device, torch.zeros_like(coefficients)
    for pixels, sources, weights in _rotations(height, width, half_angle):
        turned = functional.embedding_bag(
            sources.to(device), coefficients, per_sample_weights=weights.to(torch.float32).to(device), mode="sum"
        )
        total.index_add_(0, pixels.to(device), turned)
    return total


@lru_cache(maxsize=10)
def _prefilter(size: int, device: torch.device) -> Tensor:
    return spline_prefilter(size).to(torch.float32).to(device)


def _turn(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    height, width = images.shape[2:]
    half_angle = 1.5 * parameters[0]
    values = _prefilter(height, images.device) @ pixels_first(images).view(height, -1)
    coefficients = torch.matmul(_prefilter(width, images.device), values.view(height, width, -1)).flatten(0, 1)
    if height * width > _LARGEST_MAP:
        planes = coefficients[:, : images.shape[0] * images.shape[1]].contiguous()
        return planes_first(truncate(_one_by_one(planes, height, width, half_angle)), images.shape)
    with one_thread():
        mean_of_rotations = _mean_of_rotations(height, width, half_angle, images.device)
    return planes_first(truncate(mean_of_rotations @ coefficients), images.shape)


CIRCULAR_MOTION_BLUR = Corruption(
    name="circular_motion_blur",
    apply=_turn,
    # half angle 1.5 s degrees
    severities=raw_severities(cifar=(2.8, 3.6, 4.4, 5.2, 6.0)),
    source=SOURCE,
)
