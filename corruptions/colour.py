"""Brightness, contrast and saturation."""

from functools import lru_cache

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


def _looked_up(table: Tensor, index: Tensor) -> Tensor:
    return table.index_select(0, index.reshape(-1)).view(index.shape)


@lru_cache(maxsize=20)
def _lifts(shift: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Tabulate for each value the factor on the colours and what is added to them, float32 (256,) each."""
    value = torch.arange(256, dtype=torch.float64)
    lifted = (value + 255.0 * shift).clamp_(max=255.0)
    # Black has no hue: it becomes the grey of the new value.
    factor, added = lifted / value.clamp(min=1.0), torch.where(value > 0.0, 0.0, lifted)
    return factor.to(torch.float32).to(device), added.to(torch.float32).to(device)


def _brighten(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    factor, added = _lifts(parameters[0], images.device)
    value = _largest(images).to(torch.int32)
    return truncate(images.to(torch.float32).mul_(_looked_up(factor, value)).add_(_looked_up(added, value)))


@lru_cache(maxsize=20)
def _stretches(factor: float, offset: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Tabulate by 256 * value + smallest colour how the distance to the value grows, and the red of greys.

    Returns:
        float32 (65536,) each: the factor on the distance between the value and a colour, and, in grey levels, how far
        green and blue fall below the value where there is no colour: grey has hue 0, which is red.
    """
    value = torch.arange(256, dtype=torch.float64).unsqueeze(1)
    chroma = (value - torch.arange(256, dtype=torch.float64)).clamp_(min=0.0)
    saturation = chroma / value.clamp(min=1.0)
    target = (saturation * factor + offset).clamp_(0.0, 1.0)
    stretch = torch.where(chroma > 0.0, target / saturation, 0.0)
    reddened = torch.where(chroma > 0.0, 0.0, value * target)
    return stretch.flatten().to(torch.float32).to(device), reddened.flatten().to(torch.float32).to(device)


def _saturate(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    factor, offset = parameters
    stretch, reddened = _stretches(factor, offset, images.device)
    value = _largest(images)
    index = value.to(torch.int32).bitwise_left_shift_(8).bitwise_or_(_smallest(images))
    coloured = (images - value.to(torch.float32)).mul_(_looked_up(stretch, index)).add_(value)
    if offset:
        coloured[:, 1:] -= _looked_up(reddened, index)
    return truncate(coloured)


def _flatten_contrast(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (factor,) = parameters
    levels = images.to(torch.float32)
    # Float32 sums of a row's grey levels are exact, so that the mean depends on no order of summation.
    mean = levels.sum(dim=3).sum(dim=2, dtype=torch.float64).div_(levels[0, 0].numel())[..., None, None]
    return truncate(levels.mul_(factor).add_(mean.mul_(1.0 - factor).to(torch.float32)))


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
