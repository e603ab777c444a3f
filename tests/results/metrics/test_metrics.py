"""Metrics against published rows and hand arithmetic."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from robustsweep.errors import DataError
from robustsweep.results.alexnet_errors import ERRORS, alexnet_errors
from robustsweep.results.corruption_names import C_BAR_SETS, CORRUPTIONS, EXTRA_CORRUPTIONS, SEVERITIES, conditions_of
from robustsweep.results.metrics.catalogue.error_scores import (
    CLEAN,
    GROUP_ERRORS,
    MEAN_C_BAR,
    MEAN_CORRUPTION,
    corruption_score,
)
from robustsweep.results.metrics.catalogue.every_score import scores_of
from robustsweep.results.metrics.catalogue.quotient_scores import (
    MCE,
    RELATIVE_MCE,
    RELATIVE_ROBUSTNESS,
    ce,
    relative_ce,
)
from robustsweep.results.metrics.robustness import median_fooling_eps, robust_accuracy
from robustsweep.results.metrics.scores import Score, mean_score

# RobustBench, model_info/imagenet/corruptions/unaggregated_results.csv: percent error, mean of the five severities.
ROBUSTBENCH = {
    "AlexNet": "88.160 88.832 91.724 82.204 83.080 78.724 79.572 86.800 83.148 82.364 55.848 85.432 64.804 71.856 "
    "60.680",
    "Standard_R50": "68.536 70.904 74.012 61.096 73.232 61.868 63.684 67.848 62.684 54.500 32.156 60.896 55.044 55.140 "
    "46.156",
    "AugMix": "55.204 54.384 56.296 51.944 64.868 46.364 50.460 60.508 57.560 52.836 30.816 48.688 47.940 42.448 "
    "39.756",
}
# Accuracies in percent of one AugMix ResNet-18 on CIFAR-10-C, all nineteen corruptions.
ALL_NINETEEN = (
    "brightness 94.476 defocus_blur 94.420 fog 91.970 gaussian_blur 93.644 glass_blur 74.354 jpeg_compression 87.238 "
    "motion_blur 91.726 saturate 93.064 snow 88.730 speckle_noise 86.000 contrast 91.292 elastic_transform 90.646 "
    "frost 88.204 gaussian_noise 76.294 impulse_noise 81.556 pixelate 88.744 shot_noise 83.606 spatter 92.286 "
    "zoom_blur 92.790"
)

# Mintun, Kirillov and Xie, table of their repository: percent error of the baselines, and its mean.
C_BAR = {
    "CIFAR": (
        "blue_noise_sample 42.9 brownish_noise 27.2 checkerboard_cutout 23.3 circular_motion_blur 11.8 "
        "inverse_sparkles 43.3 lines 26.2 pinch_and_twirl 11.3 ripple 21.6 sparkles 21.0 "
        "transverse_chromatic_abberation 42.9",
        27.1,
    ),
    "ImageNet": (
        "blue_noise_sample 68.6 plasma_noise 71.7 checkerboard_cutout 49.4 cocentric_sine_waves 84.7 "
        "single_frequency_greyscale 79.0 brownish_noise 37.5 perlin_noise 34.3 sparkles 32.4 inverse_sparkles 76.7 "
        "caustic_refraction 42.8",
        57.7,
    ),
}


def value_of(score: Score, errors: pd.Series, reference: pd.Series | None = None) -> float | None:
    return score.values(errors.to_frame(), reference)[0]


def constant(by_corruption: dict[str, float], clean: float | None = None) -> pd.Series:
    """Give every severity the corruption's mean: sums and means over severities stay what they are."""
    errors = {f"{c}@{s}": error for c, error in by_corruption.items() for s in SEVERITIES}
    return pd.Series(errors if clean is None else {"clean": clean} | errors, dtype="float64", name="net")


def robustbench(row: str) -> pd.Series:
    return constant(dict(zip(CORRUPTIONS, [float(x) / 100 for x in ROBUSTBENCH[row].split()], strict=True)))


@pytest.mark.parametrize(
    ("row", "published_alexnet", "own_alexnet"), [("Standard_R50", 76.37, 76.38), ("AugMix", 64.17, 64.17)]
)
def test_mce_of_robustbench_rows_is_reproduced(row: str, published_alexnet: float, own_alexnet: float) -> None:
    errors = robustbench(row)
    assert round(100 * value_of(MCE, errors, alexnet_errors()), 2) == published_alexnet
    assert round(100 * value_of(MCE, errors, robustbench("AlexNet")), 2) == own_alexnet


