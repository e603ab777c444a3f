"""Random fractals as pictures: attractors of iterated function systems, in colour, drawn by the chaos game.

Source: Barnsley, "Fractals everywhere" (1988) for the chaos game; Anderson and Farrell, "Improving fractal
pre-training" (WACV 2022) for maps made of two rotations, two singular values and two signs, which all contract. The
pictures are this package's own: two to four maps with singular values from U(0.3, 0.9), taken as often as they cover
area; a walker's colour moves half the way to that of each map it takes; brightness follows the logarithm of the number
of visits. They are not the pictures of any published mixing set.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from robustsweep.draws import Draws

_MAPS, _FEWEST_MAPS = 4, 2
_WARM_UP, _STEPS = 30, 64
_POINTS_PER_PIXEL = 4
_LEAST_COVERED, _TRIES = 0.1, 10
_POINTS_AT_ONCE = 1 << 19


def fractals(seed: int, numbers: Tensor, height: int, width: int) -> Tensor:
    """Draw fractals.

    Args:
        seed: Of all pictures.
        numbers: int64 on the CPU, shape (N,): which pictures; each is a function of the seed, its number and the size.
        height: Pixels.
        width: Pixels.

    Returns:
        uint8, shape (N, 3, height, width).
    """
    pictures = torch.empty(len(numbers), 3, height, width, dtype=torch.uint8)
    at_once = max(1, _POINTS_AT_ONCE // (_POINTS_PER_PIXEL * height * width))
    for start in range(0, len(numbers), at_once):
        left = torch.arange(start, min(start + at_once, len(numbers)))
        for attempt in range(_TRIES):
            drawn, covered = _drawn(Draws(seed, f"textures/fractals/{attempt}", numbers[left]), height, width)
            pictures[left] = drawn
            # Some systems shrink to specks: those are drawn again.
            left = left[covered < _LEAST_COVERED]
            if len(left) == 0:
                break
    return pictures


def _drawn(draws: Draws, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return one attempt at each picture, uint8, and the share of pixels that it covers, (N,)."""
    matrices, shifts, chances = _systems(draws)
    colours, background = draws.uniform(_MAPS, 3).float(), draws.uniform(3).float()
    points, shades = chaos_game(draws, matrices, shifts, chances, colours, height * width)
    visits, shade = _rendered(points, shades, height, width)
    light = (visits.log1p() / visits.amax((1, 2), keepdim=True).log1p().clamp_min(1e-9)).unsqueeze(1)
    picture = light * shade + (1 - light) * background.view(-1, 3, 1, 1)
    return (255 * picture).round().clamp(0, 255).to(torch.uint8), (visits > 0).float().mean((1, 2))


def _systems(draws: Draws) -> tuple[Tensor, Tensor, Tensor]:
    """Draw each system's maps: matrices (N, 4, 2, 2), shifts (N, 4, 2) and chances (N, 4), 0 for maps it lacks."""
    n_maps = draws.integers(_FEWEST_MAPS, _MAPS + 1, 1)
    angles = draws.uniform(_MAPS, 2, low=-math.pi, high=math.pi)
    stretch = draws.uniform(_MAPS, 2, low=0.3, high=0.9).sort(dim=2, descending=True).values
    signs = 2 * draws.integers(0, 2, _MAPS, 2) - 1
    shifts = draws.uniform(_MAPS, 2, low=-1, high=1)
    first, second = _rotation(angles[..., 0]), _rotation(angles[..., 1])
    matrices = (first * stretch.unsqueeze(2)) @ (second * signs.unsqueeze(2))
    chances = stretch.prod(2) * (torch.arange(_MAPS) < n_maps)
    return matrices.float(), shifts.float(), chances / chances.sum(1, keepdim=True)


def _rotation(angle: Tensor) -> Tensor:
    rows = (angle.cos(), -angle.sin()), (angle.sin(), angle.cos())
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def chaos_game(
    draws: Draws, matrices: Tensor, shifts: Tensor, chances: Tensor, colours: Tensor, n_pixels: int
) -> tuple[Tensor, Tensor]:
    """Let walkers follow random maps, all systems at once.

    Args:
        draws: Which map each walker takes at each step.
        matrices: float32, shape (N, K, 2, 2).
        shifts: float32, shape (N, K, 2).
        chances: Of the maps, of sum 1, shape (N, K).
        colours: Of the maps, shape (N, K, 3).
        n_pixels: Four times as many points are made, rounded up to whole walkers.

    Returns:
        Points of the attractors, float32, shape (N, P, 2), and their colours, (N, P, 3).
    """
    n, k = chances.shape
    walkers = -(-_POINTS_PER_PIXEL * n_pixels // _STEPS)
    ends = chances.cumsum(1)[:, :-1]
    # Ends that equal the number lie left of it, so that a map without a chance is never taken.
    taken = (draws.uniform(_WARM_UP + _STEPS, walkers).unsqueeze(3) >= ends.view(n, 1, 1, k - 1)).sum(3)
    taken += k * torch.arange(n).view(n, 1, 1)
    maps = torch.cat([matrices.flatten(2), shifts, colours], dim=2).flatten(0, 1)
    x, y, shade = torch.zeros(n, walkers), torch.zeros(n, walkers), torch.full((n, walkers, 3), 0.5)
    points, shades = [], []
    for step, number in enumerate(taken.unbind(1)):
        a, b, c, d, right, down, *_ = (chosen := F.embedding(number, maps)).unbind(2)
        x, y = a * x + b * y + right, c * x + d * y + down
        shade = (shade + chosen[..., 6:]) / 2
        if step >= _WARM_UP:
            points.append(torch.stack([x, y], dim=2))
            shades.append(shade)
    return torch.cat(points, dim=1), torch.cat(shades, dim=1)


def _rendered(points: Tensor, shades: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Count the points in each pixel, (N, H, W), and average their colours there, (N, 3, H, W).

    The frame holds all but a hundredth of the points on each side, at one scale for both axes.
    """
    n, count = points.shape[:2]
    ordered = points.sort(dim=1).values
    low, high = ordered[:, count // 100], ordered[:, count - 1 - count // 100]
    side = torch.tensor([width, height])
    scale = ((high - low) / side).amax(1).clamp_min(1e-6).view(n, 1, 1)
    pixel = ((points - (low + high).unsqueeze(1) / 2) / scale + side / 2).floor().long()
    is_inside = ((pixel >= 0) & (pixel < side)).all(2)
    # What falls outside goes to one more pixel.
    index = torch.where(is_inside, pixel[..., 1] * width + pixel[..., 0], height * width)
    index += torch.arange(n).unsqueeze(1) * (height * width + 1)
    sums = torch.zeros(n * (height * width + 1), 4)
    sums.index_add_(0, index.flatten(), torch.cat([torch.ones(n, count, 1), shades], dim=2).flatten(0, 1))
    sums = sums.view(n, -1, 4)[:, :-1].view(n, height, width, 4).permute(0, 3, 1, 2)
    return sums[:, 0], sums[:, 1:] / sums[:, :1].clamp_min(1)
