"""Intervals and paired tests against scipy, brute force and closed forms."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from robustsweep.errors import DataError
from robustsweep.results.statistics.intervals import Estimate, clustered_mean, wilson
from robustsweep.results.statistics.paired import p_of_sign_flips, p_worse, paired_difference


@pytest.mark.parametrize(("wrong", "n"), [(0, 10), (10, 10), (1, 7), (1897, 10_000), (3, 50_000)])
def test_wilson_is_scipys(wrong: int, n: int) -> None:
    found, expected = wilson(wrong, n), stats.binomtest(wrong, n).proportion_ci(0.95, "wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilsons_ends_are_where_the_score_test_is_on_the_edge(level: float) -> None:
    found, z = wilson(37, 200, level), stats.norm.ppf(0.5 + level / 2)
    for end in (found.low, found.high):
        assert abs(37 / 200 - end) / math.sqrt(end * (1 - end) / 200) == pytest.approx(z)


@pytest.mark.parametrize(("wrong", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_have_no_interval(wrong: int, n: int) -> None:
    with pytest.raises(DataError, match="at least one image"):
        wilson(wrong, n)


def test_a_mean_with_one_row_per_image_is_a_t_interval() -> None:
    values = np.random.default_rng(0).random(40)
    found, expected = clustered_mean(values), stats.ttest_1samp(values, 0)
    interval = expected.confidence_interval(0.95)
    assert (found.interval().low, found.interval().high) == pytest.approx((interval.low, interval.high), rel=1e-12)
    assert found.p_two_sided() == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.standard_error == pytest.approx(np.std(values, ddof=1) / math.sqrt(40))
    shuffled = np.random.default_rng(1).permutation(40)
    assert clustered_mean(values, shuffled).standard_error == pytest.approx(found.standard_error, rel=1e-12)


def test_rows_of_one_image_count_once_however_often_they_are_repeated() -> None:
    values, ids = np.random.default_rng(0).random(30), np.arange(30)
    once = clustered_mean(values)
    repeated = clustered_mean(np.repeat(values, 75), np.repeat(ids, 75))
    assert repeated.standard_error == pytest.approx(once.standard_error, rel=1e-9)
    assert repeated.n_images == 30
    assert repeated.degrees_of_freedom == 29
    rows = clustered_mean(np.repeat(values, 75))
    assert rows.standard_error < 0.2 * once.standard_error  # what resampling rows would have claimed


def test_clusters_of_unequal_size_follow_the_sandwich_formula() -> None:
    values, ids = np.array([1.0, 0, 1, 1, 0, 1]), np.array([7, 7, 3, 5, 5, 5])
    residuals = values - values.mean()
    sums = [residuals[ids == image].sum() for image in (3, 5, 7)]
    expected = math.sqrt(3 / 2 * sum(x * x for x in sums)) / 6
    assert clustered_mean(values, ids).standard_error == pytest.approx(expected)


def test_a_paired_difference_is_scipys_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random((2, 200))
    found = paired_difference(first, second)
    assert found.p_two_sided() == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=1e-9)
    assert found.p_above_zero() == pytest.approx(stats.ttest_rel(first, second, alternative="greater").pvalue, rel=1e-9)


def test_pairing_takes_out_what_the_images_share() -> None:
    rng = np.random.default_rng(4)
    hard = rng.random(500)
    first, second = hard + 0.01 * rng.random(500), hard + 0.01 * rng.random(500)
    unpaired = math.hypot(clustered_mean(first).standard_error, clustered_mean(second).standard_error)
    assert paired_difference(first, second).standard_error < 0.05 * unpaired


def test_no_disagreement_among_few_images_leaves_room_for_one() -> None:
    same = clustered_mean(np.zeros(200))
    assert same.standard_error == 0
    assert same.interval().high == pytest.approx(1 - 0.025 ** (1 / 200))
    assert (1 - same.interval().high) ** 200 == pytest.approx(0.025)  # the chance to see none of that share
    assert same.p_two_sided() == same.p_above_zero() == 1
    assert same.smallest_detectable() == pytest.approx(same.interval().high)
    all_worse = clustered_mean(np.ones(3))
    assert all_worse.p_above_zero() == pytest.approx(1 / 8)
    assert all_worse.p_two_sided() == pytest.approx(1 / 4)


def test_equal_values_that_cannot_be_averaged_exactly_have_no_spread() -> None:
    assert clustered_mean(np.full(75, 0.1)).standard_error == 0


def test_the_smallest_detectable_difference_is_found_as_often_as_promised() -> None:
    estimate = Estimate(0.0, 1.0, 10_000, 10_001)
    assert estimate.smallest_detectable(sides=1) == pytest.approx(1.645 + 0.842, abs=2e-3)
    for sides in (1, 2):
        threshold = stats.t.isf(0.05 / sides, 10_000)
        assert stats.norm.sf(threshold - estimate.smallest_detectable(sides=sides)) == pytest.approx(0.8, abs=1e-3)
    # A margin above the threshold has to be passed as well: a truth equal to it is estimated below it half the time.
    assert stats.norm.sf(4 - estimate.smallest_detectable(margin=4)) == pytest.approx(0.8, abs=1e-3)
    assert estimate.smallest_detectable(margin=1) == estimate.smallest_detectable()


def test_flipped_signs_agree_with_every_flip_there_is() -> None:
    differences = np.array([1.0, 1, 0, 1, -1, 1, 1, 0.5, 0.25])
    signs = np.array(list(itertools.product([1, -1], repeat=len(differences))))
    exact = float(np.mean(signs @ differences >= differences.sum() - 1e-12))
    assert p_of_sign_flips(differences, seed=3) == pytest.approx(exact, abs=0.01)
    twice = p_of_sign_flips(np.repeat(differences, 2) / 2, np.repeat(np.arange(9), 2), seed=3)
    assert twice == p_of_sign_flips(differences, seed=3)


def test_few_images_are_judged_by_flips_and_many_by_t() -> None:
    differences = np.random.default_rng(0).choice([-1.0, 0, 1], 600, p=[0.05, 0.85, 0.1])
    few, many = differences[:400], differences
    assert p_worse(few, clustered_mean(few)) == p_of_sign_flips(few)
    assert p_worse(many, clustered_mean(many)) == clustered_mean(many).p_above_zero()
    assert p_of_sign_flips(many) == pytest.approx(clustered_mean(many).p_above_zero(), abs=0.01)


@pytest.mark.parametrize(
    ("values", "ids", "match"),
    [
        (np.array([1.0]), None, "at least two"),
        (np.array([1.0, 2.0]), np.array([4, 4]), "at least two"),
        (np.array([1.0, np.nan]), None, "not finite"),
        (np.array([1.0, 2.0]), np.array([1]), "one id per row"),
        (np.ones((2, 2)), None, "one number"),
    ],
)
def test_bad_scores_give_no_number(values: np.ndarray, ids: np.ndarray | None, match: str) -> None:
    with pytest.raises(DataError, match=match):
        clustered_mean(values, ids)


def test_scores_of_other_images_are_not_paired() -> None:
    with pytest.raises(DataError, match="same images"):
        paired_difference(np.zeros(3), np.zeros(4))


def test_clustered_errors_are_those_of_statsmodels() -> None:
    regression = pytest.importorskip("statsmodels.regression.linear_model", reason="statsmodels is not installed")
    rng = np.random.default_rng(4)
    ids = rng.integers(0, 40, 300)
    values = rng.random(300) + rng.random(40)[ids]
    fitted = regression.OLS(values, np.ones(300)).fit(cov_type="cluster", cov_kwds={"groups": ids})
    found = clustered_mean(values, ids)
    assert found.value == pytest.approx(fitted.params[0])
    assert found.standard_error == pytest.approx(fitted.bse[0])
