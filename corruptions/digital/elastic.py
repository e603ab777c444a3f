"""Elastic transform: a random affine map, then a smooth random displacement."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from robustsweep.corruptions.blur.gaussian import gaussian_weights
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.stencils import correlate_separably, with_border
from robustsweep.draws import Draws

# Up to this radius a filter is cheaper as shifts than as a matrix.
_LARGEST_SHIFT = 9


def _sample_warp(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw the shifts of three anchor points in pixels and, if used, the raw column and row displacements."""
    alpha, _, reach = parameters
    shifts = draws.uniform(3, 2, low=-reach, high=reach)
    return (shifts, draws.uniform(2, *shape[1:], low=-1.0, high=1.0, dtype=torch.float32)) if alpha else (shifts,)


def inverse_affine(shifts: Tensor, height: int, width: int) -> Tensor:
    """Invert the affine map that moves the three anchor points by ``shifts``.

    The anchors lie a third of the shorter side from the centre: far right and low, far right and high, left and high.

    Args:
        shifts: float64 tensor (N, 3, 2) in pixels, columns before rows.
        height: Rows of the image.
        width: Columns of the image.

    Returns:
        float64 tensor (N, 2, 3): source column and source row as affine functions of a pixel's column, row and one.
    """
    x, y, arm = width // 2, height // 2, min(height, width) // 3
    anchors = torch.tensor(
        [[x + arm, y + arm], [x + arm, y - arm], [x - arm, y - arm]], dtype=torch.float64, device=shifts.device
    )
    moved = anchors + shifts
    per_row = (moved[:, 0] - moved[:, 1]) / (2.0 * arm)
    per_column = (moved[:, 1] - moved[:, 2]) / (2.0 * arm)
    origin = moved[:, 0] - per_column * (x + arm) - per_row * (y + arm)
    (a, c), (b, d), (e, f) = per_column.unbind(1), per_row.unbind(1), origin.unbind(1)
    determinant = a * d - b * c
    inverse = torch.stack((d, -b, b * f - d * e, -c, a, c * e - a * f), dim=1)
    return (inverse / determinant.unsqueeze(1)).view(-1, 2, 3)


@lru_cache(maxsize=20)
def reflecting_gaussian(size: int, sigma: float, device: torch.device) -> Tensor:
    """Write the Gaussian filter of a line, cut off at three sigma and reflecting at the ends, as a matrix.

    Returns:
        float32 tensor (size, size). Weights that reach beyond the line are folded back as often as needed.
    """
    weights = gaussian_weights(sigma, truncate=3.0)
    offsets = torch.arange(1 - len(weights), len(weights))
    source = (torch.arange(size).unsqueeze(1) + offsets).remainder(2 * size)
    source = torch.minimum(source, 2 * size - 1 - source)
    share = torch.tensor(weights, dtype=torch.float64)[offsets.abs()].expand(size, -1)
    matrix = torch.zeros((size, size), dtype=torch.float64).scatter_add_(1, source, share)
    return matrix.to(torch.float32).to(device)


def smooth(field: Tensor, sigma: float) -> Tensor:
    """Blur fields with a Gaussian that is cut off at three sigma, reflecting at the borders.

    Args:
        field: float32 tensor (N, 2, H, W).
        sigma: Standard deviation in pixels.

    Returns:
        float32 tensor (N, 2, H, W).
    """
    count, _, height, width = field.shape
    weights = gaussian_weights(sigma, truncate=3.0)
    reach = len(weights) - 1
    if reach <= _LARGEST_SHIFT:
        padded = with_border(field, (reach, reach), (reach, reach), "reflect")
        return correlate_separably(padded, weights[:0:-1] + weights, height, width).view_as(field)
    down = reflecting_gaussian(height, sigma, field.device)
    across = reflecting_gaussian(width, sigma, field.device).T
    if field.device.type != "cpu":
        return down @ field @ across
    # Image by image, so that no sum depends on the batch.
    return torch.stack([down @ (one @ across) for one in field]) if count else field


def _affine_grid(shifts: Tensor, height: int, width: int) -> Tensor:
    """Locate each pixel's source: column and row, -1 at the centre of the first pixel and 1 at that of the last.

    Args:
        shifts: float64 tensor (N, 3, 2) as for ``inverse_affine``.
        height: Rows of the image.
        width: Columns of the image.

    Returns:
        float32 tensor (N, H, W, 2).
    """
    half = torch.tensor([[(width - 1) / 2.0], [(height - 1) / 2.0]], dtype=torch.float64, device=shifts.device)
    per_column, per_row, origin = (inverse_affine(shifts, height, width) / half).unbind(2)
    column = torch.arange(width, dtype=torch.float64, device=shifts.device)
    row = torch.arange(height, dtype=torch.float64, device=shifts.device)
    across = (per_column.unsqueeze(2) * column + (origin - 1.0).unsqueeze(2)).to(torch.float32)
    down = (per_row.unsqueeze(2) * row).to(torch.float32)
    return _grid(across.unsqueeze(2), down.unsqueeze(3))


def _grid(first: Tensor, second: Tensor) -> Tensor:
    """Add fields (N, 2, H, W), as far as they broadcast, and lay both positions of a pixel side by side."""
    return (first + second).permute(0, 2, 3, 1).contiguous()


def _warp(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    alpha, sigma, _ = parameters
    height, width = images.shape[2:]
    grid = _affine_grid(fields[0], height, width)
    # Aligned corners reflect at the centres of edge pixels, unaligned ones at their outer sides.
    warped = functional.grid_sample(images.to(torch.float32), grid, padding_mode="reflection", align_corners=True)
    if not alpha:
        return truncate(warped)
    scale = torch.tensor([[[2.0 * alpha / width]], [[2.0 * alpha / height]]], device=images.device)
    grid = _grid(smooth(fields[1], sigma).mul_(scale), _centres(height, width, images.device))
    return truncate(functional.grid_sample(warped, grid, padding_mode="reflection", align_corners=False))


@lru_cache(maxsize=4)
def _centres(height: int, width: int, device: torch.device) -> Tensor:
    """Return the columns and rows of pixels, float32 (1, 2, H, W), -1 at the image's first edge and 1 at its last."""
    column = (torch.arange(width, device=device) * 2.0 + 1.0) / width - 1.0
    row = (torch.arange(height, device=device) * 2.0 + 1.0) / height - 1.0
    return torch.stack(torch.meshgrid(row, column, indexing="ij")[::-1]).unsqueeze(0)


def _pixels(base: int, *rows: tuple[float, float, float]) -> list[tuple[float, ...]]:
    return [tuple(base * value for value in row) for row in rows]


_LARGE = ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))

ELASTIC_TRANSFORM = Corruption(
    name="elastic_transform",
    sample=_sample_warp,
    apply=_warp,
    # displacement, its sigma and the reach of the affine map, in pixels
    severities=severities(
        cifar=_pixels(32, (0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
        tiny=_pixels(64, (0, 0, 0.08), (0.05, 0.3, 0.06), (0.1, 0.08, 0.06), (0.1, 0.03, 0.03), (0.16, 0.03, 0.02)),
        imagenet=_pixels(244, *_LARGE),  # 244, not 224, as published
        inception=_pixels(360, *_LARGE),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; the affine map without OpenCV's rounding to 1/32 pixel",
)
