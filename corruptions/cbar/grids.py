"""Coordinates of pixels, and images read between pixels with black around them."""

import torch
from torch import Tensor
from torch.nn import functional


def coordinates(
    height: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Count rows and columns from 0, without a half-pixel offset: tensors (height, 1) and (width,)."""
    rows = torch.arange(height, dtype=dtype, device=device).unsqueeze(1)
    return rows, torch.arange(width, dtype=dtype, device=device)


def read_bilinear(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Read images at fractional positions; a neighbour outside the image counts as black.

    Args:
        images: Tensor (N, C, H, W) of grey levels.
        rows: Floating-point tensor that broadcasts to (N, H, W): the row to read for each pixel.
        columns: The same for the column.

    Returns:
        float32 tensor (N, C, H, W) of grey levels.
    """
    count, channels, height, width = images.shape
    stride = width + 3
    padded = functional.pad(images.to(torch.float32), (1, 2, 1, 2)).flatten(2)
    (top, down), (left, across) = _split(rows, height), _split(columns, width)
    index = (top * stride + left).expand(count, height, width).reshape(count, 1, -1).expand(-1, channels, -1)

    def line(offset: int) -> Tensor:
        first = padded[:, :, offset:].gather(2, index).view(images.shape)
        second = padded[:, :, offset + 1 :].gather(2, index).view(images.shape)
        return second.sub_(first).mul_(across).add_(first)

    upper, lower = line(0), line(stride)
    return lower.sub_(upper).mul_(down).add_(upper)


def _split(position: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the lower neighbour's place in a padded line, int64, and the upper one's weight, with a channel axis."""
    inside = position.clamp(-1.0, float(size))
    lower = inside.floor()
    return lower.to(torch.int64) + 1, (inside - lower).to(torch.float32).unsqueeze(1)
