"""What of the conditions asked for fits the images, and what is said of the rest."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tiny_sweeps import official_set, tiny_checkpoint, tiny_data, tiny_images

from robustsweep.benchmark.data.corrupted.official import partial_notes
from robustsweep.benchmark.data.dataset import from_array
from robustsweep.benchmark.plan.conditions import Corrupted, parse_condition, parse_conditions
from robustsweep.benchmark.plan.fit import part_by_fit, skipped_sentences, table_notes
from robustsweep.benchmark.plan.plan import Plan, make_plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.corruptions import COMMON
from robustsweep.errors import UsageError


@pytest.mark.parametrize(
    ("name", "severities"),
    [
        ("fog", (1, 2, 3, 4, 5)),
        ("fog@1-3", (1, 2, 3)),
        ("fog@2", (2,)),
        ("fog@4-4", (4,)),
        ("fog@1-5", (1, 2, 3, 4, 5)),
    ],
)
def test_a_corruption_alone_is_five_severities_and_a_range_is_a_part(name: str, severities: Sequence[int]) -> None:
    assert parse_conditions(name) == conditions_of([name]) == tuple(Corrupted("fog", s) for s in severities)


@pytest.mark.parametrize("name", ["fog@0-9", "fog@3-1", "fog@6", "fog@0", "fog@1-6", "fog@999999999-999999999"])
def test_severities_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="fog: severities go|severities go from 1 to 5, the smaller one first"):
        conditions_of([name])


@pytest.mark.parametrize(
    "name", ["fog@", "fog@1-", "fog@-3", "fog@1,2", "fog@1-3-5", "fog@three", "fog@1 - 3", "fog@1/255"]
)
def test_a_corruption_with_anything_else_is_never_taken_for_an_attack(name: str) -> None:
    with pytest.raises(UsageError, match="a corruption takes one severity or a range, such as fog@3 or fog@1-3"):
        conditions_of([name])


def test_names_that_are_no_corruptions_are_read_as_before() -> None:
    for name in ("window-hard-noise@0.375", "fgsm-linf@8/255", "clean"):
        assert parse_conditions(name) == (parse_condition(name),)
    with pytest.raises(UsageError, match="Unknown suite 'fogg'; did you mean 'fog'"):
        conditions_of(["fogg"])
    with pytest.raises(UsageError, match="Unknown corruption 'fogg'; did you mean 'fog'"):
        conditions_of(["fogg@1-3"])


def classes_of(n: int, side: int = 32) -> Source:
    data = from_array("few", "test", tiny_images(2 * n, side=side), np.arange(2 * n) % n, n)
    return Source.choose(data, limit=None, seed=0)


@pytest.mark.parametrize(
    ("suite", "classes", "left_out"),
    [
        ("adversarial-strong", 2, ["apgd-t100-linf"]),
        ("adversarial-strong", 3, ["apgd-t100-linf"]),
        ("adversarial-strong", 4, []),
        ("pgd10-linf@1/255:loss=dlr", 2, ["pgd10-linf@1/255:loss=dlr"]),
        ("pgd10-linf@1/255:loss=dlr", 3, []),
        ("autoattack", 3, ["autoattack-linf@1/2/255", "autoattack-linf@8/255", "autoattack-l2@0.5"]),
        ("autoattack", 4, []),
        ("adversarial", 2, []),
    ],
)
def test_attacks_that_need_more_classes_are_left_out_with_the_reason(
    suite: str, classes: int, left_out: list[str]
) -> None:
    fitting, skipped = part_by_fit(classes_of(classes), conditions_of([suite]))
    assert [one.condition.name for one in skipped] == left_out
    assert len(fitting) == len(conditions_of([suite])) - len(left_out)
    for sentence in skipped_sentences(skipped):
        assert sentence.startswith("left out, as its loss needs ")
        assert f"classes, few has {classes}: " in sentence


def test_corruptions_of_images_that_are_too_small_are_left_out() -> None:
    _, skipped = part_by_fit(classes_of(2, side=16), conditions_of(["smoke"]))
    assert skipped_sentences(skipped) == [
        "left out, as corruptions need at least 32 pixels on each side, few has 16: gaussian_noise@3, fog@3, "
        "jpeg_compression@3"
    ]


def partial(*suites: str) -> Plan:
    data = replace(official_set(tiny_data(6), clean=True), absent=frozenset({"contrast@4"}))
    return make_plan(Source.choose(data, limit=None, seed=0), [tiny_checkpoint()], conditions_of(suites))


def test_a_partial_official_set_is_measured_for_what_it_holds() -> None:
    plan = partial("cifar-c")
    assert [c.name for c in plan.conditions] == [
        *(f"fog@{s}" for s in range(1, 6)), *(f"contrast@{s}" for s in (1, 2, 3, 5))
    ]  # fmt: skip
    (sentence,) = skipped_sentences(plan.skipped)
    assert sentence.startswith("left out, as tiles-c does not hold these: gaussian_noise, shot_noise, ")
    assert "contrast@4" in sentence
    assert "fog" not in sentence


def test_what_a_published_set_lacks_of_the_fifteen_is_said_in_one_sentence() -> None:
    assert partial_notes("c", COMMON) == ()
    assert partial_notes("c", ("spatter", "saturate")) == ()
    there = [name for name in COMMON if name != "frost"]
    (sentence,) = partial_notes("c", there, {"fog@2"})
    assert sentence == "c lacks frost, fog@2; means that need these are not given."
    (sentence,) = partial_notes("c", ("spatter", "snow", "fog"), {"fog@2"})
    assert sentence == (
        "c holds only snow, fog of the 15 corruptions, without fog@2; means that need the others are not given."
    )


@pytest.mark.parametrize(
    ("suite", "size", "table"),
    [
        ("imagenet-c", (32, 32), "imagenet"),
        ("cifar-c", (224, 224), "cifar"),
        ("tiny-imagenet-c-extra", (32, 48), "tiny"),
    ],
)
def test_severities_for_images_of_another_size_draw_a_note(suite: str, size: tuple[int, int], table: str) -> None:
    (note,) = table_notes(size, conditions_of([suite, "clean"]))
    assert note.startswith(f"The {table} severities were tuned for images of ")
    assert f"these have {size[1]}x{size[0]}, " in note


def test_severities_for_images_of_this_size_draw_none() -> None:
    assert table_notes((32, 32), conditions_of(["cifar-c", "adversarial"])) == []
    assert table_notes((256, 224), conditions_of(["imagenet-c"])) == []
