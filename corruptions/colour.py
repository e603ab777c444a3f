"""Brightness, contrast and saturation."""

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.levels import grey_levels

_SOURCE = "Hendrycks and Dietterich (ICLR 2019), sec. 3"


def _brighten(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (shift,) = parameters
    exact = images.to(torch.float64)
    value = exact.amax(dim=1, keepdim=True)
    lifted = (value + shift).clamp_(max=1.0)
    # Black has no hue: it becomes the grey of the new value.
    return torch.where(value > 0.0, exact * (lifted / value), lifted).to(torch.float32)


def _saturate(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    factor, offset = parameters
    exact = images.to(torch.float64)
    value = exact.amax(dim=1, keepdim=True)
    chroma = value - exact.amin(dim=1, keepdim=True)
    saturation = torch.where(value > 0.0, chroma / value, 0.0)
    target = (saturation * factor + offset).clamp_(0.0, 1.0)
    coloured = value - (value - exact) * (target / saturation)
    # Grey has hue 0, which is red: red keeps the value, green and blue fall.
    red = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64, device=images.device).view(1, 3, 1, 1)
    return torch.where(chroma > 0.0, coloured, value - value * target * red).to(torch.float32)


def _flatten_contrast(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (factor,) = parameters
    # A sum of integers is exact in any order; a float mean would depend on the device.
    levels = grey_levels(images)
    mean = levels.sum(dim=(2, 3), keepdim=True).to(torch.float64) / levels[0, 0].numel()
    return ((levels - mean) * factor + mean).div_(255.0).to(torch.float32)


BRIGHTNESS = Corruption(
    name="brightness",
    group="weather",
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
    group="digital",
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
    group="digital",
    apply=_saturate,
    # factor and offset of the saturation in HSV
    severities=severities(
        cifar=((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
        tiny=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)),
        imagenet=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
        inception=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
    ),
    source=f"{_SOURCE}; the closed form of the round trip through HSV",
    extra=True,
)
