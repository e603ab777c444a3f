"""Noise of a given spectrum: blue noise that blackens pixels, brownish noise that is added.

Each frequency has an amplitude, a function of its distance to frequency zero, and a random phase. The phases of the
right half are those of the left half turned by 180 degrees; frequency k has thereby that of -1 - k and not of -k, so
that the real part, which alone is kept, mixes two unrelated phases and the amplitudes vary at random too.
"""

import math

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.grids import coordinates
from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws


def _phases(draws: Draws, planes: int, shape: Shape) -> Fields:
    """Draw the phases of the left half, float32 (N, planes, H, W // 2), and for odd W those above the middle."""
    _, height, width = shape
    sizes = [(planes, height, width // 2), *([(planes, height // 2)] if width % 2 else [])]
    return tuple(draws.uniform(*size, high=2.0 * math.pi, dtype=torch.float32) for size in sizes)


def _sample_one(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return _phases(draws, 1, shape)


def _sample_three(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return _phases(draws, 3, shape)


def _directions(phases: Tensor) -> Tensor:
    return torch.complex(phases.cos(), phases.sin())


def _whole_spectrum(fields: Fields) -> Tensor:
    """Write the directions of all frequencies, complex64 (N, planes, H, W), frequency zero in the middle."""
    left = _directions(fields[0])
    parts = [left, left.flip(-2, -1)]
    if len(fields) == 2:
        upper, height = _directions(fields[1]), left.shape[-2]
        zero = upper.new_ones((*upper.shape[:-1], height % 2))
        parts.insert(1, torch.cat((upper, zero, upper.flip(-1)), dim=-1).unsqueeze(-1))
    return torch.cat(parts, dim=-1)


def distances(height: int, width: int, device: torch.device) -> Tensor:
    """Measure how far each frequency is from the middle, in steps of the spectrum: float64 (height, width)."""
    rows, columns = coordinates(height, width, device, torch.float64)
    return torch.hypot(rows - height / 2, columns - width / 2)


def coloured_noise(fields: Fields, amplitudes: Tensor) -> tuple[Tensor, Tensor]:
    """Transform random phases to noise.

    Args:
        fields: Phases in radians: float32 (N, planes, H, W // 2), then, if W is odd, (N, planes, H // 2).
        amplitudes: Tensor (H, W), frequency zero at (H // 2, W // 2).

    Returns:
        Noise, float32 (N, planes, H, W), and its standard deviation about its mean, float32 (N, planes, 1, 1). The
        mean is left in: it is not zero unless the amplitude at frequency zero is.
    """
    height, width = amplitudes.shape
    spectrum = _whole_spectrum(fields).mul_(amplitudes.to(torch.float32))
    noise = torch.fft.ifft2(spectrum.roll((height // 2, width // 2), (-2, -1)), norm="ortho").real.contiguous()
    mean = _mean(noise).to(torch.float32)
    return noise, _mean((noise - mean).square_()).sqrt_().to(torch.float32)


def _mean(planes: Tensor) -> Tensor:
    # Row by row and in float64, so that no batch changes the order of summation.
    rows = planes.sum(-1, dtype=torch.float64)
    return rows.sum(-1).div_(planes[0, 0].numel() if len(planes) else 1)[..., None, None]


def _sample_pixels(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    threshold = 0.3 * parameters[0] - 2.5
    noise, std = coloured_noise(fields, distances(images.shape[2], images.shape[3], images.device))
    return images * (noise > threshold * std)


def _add_brownish(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    amplitudes = 1.0 / (distances(images.shape[2], images.shape[3], images.device).square_() + 1.0)
    noise, std = coloured_noise(fields, amplitudes)
    return truncate(noise.mul_((6.4 * parameters[0]) / std).add_(images))


BLUE_NOISE_SAMPLE = Corruption(
    name="blue_noise_sample",
    sample=_sample_one,
    apply=_sample_pixels,
    # threshold .3 s - 2.5 in standard deviations; pixels at or below it go black
    severities=raw_severities(cifar=(0.7, 1.4, 2.1, 3.5, 4.2), imagenet=(0.8, 1.6, 2.4, 4.0, 5.6)),
    source=SOURCE,
)

BROWNISH_NOISE = Corruption(
    name="brownish_noise",
    sample=_sample_three,
    apply=_add_brownish,
    # standard deviation 6.4 s grey levels, besides a shift of each whole channel
    severities=raw_severities(cifar=(2.5, 4.0, 5.5, 6.5, 7.0), imagenet=(1, 2, 3, 4, 5)),
    source=SOURCE,
)
