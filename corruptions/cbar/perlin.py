"""Perlin noise: turbulence of gradient noise, as a veil of light grey."""

import torch
from torch import Tensor

from robustsweep.corruptions.cbar.source import SOURCE, raw_severities
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws

_PERIOD = 256
_CELLS = 7
_OCTAVES = (1, 2, 4, 8, 16)


def _sample_lattice(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw a permutation of 256, int64 (N, 256), and 256 gradients, float32 (N, 256, 2), row component first.

    Gradients are unit vectors towards uniform points of a square grid; the generator divides one of zero by zero.
    """
    permutation = draws.words(_PERIOD).to(torch.int64).argsort(dim=1)
    points = (draws.words(_PERIOD, 2).to(torch.int64) % 512 - 256).to(torch.float32)
    return permutation, points / points.square().sum(-1, keepdim=True).sqrt_().clamp_(min=1.0)


def _along(size: int, side: int, frequency: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Place the pixels of one axis in the lattice.

    Returns:
        The lattice points that they need, int64 (A,); each pixel's lower point among these, int64 (size,); its
        distance to that, float32 (size,); and the upper point's weight, float32 (size,).
    """
    position = torch.arange(size, dtype=torch.float64, device=device) * (_CELLS * frequency / side)
    lower = position.floor()
    points = torch.arange(int(lower[-1]) + 2, device=device)
    beyond = position - lower
    return points, lower.to(torch.int64), beyond.to(torch.float32), (beyond**2 * (3.0 - 2.0 * beyond)).to(torch.float32)


def gradient_noise(fields: Fields, size: tuple[int, int], frequency: int) -> Tensor:
    """Evaluate classic gradient noise with ``7 * frequency`` cells along the shorter side.

    Args:
        fields: Permutations (N, 256) and gradients (N, 256, 2).
        size: Height and width.
        frequency: Whole number.

    Returns:
        float32 tensor (N, height, width).

    Source: Perlin, "An image synthesizer" (SIGGRAPH 1985). The noise is a sum over the four corners of products of a
    function of the row and one of the column, which are summed one axis after the other.
    """
    permutation, gradients = fields
    down, across = (_along(length, min(size), frequency, permutation.device) for length in size)
    hashed = permutation[:, down[0] % _PERIOD].unsqueeze(2) + across[0] % _PERIOD
    hashed = permutation.gather(1, (hashed % _PERIOD).flatten(1))

    def rows_of_nodes(component: int) -> tuple[Tensor, Tensor]:
        nodes = gradients[..., component].gather(1, hashed).view(len(hashed), len(down[0]), len(across[0]))
        return nodes.index_select(2, across[1]), nodes.index_select(2, across[1] + 1)

    (left, right), (left_slope, right_slope) = rows_of_nodes(0), rows_of_nodes(1)
    _, lower, beyond, weight = across
    flat = left.mul_(1.0 - weight).add_(right.mul_(weight))
    sloped = left_slope.mul_((1.0 - weight) * beyond).add_(right_slope.mul_(weight * (beyond - 1.0)))
    _, lower, beyond, weight = (part.unsqueeze(1) if part.is_floating_point() else part for part in down)
    upper = flat.index_select(1, lower).mul_(beyond).add_(sloped.index_select(1, lower)).mul_(1.0 - weight)
    below = flat.index_select(1, lower + 1).mul_(beyond - 1.0).add_(sloped.index_select(1, lower + 1)).mul_(weight)
    return upper.add_(below)


def _veil(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    alpha, size = 0.05 * parameters[0], (images.shape[2], images.shape[3])
    turbulence = torch.zeros((len(images), *size), dtype=torch.float32, device=images.device)
    for frequency in _OCTAVES:
        turbulence.add_(gradient_noise(fields, size, frequency).abs_().mul_(1.5 / frequency))
    veil = turbulence.mul_(0.5).add_(0.5).clamp_(max=1.0).mul_(255.0 * alpha)
    return truncate(images.to(torch.float32).mul_(1.0 - alpha).add_(veil.unsqueeze(1)))


PERLIN_NOISE = Corruption(
    name="perlin_noise",
    sample=_sample_lattice,
    apply=_veil,
    # share .05 s of the veil
    severities=raw_severities(imagenet=(4.6, 5.2, 5.8, 7.6, 8.8)),
    source=SOURCE,
)
