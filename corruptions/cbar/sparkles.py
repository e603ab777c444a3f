"""Sparkles, five white stars, and inverse sparkles, a star outside of which the image whitens."""

import math

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.grids import coordinates
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws

_SPARKS = 5
_FEWEST_RAYS, _MOST_RAYS = 50, 199
_SPREAD = 0.25


def _sample_stars(draws: Draws, shape: Shape, n_stars: int, margin: float) -> Fields:
    """Draw centres (N, stars, 2) in pixels, rows first, numbers of rays (N, stars) and normal lengths of most rays."""
    size = torch.tensor([float(side) for side in shape[1:]], dtype=torch.float64)
    centres = draws.uniform(n_stars, 2, low=margin, high=1.0 - margin)
    return (
        centres * size.to(centres.device),
        draws.integers(_FEWEST_RAYS, _MOST_RAYS + 1, n_stars),
        draws.normal(n_stars, _MOST_RAYS),
    )


def _sample_five(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return _sample_stars(draws, shape, _SPARKS, 0.0)


def _sample_one(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return _sample_stars(draws, shape, 1, 0.25)


def star(centres: Tensor, n_rays: Tensor, lengths: Tensor, size: tuple[int, int], exponent: float) -> Tensor:
    """Shade the pixels by a star's rays.

    Args:
        centres: float64 tensor (N, 2) in pixels, rows first.
        n_rays: int64 tensor (N,).
        lengths: float32 tensor (N, R) in pixels, of which the first ``n_rays`` are rays, evenly spaced by angle.
        size: Height and width.
        exponent: Of the squared ratio of a ray's length to the distance.

    Returns:
        float32 tensor (N, height, width) in [0, 1]: 1 is fully under a ray.
    """
    rows, columns = coordinates(*size, centres.device)
    middle = centres.to(torch.float32)
    down, across = rows - middle[:, 0, None, None], columns - middle[:, 1, None, None]
    turn = torch.atan2(across, down).add_(math.pi).mul_((n_rays / (2.0 * math.pi)).to(torch.float32)[:, None, None])
    # Two more entries lead around the circle, and catch what rounding leaves at its end.
    place = torch.arange(lengths.shape[1] + 2, device=centres.device)
    around = lengths.gather(1, place.remainder(n_rays.unsqueeze(1)))
    ray = turn.floor()
    between = turn.sub_(ray)
    index = ray.flatten(1).to(torch.int64)
    first, step = (table.gather(1, index).view(between.shape) for table in (around[:, :-1], around.diff(dim=1)))
    reach = step.mul_(between).add_(first).square_()
    distance = down.square() + across.square()
    glow = reach.div_(distance.add_(1e-4))
    if exponent != 1.0:
        glow = glow.pow_(exponent)
    scallop = between.sub_(0.5).square_().neg_().add_(1.0)
    return glow.mul_(scallop).clamp_(max=1.0)


def _sparkle(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    centres, n_rays, normals = fields
    size = images.shape[2], images.shape[3]
    radius = 0.01 * parameters[0] * min(size)
    # No ray is shorter than a pixel, whatever the image's size.
    lengths = normals.mul(_SPREAD * radius).add_(radius).clamp_(min=1.0)
    dark = torch.ones((len(images), *size), dtype=torch.float32, device=images.device)
    for spark in range(centres.shape[1]):
        dark.mul_(star(centres[:, spark], n_rays[:, spark], lengths[:, spark], size, 1.0).neg_().add_(1.0))
    return truncate((255.0 - images.to(torch.float32)).mul_(dark.unsqueeze(1)).neg_().add_(255.0))


def _whiten_around(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    centres, n_rays, normals = (field[:, 0] for field in fields)
    size = images.shape[2], images.shape[3]
    radius = 0.25 * min(size)
    lengths = normals.mul(_SPREAD * radius).add_(radius)
    kept = star(centres, n_rays, lengths, size, 0.13 * parameters[0])
    return truncate((images.to(torch.float32) - 255.0).mul_(kept.unsqueeze(1)).add_(255.0))


SPARKLES = Corruption(
    name="sparkles",
    sample=_sample_five,
    apply=_sparkle,
    # rays of .01 s sides of the image
    severities=raw_severities(cifar=(0.7, 3.5, 5.6, 6.3, 7), imagenet=(1, 2, 3, 5, 6)),
    source=SOURCE,
)

INVERSE_SPARKLES = Corruption(
    name="inverse_sparkles",
    sample=_sample_one,
    apply=_whiten_around,
    # exponent .13 s of the fall along a ray
    severities=raw_severities(cifar=(1, 1.5, 2.5, 4.5, 5), imagenet=(1, 2, 4, 9, 10)),
    source=SOURCE,
)
