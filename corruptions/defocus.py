"""Defocus blur: correlation with a disk."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.levels import grey_levels


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
def _boxes(radius: float, alias_sigma: float) -> tuple[int, tuple[tuple[int, int, float], ...]]:
    """Write the symmetric kernel as a sum of centred horizontal boxes.

    Returns:
        The reach of the kernel, and for each box its row's distance from the centre, its half width and its height.
    """
    kernel = disk_kernel(radius, alias_sigma).astype(np.float64)
    centre = kernel.shape[0] // 2
    quadrant = kernel[centre:, centre:]
    steps = quadrant - np.pad(quadrant, ((0, 0), (0, 1)))[:, 1:]
    found = tuple((int(row), int(width), float(steps[row, width])) for row, width in np.argwhere(steps))
    return max(max(row, width) for row, width, _ in found), found


def _reflected(size: int, reach: int, device: torch.device) -> Tensor:
    """Index a line extended on both sides by its mirror image, the edge pixel not repeated."""
    inside = torch.arange(-reach, size + reach, device=device).abs()
    return torch.minimum(inside, 2 * (size - 1) - inside)


def _defocus(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    reach, boxes = _boxes(*parameters)
    height, width = images.shape[2:]
    padded = grey_levels(images).index_select(2, _reflected(height, reach, images.device))
    padded = padded.index_select(3, _reflected(width, reach, images.device))
    # Running sums of whole grey levels are exact, so each box costs one subtraction.
    running = torch.nn.functional.pad(padded.cumsum(dim=3, dtype=torch.int32), (1, 0))
    total = torch.zeros(images.shape, dtype=torch.float64, device=images.device)
    row, rows = -1, running
    for distance, half_width, step in boxes:
        if distance != row:
            row = distance
            rows = running.narrow(2, reach + distance, height)
            rows = rows + running.narrow(2, reach - distance, height) if distance else rows
        end, start = rows.narrow(3, reach + half_width + 1, width), rows.narrow(3, reach - half_width, width)
        total += (end - start).to(torch.float64).mul_(step)
    return total.div_(255.0).to(torch.float32)


DEFOCUS_BLUR = Corruption(
    name="defocus_blur",
    group="blur",
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
