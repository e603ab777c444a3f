"""Motion blur as ImageMagick computes it: a one-sided Gaussian along a line of whole pixels."""

import math
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.stencils import with_border
from robustsweep.draws import Draws

# Values of the images that are blurred together.
_VALUES_PER_PASS = 1 << 19


def motion_weights(radius: int, sigma: float) -> list[float]:
    """Return the 2 * radius + 1 weights of the trail, the pixel itself first, normalised to sum to one."""
    weights = [math.exp(-(tap * tap) / (2.0 * sigma * sigma)) for tap in range(2 * radius + 1)]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def trails(degrees: Tensor, taps: int) -> NDArray[np.int64]:
    """Return the row and column offsets of the pixels along each direction, the pixel itself first: (N, taps, 2)."""
    radians = np.radians(degrees.cpu().numpy())[:, None]
    distance = np.arange(taps)
    offsets = np.stack((distance * np.sin(radians), distance * np.cos(radians)), axis=2)
    return np.ceil(offsets - 0.5).astype(np.int64)


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
    offsets = trails(degrees, len(weights))
    blurred = (_shifted if levels.device.type == "cpu" else _gathered)(levels, offsets, weights)
    quantum = blurred.mul_(257.0).add_(0.5).floor_()
    # The half keeps whole quotients clear of rounding: 65535 / 257 is 255.
    return quantum.add_(0.5).mul_(1.0 / 257.0).to(torch.int32).to(torch.uint8)


def _shifted(levels: Tensor, offsets: NDArray[np.int64], weights: list[float]) -> Tensor:
    """Blur images of neighbouring directions together.

    In the order of directions the images that share an offset are neighbours, so that one shift of contiguous memory
    serves them all.
    """
    blurred = torch.empty(levels.shape, dtype=torch.float32)
    order = np.lexsort((offsets[:, -1, 0], offsets[:, -1, 1]))
    size = max(1, _VALUES_PER_PASS // levels[0:1].numel()) if len(levels) else 1
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        index = torch.from_numpy(chosen)
        blurred[index] = _together(levels[index], offsets[chosen], weights)
    return blurred


def _together(levels: Tensor, offsets: NDArray[np.int64], weights: list[float]) -> Tensor:
    count, channels, height, width = levels.shape
    (above, left), (below, right) = (-offsets.min((0, 1))).tolist(), offsets.max((0, 1)).tolist()
    padded = with_border(levels, (above, below), (left, right), "repeat")
    rows, columns = padded.shape[1:]
    pitch, line = channels * rows * columns, padded.view(-1)
    total = torch.zeros_like(line)
    shifts = (offsets[:, :, 0] + above) * columns + offsets[:, :, 1] + left
    used = ((channels - 1) * rows + height - 1) * columns + width
    for tap, weight in enumerate(weights):
        bounds = [0, *(np.flatnonzero(np.diff(shifts[:, tap])) + 1).tolist(), count]
        for first, last in pairwise(bounds):
            start, length = first * pitch, (last - first - 1) * pitch + used
            source = start + int(shifts[first, tap])
            total[start : start + length].add_(line[source : source + length], alpha=weight)
    return total.as_strided(levels.shape, (pitch, rows * columns, columns, 1))


def _gathered(levels: Tensor, offsets: NDArray[np.int64], weights: list[float]) -> Tensor:
    """Gather every tap for the whole batch at once: few launches, as a GPU wants them."""
    channels, height, width = levels.shape[1:]
    steps = torch.from_numpy(offsets).to(levels.device)
    row = torch.arange(height, device=levels.device).unsqueeze(1)
    column = torch.arange(width, device=levels.device)
    pixels = levels.to(torch.float32).flatten(2)
    total = torch.zeros_like(pixels)
    for tap, weight in enumerate(weights):
        down, right = steps[:, tap, :, None, None].unbind(1)
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
