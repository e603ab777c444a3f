"""PRIME's primitives: random filters, smooth maps of colours, smooth displacements.

Source: Modas et al., "PRIME: A few primitives can boost robustness to common corruptions" (ECCV 2022) and the authors'
code; for displacements of maximum entropy, Petrini, Favero, Geiger and Wyart, "Relative stability toward
diffeomorphisms indicates performance in deep nets" (NeurIPS 2021), whose lower temperature moves pixels by half a pixel
and whose upper one keeps the map invertible. Pixels are float32 in [0, 1]; results are not clipped.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

_TABLE_STEPS_PER_FREQUENCY = 32


def filtered(images: Tensor, sigma: Tensor, normal: Tensor, *, shifted_delta: bool = False) -> Tensor:
    """Filter each image by the identity plus noise; pixels outside count as 0.

    Args:
        images: Shape (N, C, H, W).
        sigma: Deviation of the noise, shape (N,).
        normal: Standard normal numbers, shape (N, 3, 3); all channels share them.
        shifted_delta: Whether the identity takes the pixel below and to the right, as in the authors' code.
    """
    kernels = sigma.float().view(-1, 1, 1) * normal
    middle = 2 if shifted_delta else 1
    kernels[:, middle, middle] += 1
    n, channels, height, width = images.shape
    weights = kernels.repeat_interleave(channels, 0).unsqueeze(1)
    return F.conv2d(images.reshape(1, n * channels, height, width), weights, padding=1, groups=n * channels).view(
        n, channels, height, width
    )


@lru_cache(maxsize=4)
def _waves(highest: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return sin(pi f c) for odd and for even f = 1 ... highest at even steps of c from 0 to 1/2: float32, (f, c)."""
    colour = torch.linspace(0, 0.5, _TABLE_STEPS_PER_FREQUENCY * highest // 2 + 1, dtype=torch.float64)
    frequency = torch.arange(1, highest + 1).unsqueeze(1)
    waves = (math.pi * frequency * colour).sin().float().to(device)
    return waves[::2].contiguous(), waves[1::2].contiguous()


def recoloured(images: Tensor, cut: Tensor, variance: Tensor, normal: Tensor) -> Tensor:
    """Add a random sum of sine waves of the colour itself, one for each channel; 0 and 1 stay.

    Values are read from a table of 32 steps to a half wave of the highest frequency, linearly between them: at most
    0.13% of the waves' amplitudes beside the sum.

    Args:
        images: In [0, 1], shape (N, C, H, W).
        cut: int64, shape (N,): highest frequency of each image, in half waves.
        variance: Of each wave's amplitude, shape (N,).
        normal: Standard normal numbers, shape (N, C, F): amplitudes of the frequencies 1 to F.
    """
    highest = normal.shape[2]
    is_used = torch.arange(1, highest + 1, device=cut.device) <= cut.unsqueeze(1)
    amplitude = normal * (variance.sqrt().float().unsqueeze(1) * is_used).unsqueeze(1)
    # One product for each image: in a common one the last bit would depend on the batch, and steep maps enlarge it.
    odd, even = (
        torch.bmm(amplitude[:, :, first::2].contiguous(), waves.expand(len(images), -1, -1))
        for first, waves in enumerate(_waves(highest, images.device))
    )
    # Beyond 1/2 the waves of odd frequencies come back, those of even ones with the other sign.
    table = torch.cat([odd + even, (odd - even)[:, :, :-1].flip(2)], dim=2)
    place = images.flatten(2) * (table.shape[2] - 1)
    below = place.long().clamp_max(table.shape[2] - 2)
    low, high = table.gather(2, below), table.gather(2, below + 1)
    return images + torch.lerp(low, high, place - below).view_as(images)


def displacement_strength(uniform: Tensor, max_cut: int, side: int) -> tuple[Tensor, Tensor]:
    """Draw how far displacements go.

    Args:
        uniform: float64 in [0, 1), shape (N, 3).
        max_cut: Highest frequency, at least 3.
        side: The image's shorter side in pixels.

    Returns:
        The cut, int64 from 2 to ``max_cut``, and the temperature, float64, both of shape (N,).
    """
    # Beta(1/2, 1/2) is the arcsine distribution.
    arcsine = (math.pi / 2 * uniform[:, 1:]).sin().square()
    highest = 3 + (uniform[:, 0] * (max_cut - 2)).long()
    cut = 2 + (arcsine[:, 0] * (highest - 1)).long().minimum(highest - 2)
    logarithm = cut.double().log()
    low = 1 / (math.pi * side**2 * logarithm)
    high = torch.maximum(low, 4 / (math.pi**3 * cut**2 * logarithm))
    return cut, low + arcsine[:, 1] * (high - low)


def field(cut: Tensor, temperature: Tensor, normal: Tensor, height: int, width: int) -> Tensor:
    """Sum sine waves that vanish on the border, all pairs of frequencies i, j with i^2 + j^2 <= (cut + 1/2)^2.

    Args:
        cut: int64, shape (N,).
        temperature: Shape (N,): the amplitude of a pair has variance temperature / (i^2 + j^2).
        normal: Standard normal numbers, shape (N, 2, I, J); frequencies end at I down and J across.
        height: Pixels.
        width: Pixels.

    Returns:
        Displacements in units of the sides, float32, shape (N, 2, height, width).
    """
    rows, columns = (torch.arange(1, n + 1, device=normal.device, dtype=torch.float32) for n in normal.shape[2:])
    square = rows.square().unsqueeze(1) + columns.square()
    is_used = square <= (cut + 0.5).square().view(-1, 1, 1, 1)
    amplitude = normal * is_used * (temperature.sqrt().float().view(-1, 1, 1, 1) / square.sqrt())
    down, across = (
        (math.pi * torch.linspace(0, 1, n, device=normal.device).unsqueeze(1) * waves).sin()
        for n, waves in ((height, rows), (width, columns))
    )
    return down @ amplitude @ across.T


def displaced(images: Tensor, cut: Tensor, temperature: Tensor, normal: Tensor) -> Tensor:
    """Read each image at displaced places, bilinear, places outside taken to the border; see ``field``."""
    height, width = images.shape[-2:]
    moved = field(cut, temperature, normal, height, width)
    # grid_sample counts from -1 to 1 between the middles of the outermost pixels.
    y = torch.linspace(-1, 1, height, device=images.device).unsqueeze(1)
    x = torch.linspace(-1, 1, width, device=images.device)
    across = x + moved[:, 0] * (2 * width / max(width - 1, 1))
    down = y + moved[:, 1] * (2 * height / max(height - 1, 1))
    grid = torch.stack([across, down], dim=-1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)