@pytest.mark.parametrize(("owner", "score"), list(zip(C_BAR_SETS, MEAN_C_BAR, strict=True)))
def test_the_mean_of_each_c_bar_is_reproduced_and_no_other_mean_has_a_part_of_it(owner: str, score: Score) -> None:
    row, mean = C_BAR[owner]
    words = row.split()
    errors = constant({name: float(error) / 100 for name, error in zip(words[::2], words[1::2], strict=True)})
    assert 100 * value_of(score, errors) == pytest.approx(mean, abs=0.1)
    assert value_of(MEAN_CORRUPTION, errors) is None
    assert value_of(score, errors.drop("sparkles@3")) is None
    other = next(one for one in MEAN_C_BAR if one != score)
    assert value_of(other, errors) is None
    rows = pd.DataFrame({"condition": errors.index, "kind": "corruption", "eps": "", "eps_value": 0.0})
    rows["corruption"] = [condition.partition("@")[0] for condition in errors.index]
    found = [one.name for one in scores_of(rows, published_reference=False)]
    assert sorted(found) == sorted([score.name, *(corruption_score(name).name for name in C_BAR_SETS[owner])])
    assert (score.is_declared, score.margin) == (True, 0.005)


def test_the_mean_corruption_error_of_robustbench_rows_is_reproduced() -> None:
    assert 100 * value_of(MEAN_CORRUPTION, robustbench("Standard_R50")) == pytest.approx(60.5171, abs=5e-5)
    assert 100 * value_of(MEAN_CORRUPTION, robustbench("AugMix")) == pytest.approx(50.6715, abs=5e-5)


def test_extras_do_not_leak_into_the_headline() -> None:
    words = ALL_NINETEEN.split()
    errors = constant({name: 1 - float(x) / 100 for name, x in zip(words[::2], words[1::2], strict=True)})
    assert 100 * (1 - value_of(MEAN_CORRUPTION, errors)) == pytest.approx(87.736, abs=5e-4)
    everything = mean_score("all", "all", "group", conditions_of(*CORRUPTIONS, *EXTRA_CORRUPTIONS))
    assert 100 * (1 - value_of(everything, errors)) == pytest.approx(88.475, abs=1e-3)


def test_alexnet_is_its_own_unit_and_has_the_published_means() -> None:
    alexnet = alexnet_errors()
    assert value_of(MCE, alexnet, alexnet) == pytest.approx(1, abs=1e-12)
    assert value_of(RELATIVE_MCE, alexnet, alexnet) == pytest.approx(1, abs=1e-12)
    assert value_of(MEAN_CORRUPTION, alexnet) == pytest.approx(0.788993, abs=5e-7)
    published = {"gaussian_noise": 0.886428, "fog": 0.819324, "jpeg_compression": 0.606500, "saturate": 0.658248}
    for name, mean in published.items():
        assert np.mean(ERRORS[name]) == pytest.approx(mean, abs=5e-7)


def test_ce_is_a_ratio_of_sums_and_not_a_mean_of_ratios() -> None:
    names = list(conditions_of("fog"))
    values = pd.Series([0.1, 0.1, 0.1, 0.1, 0.6], names)
    reference = pd.Series([0.1, 0.2, 0.4, 0.6, 0.7], names, name="ref")
    assert value_of(ce("fog"), values, reference) == pytest.approx(1.0 / 2.0)
    mean_of_ratios = np.mean([1, 1 / 2, 1 / 4, 1 / 6, 6 / 7])
    assert abs(value_of(ce("fog"), values, reference) - mean_of_ratios) > 0.05


def test_relative_ce_subtracts_each_clean_error() -> None:
    names = ["clean", *conditions_of("fog")]
    values = pd.Series([0.1, 0.2, 0.2, 0.2, 0.2, 0.2], names)
    reference = pd.Series([0.3, 0.5, 0.5, 0.5, 0.5, 0.5], names, name="ref")
    assert value_of(relative_ce("fog"), values, reference) == pytest.approx(0.5 / 1.0)


def test_group_means_are_over_their_own_corruptions() -> None:
    errors = constant({name: 0.01 * position for position, name in enumerate(CORRUPTIONS)})
    found = {score.name: value_of(score, errors) for score in GROUP_ERRORS}
    assert found == pytest.approx(
        {"noise_error": 0.01, "blur_error": 0.045, "weather_error": 0.085, "digital_error": 0.125}
    )


