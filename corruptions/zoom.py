"""Zoom blur, and the centred zoom that it shares with snow."""

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities

# Rows per table: few enough for a core's cache, many enough for long vectors.
_BAND_ROWS = 32


def zoom_crop(size: int, factor: float) -> tuple[int, int]:
    """Return the first pixel and the length of the central stretch that is enlarged by ``factor``."""
    length = math.ceil(size / factor)
    return (size - length) // 2, length


def zoom_line(size: int, factor: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Locate the pixels of an enlarged line in the stretch it was made from.

    The stretch is enlarged to ``round(length * factor)`` pixels, end points on end points (SciPy's ``zoom`` of order
    1), and trimmed at its centre back to ``size``.

    Returns:
        For each pixel the position of its lower neighbour within the stretch, and the upper neighbour's weight.
    """
    _, length = zoom_crop(size, factor)
    enlarged = round(length * factor)
    trim = (enlarged - size) // 2
    position = np.arange(trim, trim + size, dtype=np.float64) * ((length - 1) / max(enlarged - 1, 1))
    lower: NDArray[np.int64] = np.minimum(position.astype(np.int64), max(length - 2, 0))
    share: NDArray[np.float64] = position - lower
    return lower, share


def zoom_factors(stop: float, step: float) -> list[float]:
    """List the zoom factors from 1 up to ``stop``.

    The published list is a float range, whose end point appears or not by rounding; NumPy decides as it did there.
    """
    factors: list[float] = np.arange(1, stop, step).tolist()
    return factors


def _band(height: int, width: int, rows: range, factors: list[float]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Merge all zooms, for a band of rows, into one list of source pixels and weights per pixel.

    Returns:
        Source positions in the image and weights, both (taps, pixels of the band); unused taps weigh zero.
    """
    pixels = len(rows) * width
    # The unzoomed image is counted besides the factors, which begin with 1.
    keys = [np.arange(pixels) * (height * width) + np.arange(rows.start * width, rows.stop * width)]
    shares = [np.ones(pixels)]
    for factor in factors:
        (top, _), (left, _) = zoom_crop(height, factor), zoom_crop(width, factor)
        (row, row_share), (column, column_share) = zoom_line(height, factor), zoom_line(width, factor)
        row, row_share = row[rows.start : rows.stop], row_share[rows.start : rows.stop]
        for below, row_weight in enumerate((1.0 - row_share, row_share)):
            for right, column_weight in enumerate((1.0 - column_share, column_share)):
                share = np.multiply.outer(row_weight, column_weight).ravel()
                source = np.add.outer((top + row + below) * width, left + column + right).ravel()
                used = np.flatnonzero(share)
                keys.append(used * (height * width) + source[used])
                shares.append(share[used])
    unique, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    target, source = np.divmod(unique, height * width)
    slot = np.arange(len(unique)) - np.searchsorted(target, target)
    index = np.zeros((slot.max() + 1, pixels), dtype=np.int64)
    weights = np.zeros(index.shape)
    index[slot, target] = source
    weights[slot, target] = np.bincount(inverse, np.concatenate(shares)) / (len(factors) + 1)
    return index, weights


@lru_cache(maxsize=2)
def _taps(height: int, width: int, stop: float, step: float, device: torch.device) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return for each band of rows int32 source positions and float64 weights, both (taps, pixels of the band)."""
    bands = (range(first, min(first + _BAND_ROWS, height)) for first in range(0, height, _BAND_ROWS))
    merged = (_band(height, width, rows, zoom_factors(stop, step)) for rows in bands)
    return tuple(
        (torch.from_numpy(index.astype(np.int32)).to(device), torch.from_numpy(weights).to(device))
        for index, weights in merged
    )


def _zoom(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    stop, step = parameters
    # Pixels first, so that each tap copies whole rows.
    pixels = images.flatten(0, 1).flatten(1).T.to(torch.float64).contiguous()
    bands = []
    for index, weights in _taps(images.shape[2], images.shape[3], stop, step, images.device):
        total = torch.zeros((index.shape[1], pixels.shape[1]), dtype=torch.float64, device=images.device)
        for source, weight in zip(index, weights, strict=True):
            total += pixels.index_select(0, source).mul_(weight.unsqueeze(1))
        bands.append(total)
    return torch.cat(bands).T.reshape(images.shape).to(torch.float32)


_SMALL = ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01))
_LARGE = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))

ZOOM_BLUR = Corruption(
    name="zoom_blur",
    group="blur",
    apply=_zoom,
    # end (excluded, up to rounding) and step of the zoom factors
    severities=severities(cifar=_SMALL, tiny=_SMALL, imagenet=_LARGE, inception=_LARGE),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; float64 sums where the generator has float32",
)
