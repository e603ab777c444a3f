"""Lines: grey lines of one pixel across the image."""

import math

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.grids import coordinates
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws

_GREY = 128.0


def _sample_lines(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw a direction and its spread per image, (N,) each, and three numbers in [0, 1) per line, (N, lines, 3)."""
    count = int(0.1 * parameters[0] * min(shape[1:]))
    return draws.uniform(high=2.0 * math.pi), draws.uniform(low=0.1, high=1.0), draws.uniform(count, 3)


def line_ends(fields: Fields, height: int, width: int) -> Tensor:
    """Locate the lines' ends, in whole pixels that may lie outside.

    Returns:
        float32 tensor (N, lines, 4): first row and column, last row and column.
    """
    direction, spread, numbers = fields
    side = min(height, width)
    row, column = numbers[..., 0] * height, numbers[..., 1] * width
    angle = direction.unsqueeze(1) + 2.0 * math.pi * spread.unsqueeze(1) * (numbers[..., 2] - 0.5)
    down, across = angle.cos() * side, angle.sin() * side
    return torch.stack((row - down, column - across, row + down, column + across), dim=-1).trunc().to(torch.float32)


def cover(ends: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Compute what an anti-aliased line covers of each pixel: one minus the distance, within the ends' box.

    Args:
        ends: float32 tensor (N, 4), see ``line_ends``.
        rows: float32 tensor (H, 1).
        columns: float32 tensor (W,).

    Returns:
        float32 tensor (N, H, W) in [0, 1].
    """
    top, left, bottom, right = (end[:, None, None] for end in ends.unbind(1))
    down, across = bottom - top, right - left
    # Coincident ends make one pixel, at distance zero.
    length = torch.hypot(down, across).clamp_(min=1.0)
    distance = (down * (columns - left) - across * (rows - top)).abs_().div_(length)
    in_rows = (rows >= torch.minimum(top, bottom)) & (rows <= torch.maximum(top, bottom))
    in_columns = (columns >= torch.minimum(left, right)) & (columns <= torch.maximum(left, right))
    return distance.neg_().add_(1.0).clamp_(min=0.0).mul_(in_rows).mul_(in_columns)


def _draw_lines(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    height, width = images.shape[2:]
    rows, columns = coordinates(height, width, images.device)
    drawn = images
    for ends in line_ends(fields, height, width).unbind(1):
        share = cover(ends, rows, columns).unsqueeze(1)
        # The generator cuts off to 8 bits after every line.
        drawn = truncate((_GREY - drawn.to(torch.float32)).mul_(share).add_(drawn))
    return drawn


LINES = Corruption(
    name="lines",
    sample=_sample_lines,
    apply=_draw_lines,
    # .1 s lines per pixel of the image's side
    severities=raw_severities(cifar=(0.5, 1, 1.5, 2, 2.5)),
    source=SOURCE,
)
