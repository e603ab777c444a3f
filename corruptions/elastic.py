"""Elastic transform: a random affine map, then a smooth random displacement."""

from functools import lru_cache

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.gaussian import gaussian_weights
from robustsweep.draws import Draws


def _sample_warp(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw the shifts of three anchor points in pixels and, where used, the raw column and row displacements."""
    alpha, _, reach = parameters
    shifts = draws.uniform(3, 2, low=-reach, high=reach)
    return (shifts, draws.uniform(2, *shape[1:], low=-1.0, high=1.0)) if alpha else (shifts,)


def _mirrored(index: Tensor, size: int, repeat_edge: bool) -> Tensor:
    """Map whole positions outside a line to those inside it by reflection, as often as needed."""
    period = 2 * size if repeat_edge else 2 * (size - 1)
    index = index.remainder(period)
    return torch.minimum(index, (period - 1 if repeat_edge else period) - index)


def bilinear(images: Tensor, rows: Tensor, columns: Tensor, *, repeat_edge: bool) -> Tensor:
    """Sample images between pixels, reflecting outside.

    Args:
        images: float32 tensor (N, C, H, W).
        rows: float64 tensor (N, H', W') of row positions.
        columns: float64 tensor (N, H', W') of column positions.
        repeat_edge: Whether the reflection repeats the edge pixel.

    Returns:
        float32 tensor (N, C, H', W'), interpolated in float64. Equal neighbours give exactly their value.
    """
    count, channels, height, width = images.shape
    top, left = rows.floor(), columns.floor()
    down, right = (rows - top).unsqueeze(1), (columns - left).unsqueeze(1)
    row, column = top.to(torch.int64), left.to(torch.int64)
    upper, lower = (_mirrored(row + step, height, repeat_edge) * width for step in (0, 1))
    near, far = (_mirrored(column + step, width, repeat_edge) for step in (0, 1))
    pixels = images.flatten(2)

    def pick(index: Tensor) -> Tensor:
        flat = index.flatten(1).unsqueeze(1).expand(count, channels, -1)
        return pixels.gather(2, flat).view(count, channels, *rows.shape[1:]).to(torch.float64)

    above = pick(upper + near)
    above += (pick(upper + far) - above).mul_(right)
    below = pick(lower + near)
    below += (pick(lower + far) - below).mul_(right)
    return above.add_((below - above).mul_(down)).to(torch.float32)


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
def reflecting_gaussian(size: int, sigma: float) -> Tensor:
    """Write the Gaussian filter of a line, cut off at three sigma and reflecting at the ends, as a matrix.

    Returns:
        float64 tensor (size, size). Weights that reach beyond the line are folded back as often as needed.
    """
    weights = gaussian_weights(sigma, truncate=3.0)
    offsets = torch.arange(1 - len(weights), len(weights))
    place = torch.arange(size).unsqueeze(1)
    source = _mirrored(place + offsets, size, repeat_edge=True)
    share = torch.tensor(weights, dtype=torch.float64)[offsets.abs()].expand(size, -1)
    return torch.zeros((size, size), dtype=torch.float64).scatter_add_(1, source, share)


def _warp(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    alpha, sigma, _ = parameters
    height, width = images.shape[2:]
    row = torch.arange(height, dtype=torch.float64, device=images.device).view(1, -1, 1)
    column = torch.arange(width, dtype=torch.float64, device=images.device).view(1, 1, -1)
    to_column, to_row = inverse_affine(fields[0], height, width)[..., None, None].unbind(1)
    source_row = to_row[:, 0] * column + to_row[:, 1] * row + to_row[:, 2]
    source_column = to_column[:, 0] * column + to_column[:, 1] * row + to_column[:, 2]
    warped = bilinear(images, source_row, source_column, repeat_edge=False)
    if not alpha:
        return warped
    down = reflecting_gaussian(height, sigma).to(images.device)
    across = reflecting_gaussian(width, sigma).to(images.device)
    # Rounding to float32 hides the order in which the products were summed.
    displacement = (down @ fields[1] @ across.T).mul_(alpha).to(torch.float32)
    return bilinear(warped, row + displacement[:, 1], column + displacement[:, 0], repeat_edge=True)


def _pixels(base: int, *rows: tuple[float, float, float]) -> list[tuple[float, ...]]:
    return [tuple(base * value for value in row) for row in rows]


_LARGE = ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))

ELASTIC_TRANSFORM = Corruption(
    name="elastic_transform",
    group="digital",
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
