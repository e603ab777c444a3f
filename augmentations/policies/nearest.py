"""Affine maps of byte images by the nearest pixel, black outside, with Pillow's arithmetic: results equal its bytes.

Source: the affine branch of Pillow's ``Geometry.c``: whole 65536ths of a pixel, except if a matrix neither turns
nor shears, which is computed in float64.
"""

import torch
from torch import Tensor

_ONE = 65536


def transform_nearest(images: Tensor, matrices: Tensor) -> Tensor:
    """Map images.

    Args:
        images: uint8, shape (N, C, H, W).
        matrices: Inverse maps as ``geometry`` makes them, float64, shape (N, 2, 3).

    Returns:
        uint8, shape (N, C, H, W).
    """
    height, width = images.shape[-2:]
    across, down = (_places(matrices[:, row], height, width, axis) for row, axis in ((0, 1), (1, 0)))
    is_inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    place = down.clamp(0, height - 1) * width + across.clamp(0, width - 1)
    found = images.flatten(2).gather(2, place.view(len(images), 1, -1).expand(-1, images.shape[1], -1))
    return found.view_as(images) * is_inside.unsqueeze(1)


def _places(row: Tensor, height: int, width: int, axis: int) -> Tensor:
    """Return the source rows or columns of all pixels, int64 (N, H, W); ``row`` is that of the matrices, (N, 3)."""
    x = torch.arange(width, device=row.device)
    y = torch.arange(height, device=row.device).unsqueeze(1)
    a, b, c = (one.view(-1, 1, 1) for one in row.unbind(1))
    fixed_a, fixed_b, fixed_c = ((one * _ONE + 0.5).floor().long() for one in (a, b, c + 0.5 * a + 0.5 * b))
    fixed = (fixed_c + y * fixed_b + x * fixed_a) >> 16
    along, slope = (x, b) if axis == 1 else (y, a)
    shifted = (c + 0.5 + along).floor().long().expand_as(fixed)
    return torch.where(slope == 0, shifted, fixed)
