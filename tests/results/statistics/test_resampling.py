"""Resampled images, measured references and calibration against plain restatements."""

import numpy as np
import pytest

from robustsweep.errors import DataError
from robustsweep.results.statistics.calibration import bin_gaps, ece_scores
from robustsweep.results.statistics.intervals import clustered_mean
from robustsweep.results.statistics.resampling import image_weights, mean_ratios, resample


def test_every_resample_draws_as_many_images_as_there_are_and_the_seed_decides() -> None:
    weights = np.concatenate(list(image_weights(50, n_resamples=300, seed=5)))
    assert weights.shape == (300, 50)
    assert (weights.sum(axis=1) == 50).all()
    again = np.concatenate(list(image_weights(50, n_resamples=300, seed=5)))
    assert np.array_equal(weights, again)
    assert not np.array_equal(weights, np.concatenate(list(image_weights(50, n_resamples=300, seed=6))))
    assert weights.var() == pytest.approx(1 - 1 / 50, rel=0.05)  # multinomial counts


def test_blocks_do_not_change_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(image_weights(50, n_resamples=21, seed=5)))
    monkeypatch.setattr("robustsweep.results.statistics.resampling._WEIGHTS_AT_ONCE", 200)
    blocks = list(image_weights(50, n_resamples=21, seed=5))
    assert len(blocks) == 6
    assert np.array_equal(whole, np.concatenate(blocks))


def test_resampled_means_spread_as_the_clustered_error_says() -> None:
    scores = np.random.default_rng(0).random((400, 1))
    found = clustered_mean(scores[:, 0])
    means = resample(scores, lambda m: m, seed=1)[:, 0]
    assert means.std() == pytest.approx(found.standard_error, rel=0.05)
    assert tuple(np.quantile(means, [0.025, 0.975])) == pytest.approx(
        (found.interval().low, found.interval().high), abs=0.003
    )


def test_a_measured_reference_is_resampled_with_its_checkpoints() -> None:
    rng = np.random.default_rng(0)
    errors = (rng.random((300, 4, 3)) < 0.4).astype(float)  # images, corruptions, reference and two checkpoints
    errors[:, :, 1] = errors[:, :, 0]  # the first checkpoint is the reference
    ratios = resample(errors, mean_ratios, n_resamples=200, seed=0)
    assert ratios[:, 0] == pytest.approx(1)  # whatever the images: other draws for the reference would scatter
    weights = next(image_weights(300, n_resamples=200, seed=0))[17]
    by_hand = [(weights * errors[:, c, 2]).sum() / (weights * errors[:, c, 0]).sum() for c in range(4)]
    assert ratios[17, 1] == pytest.approx(np.mean(by_hand))


def slow_ece(confidence: np.ndarray, right: np.ndarray) -> float:
    """Restate ECE bin by bin: the share of images times the gap of mean confidence and accuracy."""
    total = 0.0
    for k in range(15):
        low, high = k / 15, (k + 1) / 15
        inside = (confidence > low) & (confidence <= high) if k else confidence <= high
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return total


def test_ece_is_that_of_a_second_implementation() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        confidence = rng.random(500).astype(np.float32).astype(np.float64)
        right = rng.random(500) < confidence**2
        gaps = bin_gaps(confidence, right)
        assert ece_scores(gaps).mean() == pytest.approx(slow_ece(confidence, right), abs=1e-12)


def test_ece_in_closed_form() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.5, 0.5])
    right = np.array([True, True, True, False, False, True])
    assert ece_scores(bin_gaps(confidence, right)).mean() == pytest.approx(4 / 6 * 0.15)
    edge = np.linspace(0, 1, 16)[3]  # the upper edge of the third bin belongs to it
    assert bin_gaps(np.array([edge]), np.array([False]))[0, 2] == edge
    assert bin_gaps(np.array([0.0, 1.0]), np.array([True, True]))[[0, 1], [0, 14]] == pytest.approx([-1, 0])


def test_the_interval_of_ece_covers_the_truth_and_shrinks() -> None:
    rng, covered = np.random.default_rng(2), 0
    truth = 0.1
    for _ in range(60):
        confidence = rng.choice([0.55, 0.75, 0.95], 400)
        right = rng.random(400) < confidence - truth
        interval = clustered_mean(ece_scores(bin_gaps(confidence, right))).interval()
        covered += interval.low <= truth <= interval.high
    assert covered >= 52
    confidence = rng.choice([0.55, 0.75, 0.95], 6400)
    right = rng.random(6400) < confidence - truth
    few, many = (clustered_mean(ece_scores(bin_gaps(confidence[:n], right[:n]))) for n in (400, 6400))
    assert many.standard_error < 0.5 * few.standard_error


@pytest.mark.parametrize("confidence", [-0.1, 1.1, np.nan])
def test_a_confidence_outside_its_range_is_refused(confidence: float) -> None:
    with pytest.raises(DataError, match="confidence"):
        bin_gaps(np.array([0.5, confidence]), np.array([True, False]))
