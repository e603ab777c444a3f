from fractions import Fraction

import pytest

from robustsweep.benchmark.plan.conditions import Attacked, Clean, Corrupted, Windowed, parse_condition
from robustsweep.benchmark.plan.suites import SUITES, conditions_of
from robustsweep.corruptions import CIFAR_C_BAR, COMMON, CORRUPTIONS, EXTRA, IMAGENET_C_BAR
from robustsweep.errors import UsageError

# The order of the tables of Hendrycks and Dietterich (ICLR 2019).
FIFTEEN = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
FOUR = ("speckle_noise", "gaussian_blur", "spatter", "saturate")


def test_a_condition_is_read_from_its_name() -> None:
    assert parse_condition("clean") == Clean()
    assert parse_condition("fog@3") == Corrupted("fog", 3)
    attack = parse_condition("fgsm-linf@8/255")
    assert isinstance(attack, Attacked)
    assert (attack.attack.rule, attack.attack.eps) == ("fgsm", (Fraction(8, 255),))


def test_a_window_is_read_from_its_name() -> None:
    assert parse_condition("window-hard-noise@0.375") == Windowed("hard", "noise", 0.375)
    assert parse_condition("window-gauss-image@.50").name == "window-gauss-image@0.5"


@pytest.mark.parametrize(
    "name",
    [
        "clean", *(f"{c}@{s}" for c in CORRUPTIONS for s in (1, 5)), "fgm-l2@0.5",
        "window-linear-mean@0.25", "window-gauss-image@0.375", "window-hard-noise@0.5",
    ],
)  # fmt: skip
def test_names_of_conditions_round_trip(name: str) -> None:
    assert parse_condition(name).name == name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("fog@6", r"fog: severity must be an integer in 1\.\.5, got 6"),
        ("fog@0", r"fog: severity must be an integer in 1\.\.5, got 0"),
        ("fogg@3", "Unknown corruption 'fogg'; did you mean 'fog'"),
        ("gausian_noise@3", "did you mean 'gaussian_noise'"),
        ("fog", "cannot be read"),
        ("fog@", "cannot be read"),
        ("fog@three", "cannot be read"),
        ("Clean", "cannot be read"),
        ("fgsm-linf@0", "eps '0' is zero"),
        ("fgsm-linf@8", "write 8/255, not 8"),
        ("fgsn-linf@8/255", "Unknown attack 'fgsn'; did you mean 'fgsm'"),
        ("fgsm-l3@8/255", "l3"),
        ("pgd-linf@8/255", "does not say how many steps"),
        ("", "cannot be read"),
        ("window-hart-noise@0.5", "Unknown edge of a window 'hart'; did you mean 'hard'"),
        ("window-hard-noisy@0.5", "Unknown filling of a window 'noisy'; did you mean 'noise'"),
        ("window-hard-noise@0.3", "must be one of 0.25, 0.375, 0.5, got 0.3"),
        ("window-hard-noise@2", "must be one of 0.25, 0.375, 0.5, got 2"),
        ("window-hard-noise@half", "a window is window-EDGE-FILLING@FRACTION, such as window-hard-noise@0.375"),
        ("window-noise@0.5", "a window is window-EDGE-FILLING@FRACTION"),
        ("window-hard-noise", "a window is window-EDGE-FILLING@FRACTION"),
    ],
)
def test_a_name_that_is_no_condition_says_why(name: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse_condition(name)


def test_an_unknown_severity_table_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'cifar'"):
        Corrupted("fog", 1, table="cifra")


def test_a_severity_table_without_the_corruption_is_refused() -> None:
    with pytest.raises(UsageError, match="no severities in the table imagenet"):
        Corrupted("ripple", 1, table="imagenet")


def test_official_conditions_keep_only_what_was_not_generated() -> None:
    assert Corrupted("fog", 3, table="imagenet", jpeg_quality=85).as_official() == Corrupted("fog", 3)


@pytest.mark.parametrize(
    ("suite", "size"),
    [
        ("clean", 1),
        ("cifar-c", 75),
        ("cifar-c-extra", 20),
        ("tiny-imagenet-c", 75),
        ("tiny-imagenet-c-extra", 20),
        ("imagenet-c", 75),
        ("imagenet-c-extra", 20),
        ("cifar-c-bar", 50),
        ("tiny-imagenet-c-bar", 50),
        ("imagenet-c-bar", 50),
        ("adversarial", 5),
        ("adversarial-strong", 10),
        ("certificate", 2),
        ("autoattack", 3),
        ("torchattacks", 8),
        ("puzzlemix", 2),
        ("pixmix", 1),
        ("window", 27),
        ("cifar-p", 10),
        ("smoke", 5),
    ],
)
def test_every_suite_has_its_size_and_no_condition_twice(suite: str, size: int) -> None:
    conditions = conditions_of([suite])
    assert len(conditions) == size
    assert len({condition.name for condition in conditions}) == size
    assert conditions == SUITES[suite]()


def test_no_suite_is_left_out_of_these_tests() -> None:
    assert list(SUITES) == [
        "clean", "cifar-c", "cifar-c-extra", "tiny-imagenet-c", "tiny-imagenet-c-extra", "imagenet-c",
        "imagenet-c-extra", "cifar-c-bar", "tiny-imagenet-c-bar", "imagenet-c-bar", "cifar-p", "adversarial",
        "adversarial-strong", "certificate", "autoattack", "torchattacks", "puzzlemix", "pixmix", "window", "smoke",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("suite", "names", "table", "jpeg_quality"),
    [
        ("cifar-c", FIFTEEN, "cifar", None),
        ("cifar-c-extra", FOUR, "cifar", None),
        ("tiny-imagenet-c", FIFTEEN, "tiny", 85),
        ("tiny-imagenet-c-extra", FOUR, "tiny", 85),
        ("imagenet-c", FIFTEEN, "imagenet", 85),
        ("imagenet-c-extra", FOUR, "imagenet", 85),
        ("cifar-c-bar", CIFAR_C_BAR, "cifar", None),
        ("tiny-imagenet-c-bar", IMAGENET_C_BAR, "tiny", 85),
        ("imagenet-c-bar", IMAGENET_C_BAR, "imagenet", 85),
    ],
)
def test_the_corruption_suites_go_through_every_severity_in_canonical_order(
    suite: str, names: tuple[str, ...], table: str, jpeg_quality: int | None
) -> None:
    expected = tuple(Corrupted(name, severity, table, jpeg_quality) for name in names for severity in range(1, 6))
    assert conditions_of([suite]) == expected


def test_the_fifteen_and_the_four_are_those_of_the_benchmark() -> None:
    assert COMMON == FIFTEEN
    assert EXTRA == FOUR


def test_the_adversarial_suite_is_single_steps_and_one_ladder() -> None:
    conditions = conditions_of(["adversarial"])
    names = [condition.name for condition in conditions]
    assert names == [*(f"fgsm-linf@{levels}/255" for levels in (1, 2, 4, 8)), "pgd10-linf"]
    ladder = conditions[-1]
    assert isinstance(ladder, Attacked)
    levels = [eps * 255 for eps in ladder.attack.eps]
    assert levels == [Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), 1, 2, 8]
    assert (ladder.attack.steps, ladder.attack.step_ratio, ladder.attack.random_start) == (10, Fraction(1, 4), True)


