"""Keys that let an image draw numbers whose count is known only later, such as one for each pixel of a feature map."""

import torch
from torch import Tensor

from robustsweep.draws import Draws


def sample_keys(draws: Draws) -> Tensor:
    """Draw the two halves of each image's key: float64 in [0, 1), shape (N, 2), whole multiples of 2**-32."""
    return draws.uniform(2)


def image_keys(halves: Tensor) -> Tensor:
    """Join halves, shape (N, 2), to int64 keys of shape (N,); ``Draws`` takes them for ids of images."""
    words = (halves * 2.0**32).to(torch.int64)
    return words[:, 0] << 32 | words[:, 1]
