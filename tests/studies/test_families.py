import pytest
from families import Family, limits, losses, secondary, verdict

from robustsweep.results.comparable.sides import Side
from robustsweep.results.compare.paired_scores import Comparison
from robustsweep.results.metrics.catalogue.error_scores import MEAN_CORRUPTION, corruption_score
from robustsweep.results.statistics.intervals import Estimate
from robustsweep.results.statistics.seeds import MethodDifference


def made(value, standard_error, p_holm, score=MEAN_CORRUPTION):
    difference = MethodDifference(Estimate(value, standard_error, 20, 1000), (5, 5))
    first, second = Side("cutmix", ("a",), True), Side("smoothmix_s", ("b",), True)
    return Comparison(score, first, second, (0.6 + value, 0.6), difference, p_holm, p_holm, 4)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (made(0.02, 0.005, 0.01), "SmoothMix-S is more robust than CutMix on C, by 2.00 (0.96 to 3.04) points"),
        (made(-0.02, 0.005, 0.01), "SmoothMix-S is less robust than CutMix on C, by 2.00 (0.96 to 3.04) points"),
        (made(0.002, 0.003, 0.8), "do not differ on C by an amount that matters: 0.20 points (-0.43 to 0.83)"),
        (made(0.002, 0.005, 0.8), "on C cannot be told: 0.20 points (-0.84 to 1.24)"),
    ],
)
def test_each_of_the_four_answers_of_the_protocol(test, said):
    assert said in verdict(test)


def test_a_difference_that_cannot_be_told_names_the_one_that_would_have_shown():
    least = 100 * Estimate(0.002, 0.005, 20, 1000).smallest_detectable(0.05 / 4)
    assert f"{least:.2f} points or more would have shown" in verdict(made(0.002, 0.005, 0.8))


def test_only_a_significant_opposite_in_another_size_limits_the_answer():
    mine = [made(0.02, 0.005, 0.01)]
    assert list(limits(mine, [made(-0.02, 0.005, 0.01)])) == [
        "The answer for SmoothMix-S on C is limited to this size."
    ]
    for other in (made(0.02, 0.005, 0.01), made(-0.02, 0.005, 0.3)):
        assert not list(limits(mine, [other]))


def test_losses_come_first_and_what_does_not_show_is_counted():
    scores = [corruption_score(name) for name in ("snow", "fog", "frost")]
    found = [made(v, 0.005, p, s) for v, p, s in zip((0.02, -0.02, 0.02), (0.01, 0.01, 0.3), scores, strict=True)]
    family = Family("single corruptions", "cutmix", ("smoothmix_s",), tuple(score.name for score in scores))
    assert list(losses(family, found)) == [
        "single corruptions, SmoothMix-S: higher error than CutMix on fog by 2.00 (0.96 to 3.04); "
        "lower error than CutMix on snow by 2.00 (0.96 to 3.04); no significant difference in 1 of 3 tests."
    ]


def test_the_families_have_the_numbers_of_tests_that_the_protocol_says():
    methods = ["baseline", "cutmix", "smoothmix_s", "smoothmix_c", "autoaugment", "mixup"]
    families = list(secondary(("smoothmix_s", "smoothmix_c"), "cutmix", methods))
    assert [len(one.against) * len(one.metrics) for one in families] == [30, 2, 4, 12, 4, 4]
