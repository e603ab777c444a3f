"""Frost: a random crop of one of five photos of ice, blended in."""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws
from robustsweep.errors import DataError, MissingDependencyError

# MD5 of the textures in the published order. A sixth, frost6.jpg, is never drawn by the generators.
_TEXTURES = {
    "frost1.png": "6ead634ace1f366d77e87078b465863c",
    "frost2.png": "98f0d2b1d74a048d3bc9c7ecfd886939",
    "frost3.png": "b3ed8eb147824261888e730f916c0d8b",
    "frost4.jpg": "d70b9d6aa0b1fe7bd8133b113787e078",
    "frost5.jpg": "50984ae2c871b7df2c28f1d71ca460a0",
}
# OpenCV interpolates 8-bit images with weights of 11 fractional bits.
_WEIGHT_BITS = 11


def texture_folder() -> Path:
    """Find the textures inside the installed package imagecorruptions, without importing it.

    Raises:
        MissingDependencyError: If the package is not installed.
    """
    spec = importlib.util.find_spec("imagecorruptions")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(
            "Frost takes its textures from the package imagecorruptions, which is not installed; install it with pip."
        )
    return Path(spec.submodule_search_locations[0]) / "frost"


@lru_cache(maxsize=1)
def _photographs() -> tuple[NDArray[np.uint8], ...]:
    from PIL import Image

    folder, decoded = texture_folder(), []
    for name, md5 in _TEXTURES.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"The frost texture {path} is missing; reinstall the package imagecorruptions.")
        if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != md5:
            raise DataError(f"The frost texture {path} is not the published file; reinstall imagecorruptions.")
        with Image.open(path) as image:
            decoded.append(np.asarray(image.convert("RGB")))
    return tuple(decoded)


def _line(size: int, factor: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return for each pixel of a resized line its two neighbours and the upper one's integer weight."""
    resized = round(size * factor)
    position = ((np.arange(resized) + 0.5) * (1.0 / factor) - 0.5).astype(np.float32)
    lower = np.floor(position).astype(np.int64)
    share = position - lower.astype(np.float32)
    outside = (lower < 0) | (lower >= size - 1)
    lower = lower.clip(0, size - 1)
    weight = np.where(outside, 0, np.rint(share * 2**_WEIGHT_BITS).astype(np.int64))
    return lower, np.minimum(lower + 1, size - 1), weight


def resize_bilinear(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Resize an 8-bit image as OpenCV does with INTER_LINEAR: pixel centres aligned, no antialiasing, integer weights.

    Args:
        image: uint8 array (H, W, 3).
        factor: Scale of both sides.

    Returns:
        uint8 array (round(H * factor), round(W * factor), 3).
    """
    unit = 2**_WEIGHT_BITS
    left, right, weight = _line(image.shape[1], factor)
    wide, share = image.astype(np.int64), weight[:, None]
    lines = wide[:, left] * (unit - share) + wide[:, right] * share
    above, below, weight = _line(image.shape[0], factor)
    share = weight[:, None, None]
    upper, lower = lines[above] >> 4, lines[below] >> 4
    resized: NDArray[np.int64] = ((upper * (unit - share) >> 16) + (lower * share >> 16) + 2) >> 2
    return resized.astype(np.uint8)


@lru_cache(maxsize=4)
def textures(scale: float, height: int, width: int) -> tuple[Tensor, ...]:
    """Return the five textures at ``scale``, or enlarged as far as an image of this size needs.

    Returns:
        uint8 tensors (3, rows, columns) with more rows and columns than the image.
    """
    resized = []
    for photograph in _photographs():
        rows, columns = photograph.shape[:2]
        factor = max(scale, (height + 1) / rows, (width + 1) / columns)
        texture = photograph if factor == 1.0 else resize_bilinear(photograph, factor)
        resized.append(torch.from_numpy(texture.copy()).permute(2, 0, 1).contiguous())
    return tuple(resized)


def _sample_crop(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw each image's texture (N,) and the crop's first row and column (N, 2), the upper ends excluded."""
    words = draws.words(3).to(torch.int64)
    which = words[:, 0] * len(_TEXTURES) >> 32
    sizes = torch.tensor([texture.shape[1:] for texture in textures(parameters[2], *shape[1:])], device=which.device)
    room = sizes[which] - torch.tensor(shape[1:], device=which.device)
    return which, words[:, 1:] * room >> 32


def _freeze(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    kept, added, scale = parameters
    height, width = images.shape[2:]
    available = [texture.to(images.device) for texture in textures(scale, height, width)]
    crops = torch.empty_like(images)
    places = zip(fields[0].tolist(), fields[1].tolist(), strict=True)
    for crop, (which, (row, column)) in zip(crops, places, strict=True):
        crop.copy_(available[which][:, row : row + height, column : column + width])
    return _blended(images, crops, kept, added)


def _blended(images: Tensor, crops: Tensor, kept: float, added: float) -> Tensor:
    return truncate(crops.to(torch.float32).mul_(added).add_(images.to(torch.float32).mul_(kept)))


def _scaled(scale: float, *rows: tuple[float, float]) -> list[tuple[float, ...]]:
    return [(*row, scale) for row in rows]


_LARGE = _scaled(1.0, (1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))

FROST = Corruption(
    name="frost",
    sample=_sample_crop,
    apply=_freeze,
    # share of the image, share of the ice, scale of the texture
    severities=severities(
        cifar=_scaled(0.2, (1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        tiny=_scaled(0.3, (1, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)),
        imagenet=_LARGE,
        inception=_LARGE,
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; textures too small for an image are enlarged to fit",
    libraries=("jpeg",),  # two of the textures are JPEG files
)
