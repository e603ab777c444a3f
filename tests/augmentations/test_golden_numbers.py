"""What the methods compute for one batch and one seed; a change here is a line under "Changed results"."""

import pytest
import torch

from robustsweep.augmentations import build_method
from robustsweep.draws import Draws

GOLDEN: dict[str, tuple[float, float]] = {
    "cutout": (0.694658, 1.000000),
    "soft_cutout": (0.366752, 1.000000),
    "mixup": (0.574964, 0.601250),
    "cutmix": (0.806458, 0.766032),
    "smoothmix_s": (0.838592, 0.774728),
    "smoothmix_c": (0.616705, 0.612284),
    "saliencymix": (0.796066, 0.642253),
    "resizemix": (0.824981, 0.774984),
    "fmix": (0.802888, 0.601400),
    "randommix": (0.481169, 0.474440),
    "augmix": (0.687618, 1.000000),
    "autoaugment": (1.301391, 1.000000),
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
