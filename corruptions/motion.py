"""Motion blur as ImageMagick computes it: a one-sided Gaussian along a line of whole pixels."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.stencils import correlate, with_border
from robustsweep.draws import Draws

Step = tuple[int, int]


def motion_weights(radius: int, sigma: float) -> list[float]:
    """Return the 2 * radius + 1 weights of the trail, the pixel itself first, normalised to sum to one."""
    weights = [math.exp(-(tap * tap) / (2.0 * sigma * sigma)) for tap in range(2 * radius + 1)]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def trail(degrees: float, taps: int) -> tuple[Step, ...]:
    """Return the row and column offsets of the pixels along a direction, the pixel itself first."""
    radians = math.radians(degrees)
    down, right = math.sin(radians), math.cos(radians)
    return tuple((math.ceil(tap * down - 0.5), math.ceil(tap * right - 0.5)) for tap in range(taps))


def motion_blur(levels: Tensor, degrees: Tensor, radius: int, sigma: float) -> Tensor:
    """Blur each image along its own direction.

    Tap i reads the pixel at ``ceil(i * cos - 1/2)`` columns and ``ceil(i * sin - 1/2)`` rows from here: whole pixels,
    no interpolation; edge pixels are repeated outside. The sum is rounded to 16 bits; saving that as an 8-bit PNG,
    through which the generators read the result, then truncates.

    Source: ImageMagick, MotionBlurImage, and the pixels of MagickWand 6.9.11.

    Args:
        levels: uint8 tensor (N, C, H, W).
        degrees: float64 tensor (N,), the direction of the trail; 0 is along a row, 90 down a column.
        radius: Half the number of taps, rounded down.
        sigma: Standard deviation of the weights, in taps.

    Returns:
        uint8 tensor (N, C, H, W).
    """
    weights = motion_weights(radius, sigma)
    steps = [trail(angle, len(weights)) for angle in degrees.tolist()]
    blurred = _along_each(levels, steps, weights) if levels.device.type == "cpu" else _gathered(levels, steps, weights)
    quantum = blurred.mul_(257.0).add_(0.5).floor_()
    # The half keeps whole quotients clear of rounding: 65535 / 257 is 255.
    return quantum.add_(0.5).mul_(1.0 / 257.0).to(torch.int16).to(torch.uint8)


def _along_each(levels: Tensor, steps: Sequence[tuple[Step, ...]], weights: list[float]) -> Tensor:
    """Correlate the images of each trail together: within it, every tap is one shift of contiguous memory."""
    height, width = levels.shape[2:]
    blurred = torch.empty(levels.shape, dtype=torch.float32)
    members: dict[tuple[Step, ...], list[int]] = {}
    for position, steps_of_image in enumerate(steps):
        members.setdefault(steps_of_image, []).append(position)
    for steps_of_group, positions in members.items():
        rows, columns = zip(*steps_of_group, strict=True)
        above, left = max(0, -min(rows)), max(0, -min(columns))
        index = torch.tensor(positions)
        padded = with_border(levels[index], (above, max(0, *rows)), (left, max(0, *columns)), "repeat")
        taps = [
            (above + row, left + column, weight)
            for (row, column), weight in zip(steps_of_group, weights, strict=True)
        ]
        blurred[index] = correlate(padded, taps, height, width).view(len(positions), *levels.shape[1:])
    return blurred


def _gathered(levels: Tensor, steps: Sequence[tuple[Step, ...]], weights: list[float]) -> Tensor:
    """Gather every tap for the whole batch at once: few launches, as a GPU wants them."""
    count, channels, height, width = levels.shape
    offsets = torch.tensor(steps, device=levels.device)
    row = torch.arange(height, device=levels.device).unsqueeze(1)
    column = torch.arange(width, device=levels.device)
    pixels = levels.to(torch.float32).flatten(2)
    total = torch.zeros_like(pixels)
    for tap, weight in enumerate(weights):
        down, right = offsets[:, tap, :, None, None].unbind(1)
        index = (row + down).clamp_(0, height - 1) * width + (column + right).clamp_(0, width - 1)
        total.add_(pixels.gather(2, index.flatten(1).unsqueeze(1).expand(-1, channels, -1)), alpha=weight)
    return total.view(levels.shape)


def _sample_angle(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return (draws.uniform(low=-45.0, high=45.0),)


def _move(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    radius, sigma = parameters
    return motion_blur(images, fields[0], int(radius), sigma)


MOTION_BLUR = Corruption(
    name="motion_blur",
    group="blur",
    sample=_sample_angle,
    apply=_move,
    # Images of one direction are blurred together: the more there are, the more share one.
    values_per_pass=1 << 21,
    # radius and sigma in pixels
    severities=severities(
        cifar=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        tiny=((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
        imagenet=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        inception=((12, 4), (17, 6), (17, 9), (17, 13), (22, 16)),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; ImageMagick's MotionBlurImage",
)
