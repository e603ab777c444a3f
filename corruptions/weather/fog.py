"""Fog: a plasma fractal, made by the diamond-square algorithm."""

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws

_FIRST_WIBBLE = 100.0


def _sample_plasma(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw uniform numbers in [-1, 1) for the squares, the top and the side midpoints of each level."""
    side = 1 << (max(shape[1:]) - 1).bit_length()
    grids = [1 << level for level in range(side.bit_length() - 1)]
    noise = draws.uniform(sum(3 * grid * grid for grid in grids), low=-1.0, high=1.0, dtype=torch.float32)
    parts = torch.split(noise, [3 * grid * grid for grid in grids], dim=1)
    return tuple(part.view(-1, 3, grid, grid) for part, grid in zip(parts, grids, strict=True))


def plasma(noise: Fields, decay: float) -> Tensor:
    """Build height maps that wrap around at their borders.

    Each level halves the grid: the centre of every square, then the midpoints of its sides, take the mean of
    their four neighbours plus noise. The noise is scaled by the square of a wibble that starts at 100 and is divided
    by ``decay`` per level.

    Args:
        noise: For each level a float32 tensor (N, 3, G, G), G = 1, 2, 4, ...
        decay: Divisor of the wibble from level to level.

    Returns:
        float32 tensor (N, 2**levels, 2**levels), scaled to [0, 1] per map.
    """
    corners = torch.zeros((len(noise[0]), 1, 1), dtype=torch.float32, device=noise[0].device)
    wibble = _FIRST_WIBBLE
    for level in noise:
        centre_noise, top_noise, side_noise = level.mul(wibble * wibble).unbind(1)
        below, beside = corners + corners.roll(-1, 1), corners + corners.roll(-1, 2)
        centres = (below + below.roll(-1, 2)).mul_(0.25).add_(centre_noise)
        size = 2 * corners.shape[1]
        finer = corners.new_empty((len(corners), size, size))
        finer[:, ::2, ::2] = corners
        finer[:, 1::2, 1::2] = centres
        finer[:, ::2, 1::2] = beside.add_(centres).add_(centres.roll(1, 1)).mul_(0.25).add_(top_noise)
        finer[:, 1::2, ::2] = below.add_(centres).add_(centres.roll(1, 2)).mul_(0.25).add_(side_noise)
        corners = finer
        wibble /= decay
    lowest, highest = corners.amin(dim=(1, 2)), corners.amax(dim=(1, 2))
    return corners.sub_(lowest[:, None, None]).mul_((1.0 / (highest - lowest))[:, None, None])


def _fog(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    strength, decay = parameters
    height, width = images.shape[2:]
    # Scaled over the whole map before the crop.
    return _covered(images, plasma(fields, decay)[:, None, :height, :width], strength)


def _covered(images: Tensor, haze: Tensor, strength: float) -> Tensor:
    brightest = images.flatten(1).amax(dim=1).to(torch.float32).div_(255.0)[:, None, None, None]
    share = brightest / (brightest + strength)
    return truncate(images.to(torch.float32).mul_(share).add_(haze * (share * (255.0 * strength))))


FOG = Corruption(
    name="fog",
    sample=_sample_plasma,
    apply=_fog,
    # strength, decay of the wibble
    severities=severities(
        cifar=((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        tiny=((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),
        imagenet=((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        inception=((1.5, 2), (2, 2), (2.5, 1.8), (2.5, 1.6), (3, 1.5)),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; for other sizes the map's side is the next power of two",
)
