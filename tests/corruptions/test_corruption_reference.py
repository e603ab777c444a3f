"""Pixels of the original generators, where the reference data lie beside the checkout."""

import math
import os
from functools import lru_cache
from pathlib import Path

import corruption_oracles as oracles
import numpy as np
import pytest
import torch
from applying import applied, channels_last
from random_oracles import elastic_transform
from scipy import ndimage, optimize

from robustsweep.corruptions import COMMON, CORRUPTIONS, EXTRA, SEVERITIES, corrupt_batch
from robustsweep.corruptions.blur.motion import motion_blur

SHARED = Path(os.environ.get("ROBUSTSWEEP_SHARED", Path(__file__).parents[2] / ".." / "shared")).resolve()
FILES = {
    "cifar": SHARED / "data" / "cifar10c_reference_100.npz",
    "tiny": SHARED / "data" / "original_tiny_reference.npz",
    "imagenet": SHARED / "data" / "original_imagenet_reference.npz",
}
pytestmark = pytest.mark.skipif(
    not all(path.is_file() for path in FILES.values()), reason="the original generators' pixels are not here"
)
DETERMINISTIC, RANDOM = (
    [name for name in COMMON + EXTRA if (name in oracles.DETERMINISTIC) == is_one] for is_one in (True, False)
)


@lru_cache(maxsize=4)
def reference(table, name):
    with np.load(FILES[table]) as file:
        return torch.from_numpy(np.moveaxis(file[name], -1, -3).copy())


# Whole grey levels are met by a shift of the value by 51 levels, by saturations of 1.5 and 2, by 29 equal weights or
# five; there the last bit of the originals' way through HSV or their filter, and of ours, decides the truncation.
SHARE_EQUAL = {"brightness": 0.96, "defocus_blur": 0.93, "saturate": 0.8} | dict.fromkeys(
    ("contrast", "jpeg_compression", "pixelate"), 1.0
)


@pytest.mark.parametrize("table", list(FILES))
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_pixels_without_randomness_are_the_original_ones_within_a_grey_level(name, table):
    clean = reference(table, "clean")
    for severity in SEVERITIES:
        ours = corrupt_batch(clean, name, severity, table=table, seed=0, ids=torch.arange(len(clean)))
        difference = (ours.int() - reference(table, name)[severity - 1].int()).abs()
        equal, near = (float((difference <= most).double().mean()) for most in (0, 1))
        print(f"{table} {name}@{severity}: {equal:.3%} equal, {near:.4%} within one level, at most {difference.max()}")
        assert near >= 0.999
        assert equal >= SHARE_EQUAL.get(name, 0.997)


# The fewer the images, the rougher the error of the gap is known: 700, 175 and 28 degrees of freedom.
@pytest.mark.parametrize(("table", "largest_t"), [("cifar", 4.0), ("tiny", 4.5), ("imagenet", 6.0)])
@pytest.mark.parametrize("name", RANDOM)
def test_random_damage_has_the_original_mean_and_spread(name, table, largest_t):
    if name == "spatter":
        pytest.importorskip("cv2", exc_type=ImportError)
    clean = reference(table, "clean").double()
    repeats, count = 8, len(clean)
    for severity in SEVERITIES:
        batches = [
            corrupt_batch(clean.byte(), name, severity, table=table, seed=seed, ids=torch.arange(count))
            for seed in range(repeats)
        ]
        original = reference(table, name)[severity - 1]
        damage = torch.stack([*batches, original]).double().sub_(clean).flatten(2)
        for label, statistic in (("mean", damage.mean(2)), ("spread", damage.std(2))):
            ours, theirs = statistic[:-1], statistic[-1]
            gap = float((theirs - ours.mean(0)).mean())
            error = math.sqrt(float(ours.var(0).mean()) * (1 + 1 / repeats) / count)
            print(f"{table} {name}@{severity}: {label} {float(ours.mean()):.3f}, gap {gap:.3f}, error {error:.3f}")
            assert abs(gap) < largest_t * error + 0.02


@pytest.mark.parametrize("severity", [1, 5])
def test_every_original_motion_blur_is_ours_for_some_direction(severity):
    radius, sigma = CORRUPTIONS["motion_blur"].parameters("cifar", severity)
    clean = reference("cifar", "clean")[:5]
    degrees = torch.arange(-45, 45, 0.1, dtype=torch.float64)
    for image, original in zip(clean, reference("cifar", "motion_blur")[severity - 1], strict=False):
        blurred = motion_blur(image.int().expand(len(degrees), -1, -1, -1), degrees, int(radius), sigma)
        assert (blurred - original).abs().flatten(1).amax(1).min() == 0


def anchor_shifts(clean, original, reach):
    """Fit the shifts (3, 2) of the anchors that explain an affine map: first on blurred images, then on sharp ones."""
    random = np.random.default_rng(0)

    def residuals(shifts, sigma):
        warped = elastic_transform(clean / 255, (0.0, 0.0, reach), shifts.reshape(3, 2))
        return ndimage.gaussian_filter(warped - (original + 0.5) / 255, (sigma, sigma, 0)).ravel()

    for start in random.uniform(-reach / 2, reach / 2, size=(8, 6)):
        near = optimize.least_squares(residuals, start, args=(2.0,), max_nfev=40).x
        fit = optimize.least_squares(residuals, near, args=(0.0,), max_nfev=40)
        if fit.cost < 0.05:
            break
    return fit.x.reshape(3, 2)


def test_every_original_affine_map_is_ours_for_some_shift_of_the_anchors():
    alpha, _, reach = CORRUPTIONS["elastic_transform"].parameters("cifar", 1)
    assert alpha == 0
    clean, original = reference("cifar", "clean")[:3], reference("cifar", "elastic_transform")[0][:3]
    pairs = zip(channels_last(clean), channels_last(original), strict=True)
    shifts = np.stack([anchor_shifts(*pair, reach) for pair in pairs])
    ours = applied("elastic_transform", "cifar", 1, clean, (torch.from_numpy(shifts),))
    difference = (ours.int() - original.int()).abs()
    print(f"shifts up to {np.abs(shifts).max():.2f} of {reach} pixels, at most {difference.max()} levels apart")
    assert np.abs(shifts).max() < reach + 0.03
    # OpenCV rounded the originals' coordinates to a 32nd of a pixel.
    assert (difference <= 1).double().mean() > 0.98
    assert difference.max() <= 4
