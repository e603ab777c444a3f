"""Methods over seeds, Holm's procedure and tied groups."""

import numpy as np
import pytest
from scipy import stats

from robustsweep.errors import DataError
from robustsweep.results.compare.wording import reach
from robustsweep.results.metrics.catalogue.quotient_scores import MCE
from robustsweep.results.statistics.families import holm, tied_with_best
from robustsweep.results.statistics.paired import paired_difference
from robustsweep.results.statistics.seeds import combine, method_difference, new_training_difference


def test_without_image_noise_it_is_welchs_test_over_seeds() -> None:
    first, second = np.array([0.20, 0.22, 0.25]), np.array([0.30, 0.26, 0.31, 0.27, 0.28])
    found = combine(first.mean() - second.mean(), 0.0, 10_000, (first, second))
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert found.estimate.degrees_of_freedom == pytest.approx(expected.df)
    assert found.estimate.p_two_sided() == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.estimate.interval().low, found.estimate.interval().high) == pytest.approx(
        (interval.low, interval.high)
    )


def test_the_variance_is_that_of_images_and_of_seeds() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((3, 50)), rng.random((2, 50))
    found = method_difference(first, second)
    images = np.var(first.mean(axis=0) - second.mean(axis=0), ddof=1) / 50
    seeds = np.var(first.mean(axis=1), ddof=1) / 3, np.var(second.mean(axis=1), ddof=1) / 2
    assert found.estimate.standard_error**2 == pytest.approx(images + sum(seeds))
    parts = ((images, 49), (seeds[0], 2), (seeds[1], 1))
    degrees = sum(v for v, _ in parts) ** 2 / sum(v**2 / d for v, d in parts)
    assert found.estimate.degrees_of_freedom == pytest.approx(degrees)
    assert found.estimate.value == pytest.approx(first.mean() - second.mean())


@pytest.mark.parametrize(
    ("seeds", "label", "about_methods"),
    [
        ((1, 1), "one seed each, about these two checkpoints only", False),
        ((1, 5), "one seed of a, about these checkpoints only", False),
        ((5, 1), "one seed of b, about these checkpoints only", False),
        ((2, 5), "few seeds (2 of 5)", True),
        ((5, 7), "", True),
    ],
)
def test_few_seeds_are_labelled(seeds: tuple[int, int], label: str, about_methods: bool) -> None:
    rng = np.random.default_rng(1)
    found = method_difference(rng.random((seeds[0], 20)), rng.random((seeds[1], 20)))
    assert reach(found, "a", "b") == label
    assert found.is_about_methods is about_methods


def test_one_seed_each_is_the_paired_test_of_two_checkpoints() -> None:
    first, second = np.random.default_rng(2).random((2, 1, 60))
    assert method_difference(first, second).estimate == paired_difference(first[0], second[0])


def test_methods_on_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="same images"):
        method_difference(np.zeros((2, 5)), np.zeros((2, 6)))


def slow_holm(p_values: list[float]) -> list[float]:
    """Restate Holm: the smallest alpha at which stepping down from the smallest p value rejects each."""
    ordered = sorted(p_values)
    return [
        min(1.0, max((len(ordered) - k) * q for k, q in enumerate(ordered[: ordered.index(p) + 1]))) for p in p_values
    ]


def test_holm_is_the_procedure_step_by_step() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 20):
        p = [float(x) for x in rng.random(n) ** 3]
        assert holm(p) == pytest.approx(slow_holm(p))
    assert holm([]) == []
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_holm_is_that_of_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    p = [float(x) for x in np.random.default_rng(3).random(30) ** 2]
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    with pytest.raises(DataError, match="p values"):
        holm([0.5, p])


def test_a_tied_group_holds_what_cannot_be_told_from_the_best() -> None:
    assert tied_with_best("a", {"b": 0.2, "c": 0.001, "d": 0.02}) == ("a", "b")
    assert tied_with_best("a", {"b": 0.2, "c": 0.02, "d": 0.03}) == ("a", "b", "c", "d")
    assert tied_with_best("a", {}) == ("a",)


def test_a_difference_in_mce_with_constants_is_a_mean_over_images() -> None:
    from robustsweep.results.alexnet_errors import alexnet_errors
    from robustsweep.results.corruption_names import CORRUPTIONS, conditions_of

    conditions = list(conditions_of(*CORRUPTIONS))
    assert MCE.cells == tuple((name, "") for name in conditions)
    reference = alexnet_errors()
    rng = np.random.default_rng(0)
    wrong = rng.random((2, len(conditions), 80)) < 0.5
    weights = np.array([1 / 15 / reference.loc[list(conditions_of(name.split("@")[0]))].sum() for name in conditions])
    import pandas as pd

    values = MCE.values(pd.DataFrame(wrong.mean(axis=2).T, conditions), reference)
    found = paired_difference(weights @ wrong[0], weights @ wrong[1])
    assert found.value == pytest.approx(values[0] - values[1])


def test_without_image_noise_a_new_training_is_judged_by_the_prediction_interval_of_the_known() -> None:
    known = np.array([0.20, 0.22, 0.25, 0.21])
    found = new_training_difference(np.full(500, 0.3), np.repeat(known[:, None], 500, axis=1))
    spread = known.std(ddof=1) * np.sqrt(1 + 1 / 4)
    assert found.value == pytest.approx(0.3 - known.mean())
    assert found.degrees_of_freedom == pytest.approx(3)
    assert found.p_above_zero() == pytest.approx(stats.t.sf((0.3 - known.mean()) / spread, 3))


def test_among_equal_trainings_a_new_one_is_judged_by_its_images() -> None:
    rng = np.random.default_rng(3)
    known = np.repeat(rng.random((1, 60)), 3, axis=0)
    new = rng.random(60)
    found, paired = new_training_difference(new, known), paired_difference(new, known[0])
    assert (found.value, found.standard_error) == pytest.approx((paired.value, paired.standard_error))
    assert found.degrees_of_freedom == paired.degrees_of_freedom == 59


def test_a_new_training_needs_two_known_ones_on_its_images() -> None:
    for known in (np.zeros((1, 9)), np.zeros((3, 8)), np.zeros(9)):
        with pytest.raises(DataError, match="judged by two or more"):
            new_training_difference(np.zeros(9), known)
