"""Between uint8 grey levels and the unit range, with the same bits on every device."""

import torch
from torch import Tensor


def unit_range(levels: Tensor) -> Tensor:
    """Map grey levels (any dtype, values in [0, 255]) to float32 in [0, 1].

    The quotient is formed in float64: CUDA divides by a constant through its reciprocal, and the error of that is
    gone after rounding to float32.
    """
    return levels.to(torch.float64).div_(255.0).to(torch.float32)


def grey_levels(images: Tensor) -> Tensor:
    """Map float32 images that hold multiples of 1/255 back to their grey levels, as int32."""
    return images.mul(255.0).round_().to(torch.int32)


def truncate(images: Tensor) -> Tensor:
    """Clip float32 images to [0, 1] and cut them off to uint8, as the published generators do.

    Rounding to float32 before this step absorbs the noise of float64 sums: a value that equals a grey level up to
    1e-5 becomes that level. All 256 levels survive ``unit_range`` and this function unchanged.
    """
    return images.clamp(0.0, 1.0).mul_(255.0).to(torch.uint8)
