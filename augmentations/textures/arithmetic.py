"""Arithmetic of two images: sums and products with random exponents and weights, after which pixels are clipped.

Source: Hendrycks et al., "PixMix: Dreamlike pictures comprehensively improve safety measures" (CVPR 2022) and the
authors' code. With weights a and b and pixels m and q in [0, 1], the sum is (a (2m - 1) + b (2q - 1) + 1) / 2, the
product (2m)^a (2q)^b / 2. The two weights add up to about 1: a ~ Beta(beta, 1) and b ~ Beta(1, beta), or, with chance
one half, 1 plus and minus draws from Beta(1, beta).
"""

import torch
from torch import Tensor

# A product may divide by a power of a black pixel.
_LEAST = 1e-37


def weights(branch: Tensor, uniform: Tensor, beta: float) -> Tensor:
    """Turn uniform numbers into the two weights.

    Args:
        branch: float64 in [0, 1), shape (N,): which of the two kinds.
        uniform: float64 in [0, 1), shape (N, 2).
        beta: Positive; the larger, the nearer a lies to 1 and b to 0.

    Returns:
        float32, shape (N, 2): a and b.
    """
    first, second = uniform.unbind(1)
    # The distribution functions of Beta(beta, 1) and Beta(1, beta), inverted.
    near_one, near_zero = first ** (1 / beta), 1 - second ** (1 / beta)
    is_convex = branch < 0.5
    a = torch.where(is_convex, near_one, 2 - near_one)
    return torch.stack([a, torch.where(is_convex, near_zero, -near_zero)], dim=1).float()


def added(images: Tensor, others: Tensor, weight: Tensor) -> Tensor:
    """Add pixels in [0, 255], float32 (N, C, H, W), by weights (N, 2); clipped to the same range."""
    a, b = weight.view(-1, 2, 1, 1, 1).unbind(1)
    return ((a * (2 * images - 255) + b * (2 * others - 255) + 255) / 2).clamp(0, 255)


def multiplied(images: Tensor, others: Tensor, weight: Tensor) -> Tensor:
    """Multiply pixels in [0, 255], float32 (N, C, H, W), by exponents (N, 2); clipped to the same range."""
    a, b = weight.view(-1, 2, 1, 1, 1).unbind(1)
    product = (images * (2 / 255)) ** a * (others * (2 / 255)).clamp_min(_LEAST) ** b
    return (product * 127.5).clamp(0, 255)