@pytest.mark.parametrize("absent", ["dropped", "nan"])
def test_a_mean_over_an_incomplete_sweep_is_missing(absent: str) -> None:
    errors = constant(dict.fromkeys(CORRUPTIONS, 0.5), clean=0.1)
    errors = (
        errors.drop(["fog@3", "snow@1"]) if absent == "dropped" else errors.mask(errors.index.isin(["fog@3", "snow@1"]))
    )
    assert value_of(MEAN_CORRUPTION, errors) is None
    assert value_of(corruption_score("frost"), errors) == 0.5
    assert value_of(CLEAN, errors) == 0.1


def test_a_quotient_needs_the_reference_complete_as_well() -> None:
    errors = constant(dict.fromkeys(CORRUPTIONS, 0.5))
    assert value_of(MCE, errors, alexnet_errors().drop("fog@2")) is None
    assert value_of(RELATIVE_MCE, errors, alexnet_errors()) is None
    assert value_of(MCE, errors, alexnet_errors()) is not None
    with pytest.raises(ValueError, match="none was given"):
        value_of(MCE, errors)


@pytest.mark.parametrize(("score", "clean", "corrupted"), [(MCE, 0.1, 0.0), (RELATIVE_MCE, 0.3, 0.3)])
def test_a_reference_without_errors_divides_nothing(score: Score, clean: float, corrupted: float) -> None:
    reference = constant(dict.fromkeys(CORRUPTIONS, corrupted), clean).rename("spotless")
    assert value_of(score, constant(dict.fromkeys(CORRUPTIONS, 0.5), 0.1), reference) is None
    assert re.search("undefined.*spotless", score.undefined_by(reference))
    assert score.undefined_by(alexnet_errors()) == ""


def test_relative_robustness_is_the_mean_of_ratios_of_accuracies() -> None:
    errors = constant({name: 0.02 * position for position, name in enumerate(CORRUPTIONS)}, clean=0.2)
    ratios = [(1 - 0.02 * position) / 0.8 for position in range(15)]
    assert value_of(RELATIVE_ROBUSTNESS, errors) == pytest.approx(np.mean(ratios))
    assert RELATIVE_ROBUSTNESS.is_accuracy
    assert value_of(RELATIVE_ROBUSTNESS, constant(dict.fromkeys(CORRUPTIONS, 0.9), clean=1.0)) is None
    assert value_of(RELATIVE_ROBUSTNESS, errors.drop("clean")) is None


@pytest.mark.parametrize("score", [MCE, RELATIVE_MCE])
def test_a_quotient_by_constants_is_a_weighted_sum_with_the_same_value(score: Score) -> None:
    errors, alexnet = constant(dict.fromkeys(CORRUPTIONS, 0.5), clean=0.1), alexnet_errors()
    divisors = [value_of(part, alexnet) or 0 for part in score.under]
    fixed = score.with_constants(divisors)
    assert not fixed.over
    assert value_of(fixed, errors) == pytest.approx(value_of(score, errors, alexnet))


def test_definitions_say_how_many_corruptions_and_severities() -> None:
    assert "15 corruptions x 5 severities" in MEAN_CORRUPTION.definition
    assert "15 CE values" in MCE.definition
    assert all(name in MEAN_CORRUPTION.definition for name in CORRUPTIONS)


@pytest.mark.parametrize(
    ("n_clean_right", "n_robust", "expected"),
    [
        (50, (50, 50), "0"),  # half are wrong before any attack
        (51, (50, 10), "1/255"),
        (90, (51, 50), "2/255"),
        (90, (90, 51), "> 2/255"),
        (0, (0, 0), "0"),
        (100, (100, 100), "> 2/255"),
    ],
)
def test_the_median_fooling_eps_is_the_first_that_fools_half(
    n_clean_right: int, n_robust: tuple[int, ...], expected: str
) -> None:
    assert median_fooling_eps(100, n_clean_right, n_robust, ["1/255", "2/255"]) == expected


def test_the_median_fooling_eps_is_the_lower_median_over_images() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 12))
        fooled_at = rng.integers(0, 5, n)  # 0: wrong before; 4: never
        n_robust = tuple(int((fooled_at > k).sum()) for k in (1, 2, 3))
        texts = ["0", "a", "b", "c", "> c"]
        expected = texts[sorted(fooled_at)[math.ceil(n / 2) - 1]]
        assert median_fooling_eps(n, int((fooled_at > 0).sum()), n_robust, ["a", "b", "c"]) == expected


@pytest.mark.parametrize("n_robust", [(60, 70), (95, 10), (60,)])
def test_counts_that_rise_along_a_ladder_are_refused(n_robust: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="fall from eps to eps"):
        median_fooling_eps(100, 90, n_robust, ["1/255", "2/255"])


def test_robust_accuracy_is_over_all_images() -> None:
    assert robust_accuracy(30, 120) == 0.25
