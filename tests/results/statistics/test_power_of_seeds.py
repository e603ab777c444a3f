"""What difference a test finds, against scipy, statsmodels and closed forms."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from robustsweep.errors import DataError
from robustsweep.results.statistics.power import detectable_difference
from robustsweep.results.statistics.seeds import method_difference, new_training_difference


def equal_seeds(k: int, alpha: float = 0.05) -> float:
    """Two methods of k seeds each with a standard deviation of 1 and no noise of images."""
    return detectable_difference((0.0, 9_999), [(1 / k, k - 1)] * 2, alpha, power=0.8)


@pytest.mark.parametrize("sides", [1, 2])
def test_without_seeds_it_is_the_critical_value_and_the_quantile_of_the_power(sides: int) -> None:
    expected = 0.3 * (stats.t.isf(0.05 / sides, 999) + stats.norm.ppf(0.9))
    assert detectable_difference((0.09, 999), [], 0.05, power=0.9, sides=sides) == pytest.approx(expected)


@pytest.mark.parametrize("degrees", [2, 4, 9, 30])
def test_with_one_variance_it_is_the_noncentral_t_distribution(degrees: int) -> None:
    critical = stats.t.isf(0.025, degrees)
    shift = optimize.brentq(lambda nc: stats.nct.sf(critical, degrees, nc) - 0.8, 1, 20)
    found = detectable_difference((0.0, 9_999), [(0.25, degrees)], 0.05, power=0.8)
    assert found == pytest.approx(0.5 * shift, rel=2e-3)


def test_with_many_equal_seeds_it_is_that_of_statsmodels_and_with_few_the_test_pays_for_unknown_variances() -> None:
    power = pytest.importorskip("statsmodels.stats.power", reason="statsmodels is not installed").TTestIndPower()
    for k in (30, 100):
        for alpha in (0.05, 0.05 / 19):
            assert equal_seeds(k, alpha) == pytest.approx(power.solve_power(nobs1=k, alpha=alpha, power=0.8), rel=5e-3)
    for k, more in ((10, 1.0), (5, 1.02), (3, 1.1)):
        assert equal_seeds(k) > more * power.solve_power(nobs1=k, alpha=0.05, power=0.8)


@pytest.mark.parametrize(("n_seeds", "alpha"), [((3, 3), 0.05), ((3, 8), 0.05), ((2, 2), 0.05), ((5, 5), 0.05 / 19)])
def test_the_difference_is_found_as_often_as_promised(n_seeds: tuple[int, int], alpha: float) -> None:
    sds = 1.0, 0.5
    parts = [(sd**2 / k, k - 1) for sd, k in zip(sds, n_seeds, strict=True)]
    true = detectable_difference((0.0, 9_999), parts, alpha, power=0.8)
    rng, repeats = np.random.default_rng(0), 20_000
    first, second = (sd * rng.standard_normal((repeats, k)) for sd, k in zip(sds, n_seeds, strict=True))
    found = stats.ttest_ind(first + true, second, axis=1, equal_var=False)
    assert np.mean((found.pvalue < alpha) & (found.statistic > 0)) == pytest.approx(0.8, abs=0.015)


def test_more_seeds_and_more_images_show_less_and_a_family_more() -> None:
    assert equal_seeds(3) > equal_seeds(5) > equal_seeds(10) > 0
    assert equal_seeds(5, 0.05 / 19) > 1.5 * equal_seeds(5)
    few, many = (detectable_difference((v, 999), [(0.2, 4)] * 2, 0.05, power=0.8) for v in (0.2, 0.1))
    assert few > many > equal_seeds(5)


def test_a_margin_has_to_be_passed_as_well() -> None:
    part = [(0.25, 2)]
    found = [detectable_difference((0.01, 999), part, 0.05, power=0.8, sides=1, margin=m) for m in (0, 0.01, 1.5, 9)]
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    assert found[1] < found[2] < found[3]
    assert found[3] == pytest.approx(9 + stats.norm.ppf(0.8) * math.sqrt(0.26))


def test_what_is_counted_twice_is_asked_of_the_estimate_and_not_of_the_truth() -> None:
    found = detectable_difference((0.09, 999), [], 0.05, power=0.8, counted_twice=0.05)
    assert found == pytest.approx(0.3 * stats.t.isf(0.025, 999) + 0.2 * stats.norm.ppf(0.8))


def test_nothing_that_varies_hides_nothing() -> None:
    assert detectable_difference((0.0, 9), [], 0.05, power=0.8) == 0
    assert detectable_difference((0.0, 9), [(0.0, 2)], 0.05, power=0.8, margin=0.01) == 0.01


@pytest.mark.parametrize(
    ("images", "seeds", "alpha", "twice"),
    [
        (-1.0, [], 0.05, 0.0),
        (math.nan, [], 0.05, 0.0),
        (1.0, [(math.inf, 3)], 0.05, 0.0),
        (1.0, [], 0.0, 0.0),
        (1.0, [], 0.9, 0.0),
        (0.1, [(1.0, 3)], 0.05, 0.2),
    ],
)
def test_what_is_no_variance_or_level_gives_no_number(
    images: float, seeds: list[tuple[float, float]], alpha: float, twice: float
) -> None:
    with pytest.raises(DataError, match="Power needs variances from 0 up"):
        detectable_difference((images, 99), seeds, alpha, power=0.8, counted_twice=twice)


def test_estimates_keep_what_seeds_add_so_that_they_know_what_they_would_have_found() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((3, 50)), rng.random((4, 50))
    found = method_difference(first, second).estimate
    seeds = [(np.var(one.mean(axis=1), ddof=1) / len(one), len(one) - 1) for one in (first, second)]
    assert np.array(found.seeds) == pytest.approx(np.array(seeds))
    images = np.var(first.mean(axis=0) - second.mean(axis=0), ddof=1) / 50
    expected = detectable_difference((images, 49), seeds, 0.01, power=0.8)
    assert found.smallest_detectable(0.01) == pytest.approx(expected)
    assert method_difference(first[:1], second).estimate.seeds == ()
    new = new_training_difference(first[0], second)
    assert new.seeds == (pytest.approx((np.var(second.mean(axis=1), ddof=1) * 1.25, 3)),)
    assert new.smallest_detectable(sides=1, margin=5) > 5
