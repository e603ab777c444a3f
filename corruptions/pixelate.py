"""Pixelation: shrink with a box filter, enlarge again."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.levels import grey_levels, unit_range

# Pillow keeps filter weights as integers with this many fractional bits and rounds to 8 bits after each axis.
_WEIGHT_BITS = 22


@lru_cache(maxsize=64)
def box_weights(size_in: int, size_out: int) -> Tensor:
    """Tabulate Pillow's box filter along one axis.

    Returns:
        float64 tensor (size_out, size_in) of integer weights; each row sums to 2**22 up to rounding.
    """
    weights = torch.zeros((size_out, size_in), dtype=torch.float64)
    scale = size_in / size_out
    support = 0.5 * max(scale, 1.0)
    for out in range(size_out):
        centre = (out + 0.5) * scale
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), size_in)
        inside = [-0.5 < (tap - centre + 0.5) / max(scale, 1.0) <= 0.5 for tap in range(first, last)]
        for tap, counts in enumerate(inside, start=first):
            if counts:
                weights[out, tap] = math.floor(0.5 + 2**_WEIGHT_BITS / sum(inside))
    return weights


def box_resize(levels: Tensor, height: int, width: int) -> Tensor:
    """Resize with Pillow's box filter, bit for bit.

    All products and sums are integers below 2**53 in float64, so that a matrix product is exact in any order.

    Args:
        levels: float64 tensor (N, 3, H, W) of whole grey levels.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        float64 tensor (N, 3, height, width) of whole grey levels.
    """
    across = box_weights(levels.shape[3], width).to(levels.device)
    down = box_weights(levels.shape[2], height).to(levels.device)
    half, unit = 2.0 ** (_WEIGHT_BITS - 1), 2.0**-_WEIGHT_BITS
    narrowed = (levels @ across.T).add_(half).mul_(unit).floor_().clamp_(0.0, 255.0)
    return (down @ narrowed).add_(half).mul_(unit).floor_().clamp_(0.0, 255.0)


def _pixelate(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (factor,) = parameters
    height, width = images.shape[2:]
    small = box_resize(grey_levels(images).to(torch.float64), int(height * factor), int(width * factor))
    return unit_range(box_resize(small, height, width))


PIXELATE = Corruption(
    name="pixelate",
    group="digital",
    apply=_pixelate,
    # side of the small image, as a fraction
    severities=severities(
        cifar=(0.95, 0.9, 0.85, 0.75, 0.65),
        tiny=(0.9, 0.8, 0.7, 0.6, 0.5),
        imagenet=(0.6, 0.5, 0.4, 0.3, 0.25),
        inception=(0.5, 0.4, 0.3, 0.25, 0.2),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; the filter of Pillow's Image.resize with BOX",
)