def test_the_strong_suite_is_five_linf_ladders_at_the_same_eps_and_five_in_l2() -> None:
    conditions = conditions_of(["adversarial-strong"])
    assert [condition.name for condition in conditions] == [
        "pgd50x5-linf:step=1/20", "apgd-ce100-linf", "apgd-t100-linf", "fmn100-linf", "nearest-pgd74-linf",
        "pgd50x5-l2:step=1/20", "apgd-ce100-l2", "fmn100-l2", "ddn100-l2", "nearest-pgd74-l2",
    ]  # fmt: skip
    assert all(isinstance(condition, Attacked) for condition in conditions)
    ladders = [condition.attack.eps for condition in conditions if isinstance(condition, Attacked)]
    weak = conditions_of(["adversarial"])[-1]
    assert isinstance(weak, Attacked)
    assert ladders[:5] == [weak.attack.eps] * 5
    assert ladders[5:] == [(Fraction(1, 16), Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), 1)] * 5
    assert [condition.attack for condition in conditions_of(["certificate"])] == [
        conditions[4].attack, conditions[9].attack
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("suite", "names"),
    [
        ("autoattack", ["autoattack-linf@1/2/255", "autoattack-linf@8/255", "autoattack-l2@0.5"]),
        (
            "torchattacks",
            [
                f"{rule}-linf@{k}/255:protocol=torchattacks"
                for rule in ("fgsm", "bim10", "pgd10", "mifgsm10")
                for k in (1, 8)
            ],
        ),
        ("puzzlemix", ["fgsm-linf@8/255", "pgd20-linf@4/255:step=1/2"]),
        ("pixmix", ["pgd20-linf@2/255"]),
    ],
)
def test_the_suites_of_other_papers_and_libraries(suite: str, names: list[str]) -> None:
    assert [condition.name for condition in conditions_of([suite])] == names


def test_the_window_suite_has_every_edge_of_every_filling_and_fraction() -> None:
    edges, fillings, fractions = ("hard", "linear", "gauss"), ("image", "mean", "noise"), ("0.25", "0.375", "0.5")
    expected = {f"window-{e}-{f}@{s}" for e in edges for f in fillings for s in fractions}
    assert {condition.name for condition in conditions_of(["window"])} == expected


def test_suites_and_single_conditions_are_joined_in_order_each_once() -> None:
    joined = conditions_of(["smoke", "clean", "fog@3", "snow@1", "smoke"])
    assert [condition.name for condition in joined] == [
        "clean", "gaussian_noise@3", "fog@3", "jpeg_compression@3", "fgsm-linf@1/255", "snow@1"
    ]  # fmt: skip


def test_unknown_suites_and_none_at_all_are_refused() -> None:
    with pytest.raises(UsageError, match="Unknown suite 'cifra-c'; did you mean 'cifar-c'"):
        conditions_of(["cifra-c"])
    with pytest.raises(UsageError, match="Name at least one suite"):
        conditions_of([])


@pytest.mark.parametrize("name", ["clean", "fog@3", "window-hard-mean@0.5", "fgsm-linf@8/255", "pgd10x2-l2@0.5"])
def test_what_is_stored_of_a_condition_names_it_and_its_kind(name: str) -> None:
    condition = parse_condition(name)
    described = condition.describe()
    assert described["name"] == name
    assert described["kind"] == condition.kind in ("clean", "corruption", "window", "attack")
