"""Motion blur as ImageMagick computes it: a one-sided Gaussian along a line of whole pixels."""

import math

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import grey_levels, unit_range
from robustsweep.draws import Draws


def motion_weights(radius: int, sigma: float) -> list[float]:
    """Return the 2 * radius + 1 weights of the trail, the pixel itself first, normalised to sum to one."""
    weights = [math.exp(-(tap * tap) / (2.0 * sigma * sigma)) for tap in range(2 * radius + 1)]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def motion_blur(levels: Tensor, degrees: Tensor, radius: int, sigma: float) -> Tensor:
    """Blur each image along its own direction.

    Tap i reads the pixel at ``ceil(i * cos - 1/2)`` columns and ``ceil(i * sin - 1/2)`` rows from here: whole pixels,
    no interpolation; edge pixels are repeated outside. The sum is rounded to 16 bits; saving that as an 8-bit PNG,
    through which the generators read the result, then truncates.

    Source: ImageMagick, MotionBlurImage, and the pixels of MagickWand 6.9.11.

    Args:
        levels: int32 tensor (N, C, H, W) of grey levels.
        degrees: float64 tensor (N,), the direction of the trail; 0 is along a row, 90 down a column.
        radius: Half the number of taps, rounded down.
        sigma: Standard deviation of the weights, in taps.

    Returns:
        float64 tensor (N, C, H, W) of whole grey levels.
    """
    count, channels, height, width = levels.shape
    weights = motion_weights(radius, sigma)
    reach = len(weights) - 1
    rows = torch.arange(-reach, height + reach, device=levels.device).clamp_(0, height - 1)
    columns = torch.arange(-reach, width + reach, device=levels.device).clamp_(0, width - 1)
    padded = levels.index_select(2, rows).index_select(3, columns).to(torch.float64).flatten(2)
    stride = width + 2 * reach
    down = torch.arange(reach, reach + height, device=levels.device).unsqueeze(1) * stride
    here = (down + torch.arange(reach, reach + width, device=levels.device)).flatten()
    radians = degrees * (math.pi / 180.0)
    along, across = radians.cos(), radians.sin()
    total = torch.zeros((count, channels, height * width), dtype=torch.float64, device=levels.device)
    for tap, weight in enumerate(weights):
        shift = (across * tap - 0.5).ceil() * stride + (along * tap - 0.5).ceil()
        index = here + shift.to(torch.int64).unsqueeze(1)
        total += padded.gather(2, index.unsqueeze(1).expand(count, channels, -1)).mul_(weight)
    quantum = total.mul_(257.0).add_(0.5).floor_()
    # The half keeps whole quotients clear of rounding: 65535 / 257 is 255.
    return quantum.add_(0.5).mul_(1.0 / 257.0).floor_().view(levels.shape)


def _sample_angle(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return (draws.uniform(low=-45.0, high=45.0),)


def _move(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    radius, sigma = parameters
    return unit_range(motion_blur(grey_levels(images), fields[0], int(radius), sigma))


MOTION_BLUR = Corruption(
    name="motion_blur",
    group="blur",
    sample=_sample_angle,
    apply=_move,
    # radius and sigma in pixels
    severities=severities(
        cifar=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        tiny=((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
        imagenet=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        inception=((12, 4), (17, 6), (17, 9), (17, 13), (22, 16)),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; ImageMagick's MotionBlurImage",
)
