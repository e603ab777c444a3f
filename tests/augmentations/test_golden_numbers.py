"""What the methods compute for one batch and one seed; a change here is a line under "Changed results"."""

import pytest
import torch

from robustsweep.augmentations import build_method
from robustsweep.draws import Draws

GOLDEN: dict[str, tuple[float, float]] = {
    "cutout": (0.708863, 1.000000),
    "soft_cutout": (0.386445, 1.000000),
    "mixup": (0.640582, 0.526307),
    "cutmix": (0.859090, 0.728027),
    "smoothmix_s": (0.802510, 0.799453),
    "smoothmix_c": (0.519323, 0.576746),
    "saliencymix": (0.858748, 0.571289),
    "resizemix": (0.793484, 0.755046),
    "fmix": (0.857338, 0.526367),
    "randommix": (0.480890, 0.511083),
    "augmix": (0.589619, 1.000000),
    "autoaugment": (1.810832, 1.000000),
}


def measured(name: str) -> tuple[float, float]:
    """Return the mean square of the pixels and the mean weight of an image's own label."""
    method, n = build_method(name), 16
    place = torch.arange(n * 3 * 24 * 32).view(n, 3, 24, 32)
    images = (place * 2654435761 % 2**32 >> 24).to(torch.uint8) // 4 + (place // 97 % 190).to(torch.uint8)
    sample = method.sample(Draws(5, "golden", torch.arange(n)))
    views = (method.pixels(images, sample) / 64 - 2).split(n)
    mixed, targets = method.apply(views[-1], torch.eye(n), sample)
    return float(mixed.double().square().mean()), float(targets.double().diagonal().mean())


@pytest.mark.parametrize("name", GOLDEN)
def test_the_numbers_stay(name: str) -> None:
    assert measured(name) == pytest.approx(GOLDEN[name], abs=2e-5)
