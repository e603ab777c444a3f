"""Zoom blur, and the centred zoom that it shares with snow."""

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.sparse_maps import compressed, one_thread, pixels_first, planes_first


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


@lru_cache(maxsize=5)
def _mean_of_zooms(height: int, width: int, stop: float, step: float, device: torch.device) -> Tensor:
    """Write the mean of the image and its zooms as one sparse matrix.

    Returns:
        float32 tensor (H * W, H * W), compressed by rows: each row holds the weights of a pixel's sources.
    """
    factors = zoom_factors(stop, step)
    pixels = torch.arange(height * width)
    # The unzoomed image is counted besides the factors, which begin with 1.
    places, shares = [torch.stack((pixels, pixels))], [torch.ones(height * width, dtype=torch.float64)]
    for factor in factors:
        (top, _), (left, _) = zoom_crop(height, factor), zoom_crop(width, factor)
        (row, row_share), (column, column_share) = zoom_line(height, factor), zoom_line(width, factor)
        for below, row_weight in enumerate((1.0 - row_share, row_share)):
            for right, column_weight in enumerate((1.0 - column_share, column_share)):
                share = np.multiply.outer(row_weight, column_weight).ravel()
                source = np.add.outer((top + row + below) * width, left + column + right).ravel()
                used = np.flatnonzero(share)
                places.append(torch.from_numpy(np.stack((used, source[used]))))
                shares.append(torch.from_numpy(share[used]))
    weights = torch.cat(shares).div_(len(factors) + 1)
    return compressed(torch.cat(places, dim=1), weights, height * width, device)


def _zoom(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    stop, step = parameters
    height, width = images.shape[2:]
    with one_thread():
        mean_of_zooms = _mean_of_zooms(height, width, stop, step, images.device)
    return planes_first(truncate(mean_of_zooms @ pixels_first(images)), images.shape)


_SMALL = ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01))
_LARGE = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))

ZOOM_BLUR = Corruption(
    name="zoom_blur",
    apply=_zoom,
    # end (excluded, up to rounding) and step of the zoom factors
    severities=severities(cifar=_SMALL, tiny=_SMALL, imagenet=_LARGE, inception=_LARGE),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3",
)
