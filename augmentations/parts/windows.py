"""Rectangular windows on a pixel grid, one for each image, clipped by the image's border."""

import torch
import torch.nn.functional as F
from torch import Tensor


def distance_outside(centre: Tensor, half: Tensor, n_pixels: int) -> Tensor:
    """Measure along one axis how far each pixel lies outside its image's window.

    The window covers the 2 * half pixels from c - half to c + half - 1, where c is the centre pixel.

    Args:
        centre: float64 in [0, 1), shape (N,): the centre pixel as a fraction of the axis.
        half: int64, shape (N,) or scalar: half the window's side in pixels; 0 makes it empty.
        n_pixels: Length of the axis.

    Returns:
        int64, shape (N, n_pixels): steps to the nearest pixel inside, at most 0 inside the window.
    """
    centre_pixel = (centre * n_pixels).to(torch.int64)
    first = (centre_pixel - half).unsqueeze(1)
    last = (centre_pixel + half - 1).unsqueeze(1)
    pixel = torch.arange(n_pixels, device=centre.device)
    return torch.maximum(first - pixel, pixel - last)


def fullest_window(weights: Tensor, height: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
    """Find the window of the largest sum among all that lie inside.

    Args:
        weights: Floating point, shape (N, H, W), any sign.
        height: int64, shape (N,): of each image's window in pixels, at least 1.
        width: Likewise.

    Returns:
        The window's first row and first column, int64, shape (N,) each; of equals the first in reading order.
    """
    n, n_rows, n_columns = weights.shape
    integral = F.pad(weights.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    top, left = torch.arange(n_rows, device=weights.device), torch.arange(n_columns, device=weights.device)
    bottom, right = top + height.unsqueeze(1), left + width.unsqueeze(1)
    fits = (bottom <= n_rows).unsqueeze(2) & (right <= n_columns).unsqueeze(1)
    below = integral.gather(1, bottom.clamp_max(n_rows).unsqueeze(2).expand(-1, -1, n_columns + 1))
    rows = below - integral[:, :-1]
    total = rows.gather(2, right.clamp_max(n_columns).unsqueeze(1).expand(-1, n_rows, -1)) - rows[:, :, :-1]
    place = torch.where(fits, total, -torch.inf).flatten(1).argmax(1)
    return place // n_columns, place % n_columns


def outer(vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Multiply profiles of shapes (N, H) and (N, W) to float32 windows of shape (N, 1, H, W)."""
    return (vertical.to(torch.float32).unsqueeze(2) * horizontal.to(torch.float32).unsqueeze(1)).unsqueeze(1)
