"""Plasma noise: bands of colour from a sum of warped waves."""

import math

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.grids import coordinates
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws

_FEWEST_WARPS, _MOST_WARPS = 4, 6


def _sample_plasma(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw time, number of warps, sharpness and scale in pixels, (N,) each."""
    side = min(shape[1:])
    return (
        draws.uniform(high=6.0 * math.pi),
        draws.integers(_FEWEST_WARPS, _MOST_WARPS + 1),
        draws.uniform(low=0.5, high=1.0),
        draws.uniform(low=0.075 * side, high=0.2 * side),
    )


def plasma(fields: Fields, height: int, width: int) -> Tensor:
    """Compute the colours of the plasma.

    Returns:
        float32 tensor (N, 3, height, width) in [-1, 1].
    """
    time, n_warps, sharpness, scale = (field[:, None, None] for field in fields)
    # In float64: each warp turns what rounding left by a larger angle.
    rows, columns = coordinates(height, width, time.device, torch.float64)
    shape = (len(time), height, width)
    x, y = ((place / scale).expand(shape).contiguous() for place in (columns, rows))
    frequency, slowness, fall = 1.0, 1.0, torch.ones_like(sharpness)
    for warp in range(_MOST_WARPS):
        size, phase = torch.where(warp < n_warps, 1.0 / fall, 0.0), time / slowness
        down = y.mul(frequency).add_(phase).cos_().mul_(size)
        across = x.mul(frequency).add_(phase).sin_().mul_(size)
        x.add_(down).sub_(across.mul(0.3))
        y.add_(across).add_(down.mul_(0.3))
        frequency, slowness, fall = frequency * 1.93, slowness * 1.15, fall * (2.25 - sharpness)
    green = (x + y).add_(time.sin()).mul_(0.5).sin_()
    return torch.stack((x.sub_(time).sin_(), green, y.add_(time).sin_()), dim=1).to(torch.float32)


def _glow(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    intensity = 6.4 * parameters[0]
    colours = plasma(fields, images.shape[2], images.shape[3]).mul_(intensity)
    return truncate(images.to(torch.float32).mul_(1.0 - intensity / 255.0).add_(colours))


PLASMA_NOISE = Corruption(
    name="plasma_noise",
    sample=_sample_plasma,
    apply=_glow,
    # intensity 6.4 s in grey levels
    severities=raw_severities(imagenet=(4.75, 7, 8.5, 9.25, 10)),
    source=SOURCE,
)
