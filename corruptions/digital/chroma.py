"""Luma and chroma as JPEG has them: the conversion from RGB and back, and chroma at half resolution.

Source: libjpeg's colour conversion, in integers of 16 fractional bits, its 2 x 2 averages and its smooth upsampling.
Every value has libjpeg's bits.
"""

import torch
from torch import Tensor

_HALF = 1 << 15


def luma_and_chroma(images: Tensor) -> tuple[Tensor, Tensor]:
    """Convert to YCbCr: luma int32 (N, H, W), and chroma int32 (2, N, H, W), both less 128."""
    red, green, blue = images.to(torch.int32).unbind(1)
    luma = (red * 19595).add_(green, alpha=38470).add_(blue, alpha=7471).add_(_HALF)
    chroma = torch.empty((2, *luma.shape), dtype=torch.int32, device=images.device)
    torch.mul(blue, 1 << 15, out=chroma[0]).sub_(red, alpha=11059).sub_(green, alpha=21709)
    torch.mul(red, 1 << 15, out=chroma[1]).sub_(green, alpha=27439).sub_(blue, alpha=5329)
    return luma.bitwise_right_shift_(16).sub_(128), chroma.add_(_HALF - 1).bitwise_right_shift_(16)


def extended(planes: Tensor, rows: int, columns: int) -> Tensor:
    """Repeat the last row and column of int32 planes (..., H, W) up to a size."""
    height, width = planes.shape[-2:]
    if (height, width) == (rows, columns):
        return planes
    row = torch.arange(rows, device=planes.device).clamp_(max=height - 1)
    column = torch.arange(columns, device=planes.device).clamp_(max=width - 1)
    return planes[..., row, :][..., column]


def whole_blocks(size: int) -> int:
    """Round a number of pixels up to whole blocks of 8."""
    return -(-size // 8) * 8


def halved(chroma: Tensor) -> Tensor:
    """Average squares of two by two pixels of (2, N, H, W); the rounding alternates from column to column."""
    height, width = chroma.shape[-2:]
    # Columns are filled up before they are averaged, rows after.
    full = extended(chroma, height + height % 2, 2 * whole_blocks((width + 1) // 2))
    pairs = full[..., ::2, :] + full[..., 1::2, :]
    bias = torch.tensor([1, 2], dtype=torch.int32, device=chroma.device).repeat(full.shape[-1] // 4)
    averaged = (pairs[..., ::2] + pairs[..., 1::2]).add_(bias).bitwise_right_shift_(2)
    return extended(averaged, whole_blocks(averaged.shape[-2]), averaged.shape[-1])


def doubled(chroma: Tensor, height: int, width: int) -> Tensor:
    """Enlarge chroma twice, three parts of the nearer pixel to one of the farther, to int32 (..., H, W)."""
    near = chroma[..., : (height + 1) // 2, : (width + 1) // 2]
    above = torch.cat((near[..., :1, :], near[..., :-1, :]), dim=-2)
    below = torch.cat((near[..., 1:, :], near[..., -1:, :]), dim=-2)
    thrice = near * 3
    rows = torch.stack((above.add_(thrice), below.add_(thrice)), dim=-2).flatten(-3, -2)
    left = torch.cat((rows[..., :1], rows[..., :-1]), dim=-1)
    right = torch.cat((rows[..., 1:], rows[..., -1:]), dim=-1)
    thrice = rows * 3
    columns = torch.stack((left.add_(thrice).add_(8), right.add_(thrice).add_(7)), dim=-1).flatten(-2)
    return columns.bitwise_right_shift_(4)[..., :height, :width]


def to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    """Convert int32 luma (N, H, W) in [0, 255] and chroma (2, N, H, W) in [-128, 127] to uint8 (N, 3, H, W)."""
    blue_difference, red_difference = chroma.unbind(0)
    red = (red_difference * 91881).add_(_HALF).bitwise_right_shift_(16)
    green = (blue_difference * -22554).sub_(red_difference, alpha=46802).add_(_HALF).bitwise_right_shift_(16)
    blue = (blue_difference * 116130).add_(_HALF).bitwise_right_shift_(16)
    return torch.stack((red, green, blue), dim=1).add_(luma.unsqueeze(1)).clamp_(0, 255).to(torch.uint8)
