"""Spreads of scores, and what a plan finds with them."""

import math

import numpy as np
import pytest
from scipy import stats

from robustsweep.errors import DataError
from robustsweep.results.statistics.power import detectable_difference
from robustsweep.results.statistics.published_spreads import PUBLISHED, nearest_published
from robustsweep.results.statistics.seeds import method_difference
from robustsweep.results.statistics.spreads import Spread, pooled_spread


def drawn_methods(rng: np.random.Generator, seeds: tuple[int, ...], n: int) -> list[np.ndarray]:
    """Draw scores with variances 0.0025 of seeds, 0.64 of seeds by image and 0.72 of two methods by image."""
    shared = rng.standard_normal(n)
    return [
        shared + 0.6 * rng.standard_normal(n) + 0.05 * rng.standard_normal((k, 1)) + 0.8 * rng.standard_normal((k, n))
        for k in seeds
    ]


def test_variances_are_found_where_they_come_from() -> None:
    rng = np.random.default_rng(0)
    found = [pooled_spread(drawn_methods(rng, (3, 3, 5, 1), 2_000)) for _ in range(40)]
    means = np.mean([(one.seeds, one.seeds_by_image, one.methods_by_image) for one in found], axis=0)
    assert means == pytest.approx([0.0025, 0.64, 0.72], rel=0.15)


def test_the_test_estimates_the_variance_that_a_plan_expects() -> None:
    rng, n, n_seeds = np.random.default_rng(1), 500, (3, 5)
    variances = [method_difference(*drawn_methods(rng, n_seeds, n)).estimate.standard_error ** 2 for _ in range(400)]
    single = 0.64 / n
    expected = 0.72 / n + single * (1 / 3 + 1 / 5) + (0.0025 + single) * (1 / 3 + 1 / 5)
    assert np.mean(variances) == pytest.approx(expected, rel=0.05)


def test_a_method_with_one_seed_shows_nothing_of_seeds_but_something_of_methods() -> None:
    rng = np.random.default_rng(2)
    several = drawn_methods(rng, (3,), 4_000)
    alone = pooled_spread(several)
    assert alone.methods_by_image == 0
    with_one = pooled_spread([*several, np.zeros((1, 4_000))])
    assert (with_one.seeds, with_one.seeds_by_image) == (alone.seeds, alone.seeds_by_image)
    assert with_one.methods_by_image == pytest.approx(1 + 0.36 + 0.64 / 3 - 0.64 * (1 / 3 + 1), rel=0.1)


@pytest.mark.parametrize("methods", [[], [np.zeros((1, 9))], [np.zeros((2, 9)), np.zeros((2, 8))], [np.zeros((2, 1))]])
def test_spreads_need_seeds_and_shared_images(methods: list[np.ndarray]) -> None:
    with pytest.raises(DataError, match="needs a method with two of them"):
        pooled_spread(methods)


def test_without_seeds_by_image_a_plan_is_the_power_of_both_sources() -> None:
    found = Spread(0.04, 0.0, 0.5).detectable((3, 5), 1_000)
    expected = detectable_difference((0.0005, 999), [(0.04 / 3, 2), (0.04 / 5, 4)], 0.05, power=0.8)
    assert found == pytest.approx(expected)


def test_one_seed_each_is_judged_by_its_images_alone() -> None:
    found = Spread(0.04, 0.1, 0.3).detectable((1, 1), 1_000)
    assert found == pytest.approx(math.sqrt(0.5 / 1_000) * (stats.t.isf(0.025, 999) + stats.norm.ppf(0.8)))


def test_where_nothing_varies_images_that_do_may_still_exist() -> None:
    assert Spread(0.0, 0.0, 0.0).detectable((3, 3), 200) == pytest.approx(1 - 0.025 ** (1 / 200))


@pytest.mark.parametrize(("n_seeds", "n_images"), [((0, 3), 100), ((3, 3), 1)])
def test_a_plan_needs_seeds_and_images(n_seeds: tuple[int, int], n_images: int) -> None:
    with pytest.raises(DataError, match="needs a seed on each side and two images"):
        Spread(0.1, 0.1, 0.1).detectable(n_seeds, n_images)


def test_published_seeds_show_what_their_table_says() -> None:
    """Smallest differences of CIFAR-100's mean with normal seeds and no noise of images, in percentage points."""
    cifar100 = nearest_published(100)
    assert cifar100.title == "CIFAR-100"
    found = {k: Spread(0.0054**2, 0.0, 0.0).detectable((k, k), 10_000) for k in (5, 10, 20)}
    assert [100 * found[k] for k in (5, 10, 20)] == pytest.approx([1.1, 0.7, 0.5], abs=0.06)
    assert cifar100.spread("mean_corruption_error").seeds == pytest.approx(0.0054**2)
    assert cifar100.spread("fog_error") is None


@pytest.mark.parametrize(
    ("classes", "title"), [(2, "CIFAR-10"), (10, "CIFAR-10"), (43, "CIFAR-100"), (1000, "Tiny-ImageNet")]
)
def test_the_nearest_data_set_is_that_with_the_nearest_number_of_classes(classes: int, title: str) -> None:
    assert nearest_published(classes).title == title


def test_published_spreads_are_there_for_the_same_scores_everywhere() -> None:
    assert len({tuple(one.seeds) for one in PUBLISHED}) == 1
    for one in PUBLISHED:
        for name in one.seeds:
            spread = one.spread(name)
            assert spread is not None
            assert 0 < spread.methods_by_image < 0.5  # what independent errors would have at most
