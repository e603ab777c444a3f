"""The 15 operations of Fast AutoAugment on whole batches, each image with its level, sign and place.

Source: Lim et al., "Fast AutoAugment" (NeurIPS 2019), and the ranges of the authors' code: a level in [0, 1] is a
share of the way from the low to the high end. Shear, shift and rotation change their sign with probability one half on
top of a range that has both signs. Posterize and Solarize are weakest at level 1; Color, Contrast, Brightness and
Sharpness near 0.5. Maps take the nearest pixel and are black outside; all results are Pillow's, byte for byte.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from robustsweep.augmentations.parts import tones
from robustsweep.augmentations.parts.geometry import entry, rotation
from robustsweep.augmentations.policies.nearest import transform_nearest

_RANGES = {
    "ShearX": (-0.3, 0.3),
    "ShearY": (-0.3, 0.3),
    "TranslateX": (-0.45, 0.45),
    "TranslateY": (-0.45, 0.45),
    "Rotate": (-30.0, 30.0),
    "Solarize": (0.0, 256.0),
    "Posterize": (4.0, 8.0),
    "Contrast": (0.1, 1.9),
    "Color": (0.1, 1.9),
    "Brightness": (0.1, 1.9),
    "Sharpness": (0.1, 1.9),
    "Cutout": (0.0, 0.2),
}
_GREY = (125, 123, 114)
# Matrices from value, height and width.
_MAPS: dict[str, Callable[[Tensor, int, int], Tensor]] = {
    "ShearX": lambda value, height, width: entry(0, 1, value),
    "ShearY": lambda value, height, width: entry(1, 0, value),
    "TranslateX": lambda value, height, width: entry(0, 2, value * width),
    "TranslateY": lambda value, height, width: entry(1, 2, value * height),
    "Rotate": rotation,
}
_TONES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Solarize": lambda images, value: tones.solarize(images, value.ceil().long()),
    "Posterize": lambda images, value: tones.posterize(images, value.long()),
    "Contrast": tones.contrast,
    "Color": tones.saturate,
    "Brightness": tones.brighten,
    "Sharpness": tones.sharpen,
}
_WITHOUT_LEVEL: dict[str, Callable[[Tensor], Tensor]] = {
    "AutoContrast": tones.autocontrast,
    "Equalize": tones.equalize,
    "Invert": lambda images: 255 - images,
}


def operate(name: str, images: Tensor, level: Tensor, is_negated: Tensor, place: Tensor) -> Tensor:
    """Apply one operation.

    Args:
        name: One of ``policy_file.OPERATIONS``.
        images: uint8, shape (N, 3, H, W).
        level: In [0, 1], float64, shape (N,).
        is_negated: Whether shear, shift and rotation change their sign, shape (N,).
        place: Centre of Cutout's square as shares of width and height, float64 in [0, 1), shape (N, 2).

    Returns:
        uint8, shape (N, 3, H, W).
    """
    if name in _WITHOUT_LEVEL:
        return _WITHOUT_LEVEL[name](images)
    low, high = _RANGES[name]
    value = level * (high - low) + low
    if name in _MAPS:
        signed = torch.where(is_negated, -value, value)
        return transform_nearest(images, _MAPS[name](signed, *images.shape[-2:]))
    return _cutout(images, value, place) if name == "Cutout" else _TONES[name](images, value)


def _cutout(images: Tensor, share: Tensor, place: Tensor) -> Tensor:
    """Fill a square with grey; its right and lower ends are included, as Pillow draws rectangles."""
    height, width = images.shape[-2:]
    side = share * width
    is_inside = (share > 0).view(-1, 1, 1)
    for number, length in enumerate((width, height)):
        first = (place[:, number] * length - side / 2).clamp_min(0).floor()
        last = (first + side).clamp_max(length).floor()
        pixel = torch.arange(length, device=images.device)
        is_within = (pixel >= first.unsqueeze(1)) & (pixel <= last.unsqueeze(1))
        is_inside = is_inside & is_within.unsqueeze(1 if number == 0 else 2)
    grey = torch.tensor(_GREY, dtype=torch.uint8, device=images.device).view(1, 3, 1, 1)
    return torch.where(is_inside.unsqueeze(1), grey, images)
