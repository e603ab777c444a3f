"""Checkerboard cutout: grey squares of one colour of a turned checkerboard."""

import math

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.grids import coordinates
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.draws import Draws

_GREY = 128
_MOST_SQUARES = 40
"""Rows of the grid of draws: four sides of the image in squares of a tenth of it."""


def _sample_board(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw each board's angle, its squares' side in pixels, and a number in [0, 1) for every square."""
    side = min(shape[1:])
    angle = draws.uniform(high=2.0 * math.pi)
    return (
        angle,
        draws.uniform(low=0.1 * side, high=0.25 * side).clamp_(min=1.0),
        draws.uniform(_MOST_SQUARES, _MOST_SQUARES, dtype=torch.float32),
    )


def _cut_out(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    angle, cell, numbers = (field.view(-1, 1, 1) if field.ndim == 1 else field for field in fields)
    height, width = images.shape[2:]
    rows, columns = coordinates(height, width, images.device, torch.float64)
    cosine, sine = angle.cos() / cell, angle.sin() / cell
    down, across = rows * cosine + columns * sine, columns * cosine - rows * sine
    # Grids of the generator have four sides of the image in squares; their indices count from the end below zero.
    n_squares = (4.0 * min(height, width) / cell).floor_().clamp_(max=_MOST_SQUARES)
    is_chosen = (numbers < 0.1 * parameters[0]).flatten(1)
    index = (_square(down, n_squares) * _MOST_SQUARES + _square(across, n_squares)).to(torch.int64)
    is_one_colour = (down.floor_() + across.floor_()).remainder_(2.0) == 0.0
    is_grey = is_one_colour & is_chosen.gather(1, index.flatten(1)).view(index.shape)
    return images.masked_fill(is_grey.unsqueeze(1), _GREY)


def _square(position: Tensor, n_squares: Tensor) -> Tensor:
    """Number squares with truncation to zero: those on both sides of zero share a number, as in the generator."""
    return position.trunc().remainder_(n_squares)


CHECKERBOARD_CUTOUT = Corruption(
    name="checkerboard_cutout",
    sample=_sample_board,
    apply=_cut_out,
    # share .1 s of the squares of one colour
    severities=raw_severities(cifar=(1, 2, 3, 4, 5), imagenet=(2, 3, 4, 5, 6)),
    source=SOURCE,
)
