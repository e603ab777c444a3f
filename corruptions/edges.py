"""Edges of windows: masks of one place, one centre and one mass, with a hard edge or a soft one.

A window is a box of whole pixels inside the image. Its hard mask is the box's indicator; a soft mask is centred on the
same box and is the product of a vertical and a horizontal profile, as the masks of SmoothMix are. The linear profile is
SmoothMix-S's ramp, here as wide as half the box and centred on its edge: a fifth of that, as for training, would be
below one pixel on a box of 8, which is a hard edge. The Gaussian profile is SmoothMix-C's bell, with peak 1.

The scale of a soft profile is solved by bisection for every place, so that what the image's border leaves of it sums to
the box's side. All masks of a place therefore have the box's mass, and no place has to be left out; a bell whose tail
the border cuts is a little wider than one in the middle.
"""

from functools import lru_cache

import torch
from torch import Tensor

EDGES = ("hard", "linear", "gauss")

_BISECTIONS = 80


def side_in_pixels(n_pixels: int, fraction: float) -> int:
    """Return the side of a box that covers ``fraction`` of an axis, rounded half up to whole pixels."""
    return int(fraction * n_pixels + 0.5)


def window_masks(places: Tensor, edge: str, height: int, width: int, fraction: float) -> Tensor:
    """Build the masks of windows: the share of the patch in each pixel.

    Args:
        places: int64, shape (N, 2): first row and first column of each box.
        edge: One of ``EDGES``.
        height: Pixels.
        width: Pixels.
        fraction: Side of the box as a fraction of either side of the image.

    Returns:
        float32 in [0, 1], shape (N, 1, height, width), on the device of the places. The sum of each mask is the number
        of pixels in the box, up to the rounding of float32.
    """
    vertical = profiles(height, side_in_pixels(height, fraction), edge).to(places.device)[places[:, 0]]
    horizontal = profiles(width, side_in_pixels(width, fraction), edge).to(places.device)[places[:, 1]]
    return (vertical.unsqueeze(2) * horizontal.unsqueeze(1)).unsqueeze(1)


@lru_cache(maxsize=32)
def profiles(n_pixels: int, side: int, edge: str) -> Tensor:
    """Tabulate a window's weight along one axis for every place.

    Args:
        n_pixels: Length of the axis.
        side: Of the box, in pixels.
        edge: One of ``EDGES``.

    Returns:
        float32 in [0, 1], shape (n_pixels - side + 1, n_pixels), on the CPU; each row sums to ``side``.
    """
    first = torch.arange(n_pixels - side + 1, dtype=torch.float64).unsqueeze(1)
    distance = (torch.arange(n_pixels, dtype=torch.float64) - (first + (side - 1) / 2)).abs()
    if edge == "hard":
        return (distance <= (side - 1) / 2).to(torch.float32)
    low, high = torch.full_like(first, 1e-3), torch.full_like(first, 4.0 * n_pixels)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        too_wide = _soft(distance, middle, edge).sum(1, keepdim=True) > side
        low, high = torch.where(too_wide, low, middle), torch.where(too_wide, middle, high)
    return _soft(distance, high, edge).to(torch.float32)


def _soft(distance: Tensor, scale: Tensor, edge: str) -> Tensor:
    """Return a profile of peak 1 whose width grows with the scale: half the side, or the standard deviation."""
    relative = distance / scale
    return (1.5 - relative).clamp(0.0, 1.0) if edge == "linear" else torch.exp(-0.5 * relative.square())
