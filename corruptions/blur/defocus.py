"""Defocus blur: correlation with a disk."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.stencils import Tap, correlate, with_border

# Beyond this many taps a Fourier transform is faster than shifts.
_MOST_TAPS_SHIFTED = 64
# A float32 sum of grey levels does not see a weight below.
_NEGLIGIBLE = 1e-9


def disk_kernel(radius: float, alias_sigma: float) -> NDArray[np.float32]:
    """Build the disk that stands for the aperture, its rim smoothed.

    The smoothing reflects at the kernel's border. A disk of radius 8, 10 or more touches that border, so its kernel
    sums to slightly more than one and brightens the image; this is kept.

    Returns:
        float32 array (K, K), K odd.
    """
    half, taps = (8, 1) if radius <= 8 else (int(radius), 2)
    axis = np.arange(-half, half + 1)
    disk = (axis[:, None] ** 2 + axis[None, :] ** 2 <= radius**2).astype(np.float32)
    disk /= disk.sum()
    weights = np.exp(-0.5 / alias_sigma**2 * np.arange(-taps, taps + 1) ** 2.0)
    weights = (weights / weights.sum()).astype(np.float32)
    for _ in range(2):
        padded = np.pad(disk, ((taps, taps), (0, 0)), mode="reflect")
        rows = [padded[tap : tap + 2 * half + 1] for tap in range(2 * taps + 1)]
        disk = weights[taps] * rows[taps]
        for distance in range(1, taps + 1):
            disk = disk + weights[taps + distance] * (rows[taps - distance] + rows[taps + distance])
        disk = disk.T
    return disk


@lru_cache(maxsize=20)
def _taps(radius: float, alias_sigma: float) -> tuple[int, tuple[Tap, ...]]:
    """List the kernel's taps within its reach, and the reach."""
    kernel = disk_kernel(radius, alias_sigma)
    centre = kernel.shape[0] // 2
    rows, columns = np.nonzero(kernel > _NEGLIGIBLE)
    reach = int(max(abs(rows - centre).max(), abs(columns - centre).max()))
    taps = zip((rows - centre + reach).tolist(), (columns - centre + reach).tolist(), strict=True)
    return reach, tuple(
        (row, column, float(kernel[row + centre - reach, column + centre - reach])) for row, column in taps
    )


@lru_cache(maxsize=20)
def _transfer(radius: float, alias_sigma: float, side: int, device: torch.device) -> Tensor:
    """Return the kernel's Fourier transform on squares of ``side`` pixels, complex64 (side, side // 2 + 1)."""
    kernel = torch.zeros((side, side), dtype=torch.float64)
    reach, taps = _taps(radius, alias_sigma)
    for row, column, weight in taps:
        kernel[(reach - row) % side, (reach - column) % side] = weight
    transfer: Tensor = torch.fft.rfft2(kernel)
    return transfer.to(torch.complex64).to(device)


def _defocus(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    radius, alias_sigma = parameters
    reach, taps = _taps(radius, alias_sigma)
    height, width = images.shape[2:]
    padded = with_border(images, (reach, reach), (reach, reach), "mirror")
    if len(taps) <= _MOST_TAPS_SHIFTED:
        return truncate(correlate(padded, taps, height, width)).reshape(images.shape)
    # Multiples of 64 transform fastest.
    side = -(-max(padded.shape[1:]) // 64) * 64
    transfer = _transfer(radius, alias_sigma, side, images.device)
    # A few planes at a time, always as many, so that no sum depends on the batch.
    blurred = [
        torch.fft.irfft2(torch.fft.rfft2(planes, s=(side, side)).mul_(transfer), s=(side, side))[
            :, reach : reach + height, reach : reach + width
        ]
        for planes in torch.split(padded, 3)
    ]
    return truncate(torch.cat(blurred)).view(images.shape)


DEFOCUS_BLUR = Corruption(
    name="defocus_blur",
    apply=_defocus,
    # radius of the disk and sigma of its rim, in pixels
    severities=severities(
        cifar=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        tiny=((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)),
        imagenet=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        inception=((4, 0.1), (5, 0.5), (7, 0.5), (10, 0.5), (12, 0.5)),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; the borders of OpenCV's filter2D and GaussianBlur",
)
