"""Cubic B-splines along a line that is mirrored at its ends, as SciPy interpolates."""

import torch
from torch import Tensor


def spline_taps(position: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """List what a cubic B-spline reads at fractional positions; the ends are mirrored and not repeated.

    Args:
        position: float64 tensor (...), in [0, size - 1].
        size: Length of the line, at least 3.

    Returns:
        int64 tensor (4, ...): the coefficients' places, and float64 tensor (4, ...): their weights, of sum 1.
    """
    lower = position.floor()
    t = position - lower
    u = 1.0 - t
    weights = torch.stack((u**3, 4.0 - 6.0 * t**2 + 3.0 * t**3, 4.0 - 6.0 * u**2 + 3.0 * u**3, t**3)) / 6.0
    places = torch.stack([lower + offset for offset in (-1, 0, 1, 2)]).to(torch.int64).abs()
    return torch.where(places >= size, 2 * (size - 1) - places, places), weights


def spline_prefilter(size: int) -> Tensor:
    """Write down what turns a line's values into the coefficients of the spline through them.

    Returns:
        float64 tensor (size, size).
    """
    taps, weights = spline_taps(torch.arange(size, dtype=torch.float64), size)
    values = torch.zeros((size, size), dtype=torch.float64).scatter_add_(1, taps.T, weights.T)
    inverse: Tensor = torch.linalg.inv(values)
    return inverse
