"""Transverse chromatic aberration: each colour enlarged by a factor of its own."""

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.cbar.splines import spline_taps
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws


def _sample_order(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw which zoom each colour gets, 0 the least: int64 permutations (N, 3)."""
    return (draws.words(3).to(torch.int64).argsort(dim=1),)


def _zoomed(planes: Tensor, axis: int, zoom: float) -> Tensor:
    """Enlarge one axis and keep its middle.

    End points lie on end points. The spline takes values for coefficients, so that even a zoom of 1 blurs.
    """
    size = planes.shape[axis]
    enlarged = round(size * zoom)
    start = (enlarged - size) // 2
    place = torch.arange(start, start + size, dtype=torch.float64)
    taps, weights = spline_taps(place * (size - 1) / (enlarged - 1), size)
    shape = [1] * planes.ndim
    shape[axis] = size
    total = torch.zeros_like(planes)
    for tap, weight in zip(taps.to(planes.device), weights.to(torch.float32).to(planes.device), strict=True):
        total.add_(planes.index_select(axis, tap).mul_(weight.view(shape)))
    return total


def _aberrate(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (order,), widest = fields, 0.05 * parameters[0]
    image = torch.arange(len(images), device=images.device).unsqueeze(1)
    by_zoom = images[image, order.argsort(dim=1)]
    # Images last, so that a tap copies whole rows of them.
    planes = by_zoom.permute(1, 2, 3, 0).to(torch.float32, memory_format=torch.contiguous_format)
    zoomed = torch.stack([_zoomed(_zoomed(planes[k], 0, 1 + widest * k / 2), 1, 1 + widest * k / 2) for k in range(3)])
    # The one corruption whose generator rounds, half up.
    return truncate(zoomed.add_(0.5)).permute(3, 0, 1, 2)[image, order].contiguous()


TRANSVERSE_CHROMATIC_ABBERATION = Corruption(
    name="transverse_chromatic_abberation",
    sample=_sample_order,
    apply=_aberrate,
    # zooms up to 1 + .05 s
    severities=raw_severities(cifar=(1, 2, 5, 9, 10)),
    source=SOURCE,
)
