"""The one place where computed colours become 8-bit grey levels."""

import torch
from torch import Tensor

# Float32 sums of grey levels are off by less than this; exact levels must not fall to the one below.
_TIE = 2.0**-14


def truncate(levels: Tensor) -> Tensor:
    """Clip to [0, 255] and cut off to 8 bits, as the published generators do.

    A value within 2**-14 below a grey level counts as that level: float64, in which the generators work, is as often
    above as below there.

    Args:
        levels: float32 tensor of any shape, on the scale of grey levels; it is overwritten.

    Returns:
        uint8 tensor of the same shape.
    """
    # By way of int32, to which PyTorch converts with vectors.
    return levels.add_(_TIE).clamp_(0.0, 255.0).to(torch.int32).to(torch.uint8)
