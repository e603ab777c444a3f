"""Gaussian blur, summed in a fixed order so that no pixel depends on batch or device."""

import numpy as np
import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities


def gaussian_weights(sigma: float, truncate: float = 4.0) -> list[float]:
    """Sample a normalised Gaussian at whole pixels, as SciPy does.

    Returns:
        The centre's weight, then the weights at distances 1 to ``int(truncate * sigma + 0.5)``.
    """
    radius = int(truncate * sigma + 0.5)
    if radius == 0:
        return [1.0]
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 / (sigma * sigma) * offsets**2)
    half: list[float] = (weights / weights.sum())[radius:].tolist()
    return half


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Blur along both image axes, edge pixels repeated, weights cut off at four sigma.

    Rows first, then columns, each in float64 from the outermost pair of neighbours inwards: the order in which
    SciPy's ``gaussian_filter`` (and so scikit-image's ``gaussian``) sums, hence the same bits.

    Args:
        images: float64 tensor (..., H, W).
        sigma: Standard deviation in pixels.

    Returns:
        float64 tensor of the same shape.
    """
    weights = gaussian_weights(sigma)
    if len(weights) == 1:
        return images
    for axis in (-2, -1):
        images = _correlate(images, weights, axis)
    return images


def _correlate(images: Tensor, weights: list[float], axis: int) -> Tensor:
    size, radius = images.shape[axis], len(weights) - 1
    index = torch.arange(-radius, size + radius, device=images.device).clamp_(0, size - 1)
    padded = images.index_select(axis, index)
    total = images * weights[0]
    for distance in range(radius, 0, -1):
        before = padded.narrow(axis, radius - distance, size)
        after = padded.narrow(axis, radius + distance, size)
        total += (before + after).mul_(weights[distance])
    return total


def _blur(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (sigma,) = parameters
    return gaussian_blur(images.to(torch.float64), sigma).to(torch.float32)


GAUSSIAN_BLUR = Corruption(
    name="gaussian_blur",
    group="blur",
    apply=_blur,
    # sigma in pixels
    severities=severities(
        cifar=(0.4, 0.6, 0.7, 0.8, 1),
        tiny=(0.5, 0.75, 1, 1.25, 1.5),
        imagenet=(1, 2, 3, 4, 6),
        inception=(1.5, 2.5, 3.5, 4.5, 6.5),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; the filter of scikit-image's gaussian",
    extra=True,
)
