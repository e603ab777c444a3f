"""Affine maps of byte images, whole batches at once, with a matrix for each image.

A matrix is that of the inverse map: it takes places of the output to places of the input, in pixels, the first pixel's
centre at 1/2. The conventions, bilinear interpolation and black outside the image are those of Pillow's
``Image.transform`` and ``Image.rotate``. Difference: interpolation is in single precision. Results lie within one grey
level of Pillow's, which cuts to whole numbers; a value that is less than 1/128 short of one counts as it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_SHORT = 1 / 128


def rotation(degrees: Tensor, height: int, width: int) -> Tensor:
    """Return matrices that turn about the centre, counter-clockwise: float64, shape (N, 2, 3), for degrees (N,)."""
    cosine, sine = torch.deg2rad(degrees.double()).cos(), torch.deg2rad(degrees.double()).sin()
    x, y = width / 2, height / 2
    rows = (cosine, -sine, x - cosine * x + sine * y), (sine, cosine, y - sine * x - cosine * y)
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def entry(row: int, column: int, value: Tensor) -> Tensor:
    """Return identities with one more entry, float64, (N, 2, 3): shears at (0, 1) and (1, 0), shifts in column 2."""
    matrices = torch.eye(2, 3, dtype=torch.float64, device=value.device).repeat(len(value), 1, 1)
    matrices[:, row, column] = value.double()
    return matrices


def transform(images: Tensor, matrices: Tensor) -> Tensor:
    """Map images.

    Args:
        images: uint8, shape (N, C, H, W).
        matrices: float64, shape (N, 2, 3).

    Returns:
        uint8, shape (N, C, H, W).
    """
    height, width = images.shape[-2:]
    x = torch.arange(width, device=images.device, dtype=torch.float64) + 0.5
    y = torch.arange(height, device=images.device, dtype=torch.float64).unsqueeze(1) + 0.5
    across, down = (
        (matrices[:, row, 0].view(-1, 1, 1) * x + matrices[:, row, 1].view(-1, 1, 1) * y)
        + matrices[:, row, 2].view(-1, 1, 1)
        for row in (0, 1)
    )
    is_inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    grid = torch.stack([across * (2 / width) - 1, down * (2 / height) - 1], dim=-1).float()
    found = F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return (found + _SHORT).mul_(is_inside.unsqueeze(1)).to(torch.uint8)
