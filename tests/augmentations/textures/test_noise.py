import math
from typing import Any

import pytest
import torch
from scipy.stats import kstest, kurtosis
from torch import Tensor

from robustsweep.augmentations.textures.noise import Noise
from robustsweep.draws import Draws


def noisy(method: Noise, level: int = 128, n: int = 40, side: int = 32) -> Tensor:
    images = torch.full((n, 3, side, side), level, dtype=torch.uint8)
    return method.pixels(images, method.sample(Draws(0, "augmentation/0", torch.arange(n))))


@pytest.mark.parametrize(("distribution", "peakedness"), [("gaussian", 0.0), ("uniform", -1.2)])
def test_noise_has_its_deviation_and_shape(distribution: Any, peakedness: float) -> None:
    added = noisy(Noise(distribution, 0.05, 0.05)).double() - 128
    assert float(added.std()) == pytest.approx(0.05 * 255, rel=0.01)
    assert float(added.mean()) == pytest.approx(0, abs=0.15)
    assert kurtosis(added.flatten()) == pytest.approx(peakedness, abs=0.05)
    assert abs(float(torch.corrcoef(added[:2].flatten(1))[0, 1])) < 0.05


def test_speckle_grows_with_the_pixel_and_impulses_are_black_or_white() -> None:
    for level in (0, 60, 120):
        assert float(noisy(Noise("speckle", 0.2, 0.2), level).double().std()) == pytest.approx(0.2 * level, rel=0.02)
    changed = noisy(Noise("impulse", 0.1, 0.1), 100)
    shares = [float((changed == value).double().mean()) for value in (0.0, 255.0, 100.0)]
    assert shares == pytest.approx([0.05, 0.05, 0.9], abs=0.003)


def test_noise_is_cut_at_the_ends_of_the_range_and_not_rounded() -> None:
    dark = noisy(Noise(sigma_low=0.1, sigma_high=0.1), 0).double()
    assert float(dark.mean()) == pytest.approx(0.1 * 255 / math.sqrt(2 * math.pi), rel=0.01)
    assert (float(dark.min()), float(noisy(Noise(sigma_low=1, sigma_high=1)).max())) == (0.0, 255.0)
    assert len(dark.unique()) > 1_000


def test_every_image_draws_its_sigma_uniformly() -> None:
    sigma = noisy(Noise(sigma_high=0.1), n=500).double().flatten(1).std(dim=1) / 255
    assert kstest(sigma.numpy(), "uniform", (0, 0.1)).pvalue > 1e-3


@pytest.mark.parametrize("method", [Noise(sigma_high=0.0), Noise(probability=0.0), Noise(sparsity=1.0)])
def test_nothing_changes_without_noise(method: Noise) -> None:
    assert (noisy(method) == 128).all()


def test_chance_and_sparsity_are_shares() -> None:
    some = noisy(Noise(sigma_low=0.1, probability=0.25), n=1_000, side=8)
    assert float((some != 128).flatten(1).any(1).double().mean()) == pytest.approx(0.25, abs=0.05)
    sparse = noisy(Noise(sigma_low=0.1, sparsity=0.65))
    assert float((sparse == 128).double().mean()) == pytest.approx(0.65, abs=0.01)


@pytest.mark.parametrize("fraction", [25 / 32, 0.5, 0.2, 2.0])
def test_a_patch_lies_about_every_centre_alike_and_outside_nothing_changes(fraction: float) -> None:
    method = Noise(sigma_low=0.5, sigma_high=0.5, patch=fraction)
    sample = method.sample(Draws(0, "augmentation/0", torch.arange(3_000)))
    patches = method.patches(sample, 32, 32)[:, 0]
    side = round(fraction * 32)
    centres = range(32 + (side % 2 == 0))
    covered = [len(set(range(32)) & set(range(c - side // 2, c - side // 2 + side))) for c in centres]
    wanted = (sum(covered) / len(covered) / 32) ** 2
    assert float(patches.double().mean()) == pytest.approx(wanted, abs=0.012)
    assert set(patches.any(2).sum(1).tolist()) == set(covered)
    images = torch.full((50, 3, 32, 32), 128, dtype=torch.uint8)
    changed = (method.pixels(images, sample[:50]) != 128).any(1)
    assert not (changed & ~patches[:50]).any()
    assert (changed == patches[:50]).double().mean() > 0.99


def test_the_paper_s_square_covers_as_much_as_its_clipping_leaves() -> None:
    patches = Noise(patch=25 / 32).patches(Noise().sample(Draws(1, "a", torch.arange(4_000))), 32, 32)
    assert float(patches.double().mean()) == pytest.approx(0.395, abs=0.01)
