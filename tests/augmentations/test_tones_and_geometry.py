from collections.abc import Callable
from typing import Any

import pytest
import torch
from photos import as_pillow, as_tensor, byte_images
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from robustsweep.augmentations.parts import tones
from robustsweep.augmentations.parts.geometry import entry, rotation, transform

IMAGES = byte_images()
N, HEIGHT, WIDTH = len(IMAGES), *IMAGES.shape[-2:]


@pytest.mark.parametrize(
    ("ours", "pillows", "magnitudes"),
    [
        (lambda images, _: tones.autocontrast(images), lambda image, _: ImageOps.autocontrast(image), range(N)),
        (lambda images, _: tones.equalize(images), lambda image, _: ImageOps.equalize(image), range(N)),
        (tones.posterize, ImageOps.posterize, [1 + row % 8 for row in range(N)]),
        (tones.solarize, ImageOps.solarize, [256 * row // (N - 1) for row in range(N)]),
        *(
            (
                function,
                lambda image, factor, enhancer=enhancer: enhancer(image).enhance(factor),
                [0.1 + 1.8 * row / N for row in range(N)],
            )
            for function, enhancer in (
                (tones.saturate, ImageEnhance.Color),
                (tones.contrast, ImageEnhance.Contrast),
                (tones.brighten, ImageEnhance.Brightness),
                (tones.sharpen, ImageEnhance.Sharpness),
            )
        ),
    ],
    ids=["autocontrast", "equalize", "posterize", "solarize", "color", "contrast", "brightness", "sharpness"],
)
def test_tones_are_those_of_pillow(
    ours: Callable[[Tensor, Tensor], Tensor], pillows: Callable[..., Image.Image], magnitudes: Any
) -> None:
    wanted = [pillows(image, magnitude) for image, magnitude in zip(as_pillow(IMAGES), magnitudes, strict=True)]
    assert torch.equal(ours(IMAGES, torch.tensor(list(magnitudes))), as_tensor(wanted))


def test_a_table_that_would_leave_the_bytes_is_cut() -> None:
    """300 pixels over 255 steps of one: the brightest would be sent to 300."""
    image = torch.zeros(1, 3, 20, 20, dtype=torch.uint8)
    image.view(3, -1)[:, :100] = 9
    image.view(3, -1)[:, 100:120] = 4
    assert torch.equal(tones.equalize(image), as_tensor([ImageOps.equalize(as_pillow(image)[0])]))


@pytest.mark.parametrize("kind", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
def test_maps_are_those_of_pillow_within_one_grey_level(kind: str) -> None:
    shear = torch.linspace(-0.3, 0.3, N, dtype=torch.float64)
    steps = torch.arange(N) - N // 2

    def mapped(image: Image.Image, row: int) -> Image.Image:
        s, t = float(shear[row]), float(steps[row])
        if kind == "rotate":
            return image.rotate(t, resample=Image.Resampling.BILINEAR)
        coefficients = {
            "shear_x": (1, s, 0, 0, 1, 0),
            "shear_y": (1, 0, 0, s, 1, 0),
            "translate_x": (1, 0, t, 0, 1, 0),
            "translate_y": (1, 0, 0, 0, 1, t),
        }[kind]
        return image.transform(image.size, Image.Transform.AFFINE, coefficients, resample=Image.Resampling.BILINEAR)

    matrices = {
        "rotate": lambda: rotation(steps, HEIGHT, WIDTH),
        "shear_x": lambda: entry(0, 1, shear),
        "shear_y": lambda: entry(1, 0, shear),
        "translate_x": lambda: entry(0, 2, steps),
        "translate_y": lambda: entry(1, 2, steps),
    }[kind]()
    wanted = as_tensor([mapped(image, row) for row, image in enumerate(as_pillow(IMAGES))])
    difference = (transform(IMAGES, matrices).int() - wanted.int()).abs()
    assert difference.max() <= (0 if "translate" in kind else 1)
    assert (difference > 0).double().mean() < 0.012


def test_the_identity_changes_nothing() -> None:
    zero = torch.zeros(N)
    assert torch.equal(transform(IMAGES, rotation(zero, HEIGHT, WIDTH)), IMAGES)
    assert torch.equal(transform(IMAGES, entry(0, 1, zero)), IMAGES)
