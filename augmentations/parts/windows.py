"""Rectangular windows on a pixel grid, one for each image, clipped by the image's border."""

import torch
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


def outer(vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Multiply profiles of shapes (N, H) and (N, W) to float32 windows of shape (N, 1, H, W)."""
    return (vertical.to(torch.float32).unsqueeze(2) * horizontal.to(torch.float32).unsqueeze(1)).unsqueeze(1)
