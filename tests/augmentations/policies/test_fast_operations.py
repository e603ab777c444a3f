"""Operations of Fast AutoAugment against Pillow, with the arguments that its definition gives to Pillow."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from photos import as_pillow, as_tensor, byte_images
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from robustsweep.augmentations.policies.fast_operations import operate
from robustsweep.augmentations.policies.policy_file import OPERATIONS

IMAGES = byte_images(20)
Picture = Image.Image
SIGNED = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")


def affine(image: Picture, *matrix: float) -> Picture:
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


def drawn_square(image: Picture, value: float, place: tuple[float, float]) -> Picture:
    if value <= 0:
        return image
    width, height = image.size
    side = value * width
    left, top = int(max(0, place[0] * width - side / 2)), int(max(0, place[1] * height - side / 2))
    image = image.copy()
    corners = (left, top, min(width, left + side), min(height, top + side))
    ImageDraw.Draw(image).rectangle(corners, (125, 123, 114))
    return image


ORACLES: dict[str, tuple[float, float, Callable[[Picture, float], Picture]]] = {
    "ShearX": (-0.3, 0.3, lambda image, v: affine(image, 1, v, 0, 0, 1, 0)),
    "ShearY": (-0.3, 0.3, lambda image, v: affine(image, 1, 0, 0, v, 1, 0)),
    "TranslateX": (-0.45, 0.45, lambda image, v: affine(image, 1, 0, v * image.width, 0, 1, 0)),
    "TranslateY": (-0.45, 0.45, lambda image, v: affine(image, 1, 0, 0, 0, 1, v * image.height)),
    "Rotate": (-30, 30, lambda image, v: image.rotate(v)),
    "AutoContrast": (0, 1, lambda image, v: ImageOps.autocontrast(image)),
    "Invert": (0, 1, lambda image, v: ImageOps.invert(image)),
    "Equalize": (0, 1, lambda image, v: ImageOps.equalize(image)),
    "Solarize": (0, 256, lambda image, v: image.point([i if i < v else 255 - i for i in range(256)] * 3)),
    "Posterize": (4, 8, lambda image, v: ImageOps.posterize(image, int(v))),
    "Contrast": (0.1, 1.9, lambda image, v: ImageEnhance.Contrast(image).enhance(v)),
    "Color": (0.1, 1.9, lambda image, v: ImageEnhance.Color(image).enhance(v)),
    "Brightness": (0.1, 1.9, lambda image, v: ImageEnhance.Brightness(image).enhance(v)),
    "Sharpness": (0.1, 1.9, lambda image, v: ImageEnhance.Sharpness(image).enhance(v)),
}


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize("level", [0.0, 0.3, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_byte_is_that_of_pillow(name: str, level: float, negated: bool) -> None:
    n = len(IMAGES)
    places = np.random.default_rng(0).random((n, 2))
    levels = torch.full((n,), level, dtype=torch.float64)
    found = operate(name, IMAGES, levels, torch.full((n,), negated), torch.from_numpy(places))
    if name == "Cutout":
        pairs = zip(as_pillow(IMAGES), places, strict=True)
        expected = [drawn_square(image, level * 0.2, tuple(place)) for image, place in pairs]
    else:
        low, high, oracle = ORACLES[name]
        value = level * (high - low) + low
        expected = [oracle(image, -value if negated and name in SIGNED else value) for image in as_pillow(IMAGES)]
    assert found.dtype == torch.uint8
    assert torch.equal(found, as_tensor(expected))
