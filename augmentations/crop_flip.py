"""Random crops of padded images and horizontal flips, one draw for each image, the whole batch at once.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (CVPR 2016), section 4.2: 4 black
pixels on each side, a random crop of the original size, a flip with probability one half.
"""

import torch
from torch import Tensor

from robustsweep.draws import Draws


def sample_crop_flip(draws: Draws, padding: int, *, flip: bool) -> Tensor:
    """Draw offsets and flips.

    Args:
        draws: Source of randomness.
        padding: Pixels added on each side.
        flip: Whether images may be mirrored; never for classes that a mirror changes, such as digits.

    Returns:
        int64, shape (N, 3): the crop's top row and left column in the padded image, and 1 if it is mirrored.
    """
    offsets = draws.integers(0, 2 * padding + 1, 2)
    is_flipped = draws.integers(0, 2, 1) if flip else torch.zeros_like(offsets[:, :1])
    return torch.cat([offsets, is_flipped], dim=1)


def crop_flip(images: Tensor, sample: Tensor, padding: int) -> Tensor:
    """Cut each image out of itself padded with zeros, and mirror it if drawn.

    Args:
        images: Any dtype, shape (N, C, H, W).
        sample: Rows of ``sample_crop_flip``, shape (N, 3).
        padding: Pixels added on each side, as drawn for.

    Returns:
        New images of the same shape and dtype, channels last in memory.
    """
    height, width = images.shape[-2:]
    padded = torch.nn.functional.pad(images, (padding, padding, padding, padding))
    column = torch.arange(width, device=images.device).expand(len(images), width)
    column = torch.where(sample[:, 2:] == 1, width - 1 - column, column) + sample[:, 1:2]
    row = torch.arange(height, device=images.device) + sample[:, :1]
    image = torch.arange(len(images), device=images.device)
    # Indices around the channel axis put it last: the layout that convolutions want.
    crops = padded[image[:, None, None], :, row[:, :, None], column[:, None, :]]
    return crops.permute(0, 3, 1, 2)
