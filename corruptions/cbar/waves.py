"""Cocentric sine waves, a sawtooth of wavy rings, and single-frequency greyscale, a plane wave."""

import math

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.grids import coordinates
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws


def _sample_rings(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw centres (N, 2) in pixels, columns first, waves per turn, their amplitude and the rings' width in pixels."""
    _, height, width = shape
    side, places = min(height, width), draws.uniform(2)
    size = torch.tensor([float(width), float(height)], dtype=torch.float64, device=places.device)
    return (
        places * size,
        draws.uniform(high=10.0),
        draws.uniform(high=0.1 * side),
        draws.uniform(high=0.1 * side),
    )


def _add_rings(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    centres, frequency, amplitude, ring = (field.view(len(images), -1, 1, 1) for field in fields)
    rows, columns = coordinates(images.shape[2], images.shape[3], images.device, torch.float64)
    across, down = columns - centres[:, :1], rows - centres[:, 1:]
    # In float64: a narrow ring divides by little, and rounding would move the saw's edges.
    radius = torch.atan2(across, down).mul_(frequency).sin_().mul_(amplitude)
    radius += (across.square() + down.square()).sqrt_()
    turns = radius.div_(ring.clamp(min=2.0**-40))
    saw = turns.sub_(turns.floor()).sub_(0.5).to(torch.float32)
    return truncate(saw.mul_(12.8 * parameters[0]).add(images))


def _sample_wave(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw frequencies in radians per pixel, (N, 2), columns first, and a phase, (N,); one bounds the other."""
    first = draws.uniform(low=-math.pi, high=math.pi)
    second = draws.uniform(low=-1.0, high=1.0) * first.abs()
    is_first_across = draws.integers(0, 2) == 0
    across, down = torch.where(is_first_across, first, second), torch.where(is_first_across, second, first)
    return torch.stack((across, down), dim=1), draws.uniform(high=2.0 * math.pi)


def _add_wave(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    frequency, phase = fields
    rows, columns = coordinates(images.shape[2], images.shape[3], images.device, torch.float64)
    across = (columns * frequency[:, :1] + phase.unsqueeze(1)).unsqueeze(1)
    down = (rows.view(-1) * frequency[:, 1:]).unsqueeze(2)
    height = 19.6 * parameters[0]
    # The sine of a sum, so that each axis has sines of its own, in float64.
    sines, cosines = (height * across.sin()).to(torch.float32), (height * across.cos()).to(torch.float32)
    wave = down.cos().to(torch.float32) * sines + down.sin().to(torch.float32) * cosines
    return truncate(wave.unsqueeze(1) + images)


COCENTRIC_SINE_WAVES = Corruption(
    name="cocentric_sine_waves",
    sample=_sample_rings,
    apply=_add_rings,
    # height 12.8 s of the saw in grey levels
    severities=raw_severities(imagenet=(3, 5, 8, 9, 10)),
    source=SOURCE,
)

SINGLE_FREQUENCY_GREYSCALE = Corruption(
    name="single_frequency_greyscale",
    sample=_sample_wave,
    apply=_add_wave,
    # amplitude 19.6 s in grey levels
    severities=raw_severities(imagenet=(1, 1.5, 2, 4.5, 5)),
    source=SOURCE,
)
