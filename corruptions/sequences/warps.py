"""Frames that move the image: translation, rotation, scaling and tilting, with black outside."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import cos, hypot, radians, sin

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.sequences.perturbation import SIDE, Perturbation
from robustsweep.draws import Draws

Matrix = npt.NDArray[np.float64]

_SOURCE = "Hendrycks and Dietterich (ICLR 2019), sec. 5; the generator of CIFAR-P"


@dataclass(frozen=True, slots=True)
class Warp:
    """Where each pixel comes from: four neighbours in the source and their weights.

    Attributes:
        index: int64 (4, H * W), places in the source.
        weights: float32 (4, H * W); all zero if a pixel lies outside.
    """

    index: Tensor
    weights: Tensor

    def values(self, images: Tensor) -> Tensor:
        """Warp uint8 images (N, 3, H, W): float32 in 0..255, of the same shape."""
        flat = images.flatten(2).to(torch.float32)
        total = torch.zeros_like(flat)
        for index, weights in zip(self.index.to(images.device), self.weights.to(images.device), strict=True):
            total.addcmul_(flat[:, :, index], weights)
        return total.view(images.shape)


def bilinear_warp(rows: Matrix, columns: Matrix, is_inside: npt.NDArray[np.bool_], *, clips: bool) -> Warp:
    """Weigh the four neighbours of points in the source.

    Args:
        rows: float64 (H, W), the row of the point that each pixel shows, whole at the centres of pixels.
        columns: Likewise.
        is_inside: bool (H, W); other pixels are black.
        clips: Whether a neighbour outside of the source is the nearest pixel inside; else it is black.
    """
    height, width = rows.shape
    top, left = np.floor(rows), np.floor(columns)
    places, weights = [], []
    for down in (0, 1):
        for right in (0, 1):
            y, x = top + down, left + right
            share = np.where(down, rows - top, 1 - rows + top) * np.where(right, columns - left, 1 - columns + left)
            is_there = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            kept = share * (is_inside & (clips | is_there))
            place = np.clip(y, 0, height - 1) * width + np.clip(x, 0, width - 1)
            places.append(torch.from_numpy(place.astype(np.int64).ravel()))
            weights.append(torch.from_numpy(kept.astype(np.float32).ravel()))
    return Warp(torch.stack(places), torch.stack(weights))


def _pixels() -> tuple[Matrix, Matrix]:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    return rows, columns


@lru_cache(maxsize=128)
def affine(degrees: float = 0.0, scale: float = 1.0) -> Warp:
    """Rotate and scale as Pillow's bilinear ``transform`` does with the matrix of torchvision's ``affine`` of 2018.

    The fixed point is the centre of pixel (16, 16), half a pixel right of and below the image's centre; later versions
    of torchvision have corrected that, the published sequences have not.

    Args:
        degrees: Clockwise rotation.
        scale: Enlargement.
    """
    rows, columns = _pixels()
    centre = SIDE / 2 + 0.5
    c, s = cos(radians(degrees)) / scale, sin(radians(degrees)) / scale
    across, down = columns + 0.5 - centre, rows + 0.5 - centre
    x, y = c * across + s * down + centre, -s * across + c * down + centre
    is_inside = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
    return bilinear_warp(y - 0.5, x - 0.5, is_inside, clips=True)


def perspective_matrix(degrees: float) -> Matrix:
    """Turn the image plane about both of its axes, seen from as far away as its diagonal is long: source to target.

    As in the generator the plane lies one pixel farther away than that, so that the frame without a turn is 2% smaller
    than the image.
    """
    angle, half, distance = radians(degrees), SIDE / 2, hypot(SIDE, SIDE)
    centred = np.array([[1, 0, -half], [0, 1, -half], [0, 0, 1], [0, 0, 1]])
    c, s = cos(angle), sin(angle)
    about_x = np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]])
    about_y = np.array([[c, 0, -s, 0], [0, 1, 0, 0], [s, 0, c, 0], [0, 0, 0, 1]])
    away = np.eye(4)
    away[2, 3] = distance
    seen = np.array([[distance, 0, half, 0], [0, distance, half, 0], [0, 0, 1, 0]])
    matrix: Matrix = seen @ away @ about_x @ about_y @ centred
    return matrix


@lru_cache(maxsize=64)
def perspective(degrees: float) -> Warp:
    """Tilt by ``perspective_matrix``, bilinear, black outside.

    Difference: OpenCV rounds the points to 1/32 pixel, this does not.
    """
    rows, columns = _pixels()
    inverse = np.linalg.inv(perspective_matrix(degrees))
    x, y, depth = np.tensordot(inverse, np.stack([columns, rows, np.ones_like(rows)]), axes=1)
    return bilinear_warp(y / depth, x / depth, np.ones(rows.shape, dtype=np.bool_), clips=False)


def _warped(
    warps: Sequence[Callable[[], Warp]], *, rounds: bool = False
) -> Callable[[Tensor, Draws], Iterator[Tensor]]:
    def frames(images: Tensor, draws: Draws) -> Iterator[Tensor]:
        for warp in warps:
            values = warp().values(images)
            yield truncate(values.add_(0.5) if rounds else values)

    return frames


def _translate(images: Tensor, draws: Draws) -> Iterator[Tensor]:
    for step in range(-7, 9):
        moved = torch.zeros_like(images)
        if step < 0:
            moved[..., :step] = images[..., -step:]
        else:
            moved[..., step:] = images[..., : SIDE - step]
        yield moved


TRANSLATE = Perturbation("translate", _translate, 16, _SOURCE)
ROTATE = Perturbation("rotate", _warped([partial(affine, degrees=k - 15.0) for k in range(31)]), 31, _SOURCE)
TILT = Perturbation(
    "tilt",
    _warped([partial(perspective, 0.75 * (k - 15)) for k in range(31)], rounds=True),
    31,
    f"{_SOURCE}; points are not rounded to 1/32 pixel",
)
SCALE = Perturbation("scale", _warped([partial(affine, scale=(2 * k + 70) / 100) for k in range(31)]), 31, _SOURCE)
