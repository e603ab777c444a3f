"""Caustic refraction: the image seen through ripples of water that focus light."""

import torch
from torch import Tensor
from torch.nn import functional

from robustsweep.corruptions.blur.gaussian import gaussian_weights
from robustsweep.corruptions.cbar.grids import coordinates, read_bilinear
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.stencils import correlate_separably, with_border
from robustsweep.draws import Draws

# The generator's own digits of a full turn.
_TURN = 6.28318530718
_REFRACTION = 4.0
_WAVES = 5


def _sample_water(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw a time and the size of the ripples in pixels, (N,) each."""
    side = min(shape[1:])
    return draws.uniform(low=0.5, high=2.0), draws.uniform(low=0.75 * side, high=1.25 * side)


def caustics(fields: Fields, height: int, width: int) -> Tensor:
    """Compute the light at the bottom of rippled water.

    Returns:
        float64 tensor (N, height, width) in [0, 1].
    """
    time, size = (field[:, None, None] for field in fields)
    rows, columns = coordinates(height, width, time.device, torch.float64)
    down, across = ((place / size).remainder(1.0) * _TURN - 250.0 for place in (rows, columns))
    shape = (len(time), height, width)
    first, second = down.expand(shape), across.expand(shape)
    light = torch.ones(shape, dtype=torch.float64, device=time.device)
    # In float64: light is the power of a difference of almost equal numbers, and a slope decides whether it refracts.
    for wave in range(_WAVES):
        moment = time * (1.0 - 3.5 / (wave + 1))
        first, second = (
            (moment - first).cos_().add_((moment + second).sin_()).add_(down),
            (moment - second).sin_().add_((moment + first).cos_()).add_(across),
        )
        steep = (0.005 * down / (first + moment).sin_()).square_()
        light += steep.add_((0.005 * across / (second + moment).cos_()).square_()).rsqrt_()
    light = light.div_(_WAVES).pow_(1.4).neg_().add_(1.17).square_()
    return light.square_().square_().clamp_(max=1.0)


def slopes(light: Tensor) -> tuple[Tensor, Tensor]:
    """Blur light by a Gaussian of one pixel and take central differences along rows and columns, dark outside."""
    weights = gaussian_weights(1.0, truncate=4.0)
    reach = len(weights) - 1
    height, width = light.shape[1:]
    padded = with_border(light, (reach, reach), (reach, reach), "reflect")
    soft = functional.pad(correlate_separably(padded, weights[:0:-1] + weights, height, width), (1, 1, 1, 1))
    return soft[:, 2:, 1:-1] - soft[:, :-2, 1:-1], soft[:, 1:-1, 2:] - soft[:, 1:-1, :-2]


def _refract(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    height, width = images.shape[2:]
    lens, brightness = 0.05 * parameters[0] * min(height, width), 0.2 * parameters[0]
    down, across = slopes(caustics(fields, height, width))
    upright = (down.square() + across.square()).add_(1.0).rsqrt_()
    # Snell: how far the view is bent, over the sine of its angle to the surface's normal.
    sine = upright.square().neg_().add_(1.0)
    bend = sine.div_(_REFRACTION**2).neg_().add_(1.0).sqrt_() - upright / _REFRACTION
    bend = torch.where(upright >= 0.999, 0.0, bend * upright * lens)
    rows, columns = coordinates(height, width, images.device, torch.float64)
    seen = read_bilinear(images, rows + _to_thousandths(bend * down), columns + _to_thousandths(bend * across))
    return truncate(seen.add_((down - across).mul_(255.0 * brightness).to(torch.float32).unsqueeze(1)))


def _to_thousandths(shift: Tensor) -> Tensor:
    return shift.mul_(1000.0).round_().div_(1000.0)


CAUSTIC_REFRACTION = Corruption(
    name="caustic_refraction",
    sample=_sample_water,
    apply=_refract,
    # lens of .05 s sides of the image, light .2 s of white
    severities=raw_severities(imagenet=(2.35, 3.2, 4.9, 6.6, 9.15)),
    source=SOURCE,
)
