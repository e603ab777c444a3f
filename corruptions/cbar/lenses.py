"""Pinch and twirl, and ripple: images read at displaced places."""

import math

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.grids import coordinates, read_bilinear
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws


def _cell_side(height: int, width: int) -> int:
    side = min(height, width)
    return side // (5 if side == 224 else 3)


def _sample_signs(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw which way each cell turns, -1 or 1, for as many cells as fit: int64 (N, rows, columns)."""
    height, width = shape[1:]
    side = _cell_side(height, width)
    return (draws.integers(0, 2, height // side, width // side).mul_(2).sub_(1),)


def _twirl(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (severity,), (signs,) = parameters, fields
    angle, amount = severity * math.pi / 20.0, 0.04 * severity + 0.1
    height, width = images.shape[2:]
    side = _cell_side(height, width)
    rows, columns = coordinates(height, width, images.device, torch.float64)
    down, across = rows.remainder(side) - side / 2, columns.remainder(side) - side / 2
    distance = torch.hypot(down, across)
    is_cell = (rows < signs.shape[1] * side) & (columns < signs.shape[2] * side)
    # The generator leaves a centre alone that is one after rounding to three decimals.
    is_moved = is_cell & (distance <= side / 2) & (distance >= 0.0005)
    relative = distance / (side / 2)
    turn = angle * (1.0 - relative).square()
    stretch = (0.5 * math.pi * relative.clamp(min=1e-6)).sin().pow(-amount)
    # Only the sign of the turn's sine is the image's own.
    straight = torch.where(is_moved, stretch * turn.cos(), 1.0)
    sideways = torch.where(is_moved, stretch * turn.sin(), 0.0)
    sign = signs.index_select(1, _cell(rows.view(-1), side, signs.shape[1]))
    sign = sign.index_select(2, _cell(columns, side, signs.shape[2])).to(torch.float64)
    row = (rows - down + down * straight) - sign * (across * sideways)
    column = (columns - across + across * straight) + sign * (down * sideways)
    return truncate(read_bilinear(images, row, column))


def _cell(place: Tensor, side: int, n_cells: int) -> Tensor:
    return (place / side).to(torch.int64).clamp_(max=n_cells - 1)


def _sample_waves(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw wavelengths in pixels and phases in radians, those of rows first: float64 (N, 2) each."""
    side = min(shape[1:])
    return draws.uniform(2, low=0.1 * side, high=0.3 * side), draws.uniform(2, high=2.0 * math.pi)


def _ripple(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    wavelengths, phases = (field.unsqueeze(-1) for field in fields)
    height, width = images.shape[2:]
    amplitude = 0.0025 * parameters[0] * min(height, width)
    rows, columns = coordinates(height, width, images.device, torch.float64)

    def moved(place: Tensor, axis: int) -> Tensor:
        return place + amplitude * (place * (2.0 * math.pi / wavelengths[:, axis]) + phases[:, axis]).sin()

    return truncate(read_bilinear(images, moved(rows.view(-1), 0).unsqueeze(2), moved(columns, 1).unsqueeze(1)))


PINCH_AND_TWIRL = Corruption(
    name="pinch_and_twirl",
    sample=_sample_signs,
    apply=_twirl,
    # angle pi s / 20 and exponent .04 s + .1 of the stretch
    severities=raw_severities(cifar=(5.5, 6, 6.5, 8.5, 10)),
    source=f"{SOURCE}; beyond a square, as many cells as fit",
)

RIPPLE = Corruption(
    name="ripple",
    sample=_sample_waves,
    apply=_ripple,
    # amplitude of .0025 s sides of the image
    severities=raw_severities(cifar=(5.5, 6, 6.5, 7.5, 8)),
    source=SOURCE,
)
