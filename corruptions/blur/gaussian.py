"""Gaussian blur."""

import numpy as np
import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.opencv import opencv_or_none
from robustsweep.corruptions.stencils import correlate_separably, with_border

# Planes of fewer pixels are faster together, in tensors, than one by one in OpenCV.
_SMALLEST_FOR_OPENCV = 64 * 64


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

    On the CPU OpenCV filters planes of 64 x 64 pixels and more if it is installed; its sums differ from the
    tensors' by rounding.

    Args:
        images: uint8 or float32 tensor (..., H, W).
        sigma: Standard deviation in pixels.

    Returns:
        float32 tensor of the same shape.
    """
    weights = gaussian_weights(sigma)
    if len(weights) == 1:
        return images.to(torch.float32, copy=True)
    height, width = images.shape[-2:]
    if images.device.type == "cpu" and height * width >= _SMALLEST_FOR_OPENCV and (cv2 := opencv_or_none()):
        line = np.array(weights[:0:-1] + weights, dtype=np.float32)
        blurred = torch.empty(images.shape, dtype=torch.float32)
        for plane, out in zip(
            images.view(-1, height, width).numpy(), blurred.view(-1, height, width).numpy(), strict=True
        ):
            cv2.sepFilter2D(plane, cv2.CV_32F, line, line, dst=out, borderType=cv2.BORDER_REPLICATE)
        return blurred
    reach = len(weights) - 1
    padded = with_border(images, (reach, reach), (reach, reach), "repeat")
    return correlate_separably(padded, weights[:0:-1] + weights, height, width).reshape(images.shape)


def _blur(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    return truncate(gaussian_blur(images, parameters[0]))


GAUSSIAN_BLUR = Corruption(
    name="gaussian_blur",
    apply=_blur,
    # sigma in pixels
    severities=severities(
        cifar=(0.4, 0.6, 0.7, 0.8, 1),
        tiny=(0.5, 0.75, 1, 1.25, 1.5),
        imagenet=(1, 2, 3, 4, 6),
        inception=(1.5, 2.5, 3.5, 4.5, 6.5),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; the filter of scikit-image's gaussian",
    libraries=("opencv",),
)
