"""Random parts of photos, of a random area and aspect ratio, one draw for each image.

Source: Szegedy et al., "Going deeper with convolutions" (CVPR 2015), section 6: a part of 8 to 100% of the area with
an aspect ratio in [3/4, 4/3]; with ten attempts and the central part after them, as in torchvision's RandomResizedCrop.
Difference: an attempt that fits takes its place from two numbers that belong to the image, not to the attempt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from robustsweep.draws import Draws

AREA_SHARE = (0.08, 1.0)
ASPECT_RATIO = (3 / 4, 4 / 3)
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of whole pixels inside an image.

    Attributes:
        top: First row.
        left: First column.
        height: Rows, at least 1.
        width: Columns, at least 1.
    """

    top: int
    left: int
    height: int
    width: int


def sample_parts(draws: Draws) -> Tensor:
    """Draw what decides the part, whatever the size of the image.

    Returns:
        Uniform numbers, float64, shape (N, 22): area and aspect ratio of each attempt, then row and column.
    """
    return draws.uniform(2 * _ATTEMPTS + 2)


def part_of(sample: Sequence[float], height: int, width: int) -> Part:
    """Find the part of an image of that size.

    Args:
        sample: A row of ``sample_parts``.
        height: Of the image, in pixels.
        width: Likewise.
    """
    low, high = (math.log(ratio) for ratio in ASPECT_RATIO)
    *attempts, row, column = sample
    for share, tilt in zip(attempts[::2], attempts[1::2], strict=True):
        area = height * width * (AREA_SHARE[0] + share * (AREA_SHARE[1] - AREA_SHARE[0]))
        ratio = math.exp(low + tilt * (high - low))
        part_width, part_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < part_width <= width and 0 < part_height <= height:
            top, left = int(row * (height - part_height + 1)), int(column * (width - part_width + 1))
            return Part(top, left, part_height, part_width)
    return _central(height, width)


def _central(height: int, width: int) -> Part:
    """Return the largest central part whose aspect ratio is allowed."""
    narrowest, widest = ASPECT_RATIO
    part_width = min(width, max(1, round(height * widest)))
    part_height = min(height, max(1, round(width / narrowest)))
    return Part((height - part_height) // 2, (width - part_width) // 2, part_height, part_width)
