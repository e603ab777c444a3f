"""Brightness, contrast and saturation."""

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.levels import truncate

_SOURCE = "Hendrycks and Dietterich (ICLR 2019), sec. 3"


def _largest(images: Tensor) -> Tensor:
    """Return the largest of the three colours, which is the value in HSV: uint8 (N, 1, H, W)."""
    return torch.maximum(torch.maximum(images[:, 0:1], images[:, 1:2]), images[:, 2:3])


def _smallest(images: Tensor) -> Tensor:
    return torch.minimum(torch.minimum(images[:, 0:1], images[:, 1:2]), images[:, 2:3])


def _lifted(images: Tensor, shift: float) -> Tensor:
    value = _largest(images).to(torch.float32)
    lifted = (value + 255.0 * shift).clamp_(max=255.0)
    # Black has no hue: it becomes the grey of the new value.
    is_black = 1.0 - value.clamp(max=1.0)
    return truncate(images.to(torch.float32).mul_(lifted / value.clamp_(min=1.0)).add_(is_black.mul_(lifted)))


def _brighten(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    return _lifted(images, parameters[0])


def _stretched(images: Tensor, factor: float, offset: float) -> Tensor:
    value = _largest(images).to(torch.float32)
    chroma = value - _smallest(images)
    saturation = chroma / value.clamp(min=1.0)
    target = (saturation * factor + offset).clamp_(0.0, 1.0)
    # The smallest saturation that is not zero is 1/255.
    stretch = target / saturation.clamp_(min=1.0 / 256.0)
    coloured = (images - value).mul_(stretch).add_(value)
    # Grey has hue 0, which is red: red keeps the value, green and blue fall.
    is_grey = 1.0 - chroma.clamp_(max=1.0)
    coloured[:, 1:] -= is_grey.mul_(target).mul_(value)
    return truncate(coloured)


def _saturate(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    factor, offset = parameters
    return _stretched(images, factor, offset)


def _flatten_contrast(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    return _flattened(images, parameters[0])


def _flattened(images: Tensor, factor: float) -> Tensor:
    levels = images.to(torch.float32)
    # Float32 sums of a row's grey levels are exact, so that the mean depends on no order of summation.
    mean = levels.sum(dim=3).sum(dim=2, dtype=torch.float64).div_(levels[0, 0].numel())[..., None, None]
    return truncate(levels.mul_(factor).add_(mean.mul_(1.0 - factor).to(torch.float32)))


BRIGHTNESS = Corruption(
    name="brightness",
    apply=_brighten,
    # shift of the value in HSV
    severities=severities(
        cifar=(0.05, 0.1, 0.15, 0.2, 0.3),
        tiny=(0.1, 0.2, 0.3, 0.4, 0.5),
        imagenet=(0.1, 0.2, 0.3, 0.4, 0.5),
        inception=(0.1, 0.2, 0.3, 0.4, 0.5),
    ),
    source=f"{_SOURCE}; the closed form of the round trip through HSV",
)

CONTRAST = Corruption(
    name="contrast",
    apply=_flatten_contrast,
    # factor on the difference to the image's mean, per channel
    severities=severities(
        cifar=(0.75, 0.5, 0.4, 0.3, 0.15),
        tiny=(0.4, 0.3, 0.2, 0.1, 0.05),
        imagenet=(0.4, 0.3, 0.2, 0.1, 0.05),
        inception=(0.4, 0.3, 0.2, 0.1, 0.05),
    ),
    source=_SOURCE,
)

SATURATE = Corruption(
    name="saturate",
    apply=_saturate,
    # factor and offset of the saturation in HSV
    severities=severities(
        cifar=((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
        tiny=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)),
        imagenet=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
        inception=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
    ),
    source=f"{_SOURCE}; the closed form of the round trip through HSV",
)
