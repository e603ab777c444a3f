"""Pixels of the original generators, where the reference data lie beside the checkout."""

import math
import os
from functools import lru_cache
from pathlib import Path

import corruption_oracles as oracles
import numpy as np
import pytest
import torch

from robustsweep.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from robustsweep.corruptions.motion import motion_blur

SHARED = Path(os.environ.get("ROBUSTSWEEP_SHARED", Path(__file__).parents[2] / ".." / "shared")).resolve()
FILES = {
    "cifar": SHARED / "data" / "cifar10c_reference_100.npz",
    "tiny": SHARED / "data" / "original_tiny_reference.npz",
    "imagenet": SHARED / "data" / "original_imagenet_reference.npz",
}
pytestmark = pytest.mark.skipif(
    not all(path.is_file() for path in FILES.values()), reason="the original generators' pixels are not here"
)
RANDOM = [name for name in CORRUPTIONS if name not in oracles.DETERMINISTIC]


@lru_cache(maxsize=4)
def reference(table, name):
    with np.load(FILES[table]) as file:
        return torch.from_numpy(np.moveaxis(file[name], -1, -3).copy())


@pytest.mark.parametrize("table", list(FILES))
@pytest.mark.parametrize("name", list(oracles.DETERMINISTIC))
def test_pixels_without_randomness_are_the_original_ones_within_a_grey_level(name, table):
    clean = reference(table, "clean")
    for severity in SEVERITIES:
        ours = corrupt(clean, name, severity, table=table, seed=0, ids=torch.arange(len(clean)))
        difference = (ours.int() - reference(table, name)[severity - 1].int()).abs()
        assert (difference <= 1).double().mean() >= 0.999
        assert (difference == 0).double().mean() >= (1.0 if name in ("pixelate", "jpeg_compression") else 0.8)


@pytest.mark.parametrize("name", RANDOM)
def test_random_damage_has_the_original_mean_and_spread(name):
    if name == "spatter":
        pytest.importorskip("cv2", exc_type=ImportError)
    clean = reference("cifar", "clean").double()
    repeats = 8
    for severity in SEVERITIES:
        batches = [
            corrupt(clean.byte(), name, severity, table="cifar", seed=seed, ids=torch.arange(100))
            for seed in range(repeats)
        ]
        original = reference("cifar", name)[severity - 1]
        damage = torch.stack([*batches, original]).double().sub_(clean).flatten(2)
        for statistic in (damage.mean(2), damage.std(2)):
            ours, theirs = statistic[:-1], statistic[-1]
            gap = (theirs - ours.mean(0)).mean()
            error = math.sqrt(float(ours.var(0).mean()) * (1 + 1 / repeats) / 100)
            assert abs(gap) < 4 * error + 0.02


@pytest.mark.parametrize("severity", [1, 5])
def test_every_original_motion_blur_is_ours_for_some_direction(severity):
    radius, sigma = CORRUPTIONS["motion_blur"].parameters("cifar", severity)
    clean = reference("cifar", "clean")[:5]
    degrees = torch.arange(-45, 45, 0.1, dtype=torch.float64)
    for image, original in zip(clean, reference("cifar", "motion_blur")[severity - 1], strict=False):
        blurred = motion_blur(image.int().expand(len(degrees), -1, -1, -1), degrees, int(radius), sigma)
        assert (blurred - original).abs().flatten(1).amax(1).min() == 0
