"""Fog: a plasma fractal, made by the diamond-square algorithm."""

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.draws import Draws

_FIRST_WIBBLE = 100.0


def _sample_plasma(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw uniform numbers in [-1, 1) for the squares, the side midpoints and the top midpoints of each level."""
    side = 1 << (max(shape[1:]) - 1).bit_length()
    levels = side.bit_length() - 1
    return tuple(draws.uniform(3, 1 << level, 1 << level, low=-1.0, high=1.0) for level in range(levels))


def plasma(noise: Fields, decay: float) -> Tensor:
    """Build height maps that wrap around at their borders.

    Each level halves the grid: the centre of every square, then the midpoints of its sides, take the mean of
    their four neighbours plus noise. The noise is scaled by the square of a wibble that starts at 100 and is divided
    by ``decay`` per level.

    Args:
        noise: For each level a float64 tensor (N, 3, G, G), G = 1, 2, 4, ...
        decay: Divisor of the wibble from level to level.

    Returns:
        float64 tensor (N, 2**levels, 2**levels), scaled to [0, 1] per map.
    """
    corners = torch.zeros((noise[0].shape[0], 1, 1), dtype=torch.float64, device=noise[0].device)
    wibble = _FIRST_WIBBLE
    for level in noise:
        scaled = level * (wibble * wibble)
        pairs = corners + corners.roll(-1, 1)
        centres = (pairs + pairs.roll(-1, 2)) / 4.0 + scaled[:, 0]
        tops = ((centres + centres.roll(1, 1)) + (corners + corners.roll(-1, 2))) / 4.0 + scaled[:, 1]
        sides = ((centres + centres.roll(1, 2)) + (corners + corners.roll(-1, 1))) / 4.0 + scaled[:, 2]
        upper = torch.stack((corners, tops), dim=3).flatten(2)
        lower = torch.stack((sides, centres), dim=3).flatten(2)
        corners = torch.stack((upper, lower), dim=2).flatten(1, 2)
        wibble /= decay
    heights = corners - corners.amin(dim=(1, 2), keepdim=True)
    return heights / heights.amax(dim=(1, 2), keepdim=True)


def _fog(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    strength, decay = parameters
    height, width = images.shape[2:]
    # Scaled over the whole map before the crop.
    haze = plasma(fields, decay)[:, None, :height, :width] * strength
    exact = images.to(torch.float64)
    brightest = exact.amax(dim=(1, 2, 3), keepdim=True)
    return ((exact + haze) * brightest / (brightest + strength)).to(torch.float32)


FOG = Corruption(
    name="fog",
    group="weather",
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
