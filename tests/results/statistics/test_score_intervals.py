"""The paired score interval against Tango's closed form, the t interval and brute force."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from robustsweep.results.statistics.intervals import clustered_mean
from robustsweep.results.statistics.score_intervals import paired_score_interval


def answers(n: int, worse: int, better: int) -> np.ndarray:
    return np.r_[np.ones(worse), -np.ones(better), np.zeros(n - worse - better)]


def tangos_score(true: float, n: int, worse: int, better: int) -> float:
    """How many standard errors ``true`` lies above what was seen, with the variance that it would have."""
    b = -worse - better + (2 * n - worse + better) * true
    root = math.sqrt(b * b + 8 * n * better * true * (1 - true))
    return (n * true - (worse - better)) / math.sqrt(n * ((root - b) / (2 * n) + true * (1 - true)))


@pytest.mark.parametrize(
    ("n", "worse", "better"), [(300, 0, 0), (300, 1, 0), (300, 0, 1), (300, 5, 2), (1_000, 50, 40), (50, 10, 0)]
)
def test_one_cell_has_tangos_interval(n: int, worse: int, better: int) -> None:
    found, z = paired_score_interval(answers(n, worse, better)), float(stats.norm.isf(0.025))
    mean = (worse - better) / n
    high = optimize.brentq(lambda true: tangos_score(true, n, worse, better) - z, mean + 1e-12, 0.99)
    mirrored = optimize.brentq(lambda true: tangos_score(true, n, better, worse) - z, -mean + 1e-12, 0.99)
    assert (found.low, found.high) == pytest.approx((-mirrored, high), abs=1e-8)


def test_an_additional_error_never_makes_the_upper_end_fall() -> None:
    highs = [paired_score_interval(answers(300, worse, 0)).high for worse in range(12)]
    assert highs == sorted(highs)
    waldish = [clustered_mean(answers(300, worse, 0)).interval().high for worse in range(2)]
    assert waldish[1] < waldish[0]  # what a t interval says


def test_of_many_images_that_disagree_it_is_the_t_interval() -> None:
    values = np.clip(np.random.default_rng(0).normal(0.01, 0.2, 20_000), -1, 1)
    found, expected = paired_score_interval(values), clustered_mean(values).interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=3e-5)


def test_the_variance_of_a_mean_over_cells_is_the_most_likely_one_with_that_mean() -> None:
    values, n = np.repeat([-0.4, 0.0, 0.2, 0.6], [3, 80, 12, 5]), 100
    high, z = paired_score_interval(values).high, stats.norm.isf(0.025)
    support, seen = np.array([-0.4, 0.0, 0.2, 0.6, 1.0]), np.array([3, 80, 12, 5, 0]) / n
    likely = optimize.minimize(
        lambda share: -(seen * np.log(share + 1e-300)).sum(),
        np.full(5, 0.2),
        bounds=[(1e-9, 1)] * 5,
        constraints=[
            {"type": "eq", "fun": lambda share: share.sum() - 1},
            {"type": "eq", "fun": lambda share: share @ support - high},
        ],
        options={"ftol": 1e-14, "maxiter": 1_000},
    ).x
    variance = float(likely @ (support - high) ** 2)
    assert (high - values.mean()) / math.sqrt(variance / n) == pytest.approx(z, rel=1e-3)


def test_rows_of_one_image_count_once() -> None:
    once = paired_score_interval(answers(200, 6, 2))
    repeated = paired_score_interval(np.repeat(answers(200, 6, 2), 3), np.repeat(np.arange(200), 3))
    assert (repeated.low, repeated.high) == pytest.approx((once.low, once.high), abs=1e-8)
    shuffled = np.random.default_rng(0).permutation(200)
    assert paired_score_interval(answers(200, 6, 2), shuffled).high == pytest.approx(once.high, abs=1e-8)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.2])
def test_equal_answers_still_leave_doubt_and_stay_within_what_is_possible(value: float) -> None:
    found = paired_score_interval(np.full(40, value))
    assert -1 <= found.low <= value <= found.high <= 1
    assert found.high - found.low > 0.05
