from collections.abc import Callable

import pytest
from run_builder import RunBuilder

from robustsweep.errors import DataError, UsageError
from robustsweep.results.comparable.comparable_sets import Unit, split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.comparable.sides import refuse_unknown
from robustsweep.results.metrics.references import NOT_COMPARABLE, references_of

Make = Callable[..., RunBuilder]


def units_of(*builders: RunBuilder) -> list[Unit]:
    return split_units(load_frame([builder.root for builder in builders]))


@pytest.mark.parametrize(
    "other",
    [
        {"provenance": "official"},
        {"fingerprint": "e" * 64},
        {"images_key": "b" * 64, "subset": {"limit": 1000, "of": 10000, "seed": 0}},
        {"preprocessing": "resize 256"},
        {"data": "squares"},
        {"split": "val"},
    ],
)
def test_other_images_never_share_a_unit(make_builder: Make, other: dict[str, object]) -> None:
    first, second = make_builder("one"), make_builder("two", **other)
    for builder, name in ((first, "a"), (second, "b")):
        builder.clean(name, 900)
        builder.corruption(name, "fog", 1, 800)
    units = units_of(first, second)
    assert sorted(list(unit.checkpoints["label"]) for unit in units) == [["a"], ["b"]]
    assert all(unit.values().shape == (2, 1) for unit in units)
    assert units[0].scope.title != units[1].scope.title


def test_other_severity_tables_share_clean_and_attacked_images_only(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    builder.corruption("net", "fog", 1, 800)
    builder.ladder("net", 900, (500, 100))
    builder.table = "tiny"
    builder.corruption("net", "fog", 1, 700)
    cifar, tiny = units_of(builder)
    assert (cifar.scope.table, tiny.scope.table) == ("cifar", "tiny")
    assert (cifar.values().loc["fog@1"].item(), tiny.values().loc["fog@1"].item()) == pytest.approx((0.2, 0.3))
    assert cifar.values().loc["clean"].item() == tiny.values().loc["clean"].item() == pytest.approx(0.1)
    assert len(cifar.attacks) == 2
    assert tiny.attacks.empty


def test_other_seeds_of_corruptions_and_attacks_are_other_units(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    for seed, right in ((0, 800), (1, 700)):
        condition = {"name": "fog@1", "kind": "corruption", "seed": seed}
        builder.corruption("net", "fog", 1, right, identity={"condition": condition})
        builder.ladder("net", 900, (right - 100,), identity={"condition": {"name": "pgd10-linf", "seed": seed}})
    first, second = units_of(builder)
    assert (first.scope.draw_seed, second.scope.draw_seed) == (0, 1)
    assert "seed 1" in second.scope.title
    assert (first.attacks["n_right"].item(), second.attacks["n_right"].item()) == (700, 600)


def test_one_condition_measured_twice_is_refused_with_what_differs(builder: RunBuilder) -> None:
    builder.corruption("net", "fog", 1, 800)
    builder.corruption("net", "fog", 1, 700, identity={"codec": "other"})
    with pytest.raises(DataError, match="fog@1 of net was measured twice .* different codec"):
        units_of(builder)


def test_checkpoints_measured_in_different_settings_carry_a_note(builder: RunBuilder) -> None:
    builder.corruption("a", "jpeg_compression", 1, 800)
    builder.corruption("b", "jpeg_compression", 1, 700, identity={"codec": "other"})
    builder.corruption("a", "fog", 1, 800)
    builder.corruption("b", "fog", 1, 700)
    (unit,) = units_of(builder)
    (note,) = [note for note in unit.notes if "not measured alike" in note]
    assert "jpeg_compression@1" in note
    assert "fog@1" not in note


def test_checkpoints_of_one_name_are_told_apart(make_builder: Make) -> None:
    first, second = make_builder("one"), make_builder("two")
    first.card("net", "mixup", 0)
    second.card("net", "mixup", 1)
    cells = [first.clean("net", 900), second.clean("net", 800)]
    (unit,) = units_of(first, second)
    assert list(unit.checkpoints["label"]) == [f"net ({cell.checkpoint['id'][:6]})" for cell in cells]


def test_notes_of_data_and_cells_appear_once(make_builder: Make) -> None:
    builder = make_builder(notes=["Saved as JPEG."])
    builder.clean("net", 900, warnings=("Chance level.",))
    builder.corruption("net", "fog", 1, 800, warnings=("Chance level.",))
    (unit,) = units_of(builder)
    assert unit.notes == ("Saved as JPEG.", "net: Chance level.")


@pytest.mark.parametrize(
    ("seeds", "expected"), [({"a": [0], "b": [0]}, True), ({"a": [0, 1], "b": [0]}, True), ({"a": [0]}, False)]
)
def test_single_seed_comparisons_are_checkpoint_level_only(
    builder: RunBuilder, seeds: dict[str, list[int]], expected: bool
) -> None:
    for method, its_seeds in seeds.items():
        for seed in its_seeds:
            builder.card(f"{method}{seed}", method, seed)
            builder.clean(f"{method}{seed}", 900)
    (unit,) = units_of(builder)
    assert unit.scope.checkpoint_level_only is expected
    assert ("checkpoint-level only" in unit.scope.title) is expected


def test_the_only_baseline_is_the_reference_unless_another_is_named(builder: RunBuilder) -> None:
    for name, method in (("net-b", "baseline"), ("net-c", "cutmix")):
        builder.card(name, method)
        builder.clean(name, 900)
    (unit,) = units_of(builder)
    assert [r.name for r in references_of(unit, None)] == ["net-b"]
    assert [r.name for r in references_of(unit, "cutmix")] == ["net-c"]
    assert [r.name for r in references_of(unit, "net-c")] == ["net-c"]
    assert references_of(unit, None)[0].caveat == NOT_COMPARABLE


def test_the_seeds_of_the_baseline_are_one_reference_of_mean_errors(builder: RunBuilder) -> None:
    for seed, n_right in ((0, 900), (1, 800)):
        builder.card(f"net-{seed}", "baseline", seed)
        builder.clean(f"net-{seed}", n_right)
    (unit,) = units_of(builder)
    for wanted in (None, "baseline"):
        (reference,) = references_of(unit, wanted)
        assert reference.name == "baseline (2 seeds)"
        assert reference.errors["clean"] == pytest.approx(0.15)
        assert set(reference.checkpoint_ids) == set(unit.checkpoints.index)


def test_checkpoints_of_a_method_that_differ_otherwise_are_no_reference(builder: RunBuilder) -> None:
    for seed in (0, 1):
        builder.card(f"net-{seed}", "baseline", seed, method_parameters={"alpha": seed})
        builder.clean(f"net-{seed}", 900)
    (unit,) = units_of(builder)
    assert references_of(unit, None) == []
    with pytest.raises(UsageError, match=r"differ by more than their training seed \(net-0, net-1\)"):
        references_of(unit, "baseline")


def test_an_unknown_reference_is_refused_with_a_suggestion(builder: RunBuilder) -> None:
    builder.card("net", "baseline")
    builder.clean("net", 900)
    with pytest.raises(UsageError, match="did you mean 'baseline'"):
        refuse_unknown(units_of(builder), ["basline"], "reference")


@pytest.mark.parametrize(
    ("changes", "caveat"),
    [
        ({"provenance": "official", "n": 50000}, ""),
        ({"provenance": "official", "n": 5000, "subset": {"limit": 5000, "of": 50000, "seed": 0}}, NOT_COMPARABLE),
        ({"provenance": "official", "n": 5000}, NOT_COMPARABLE),
        ({"provenance": "generated", "n": 50000}, NOT_COMPARABLE),
    ],
)
def test_alexnet_divides_imagenet_alone_and_compares_only_on_all_official_images(
    make_builder: Make, changes: dict[str, object], caveat: str
) -> None:
    builder = make_builder(classes=1000, **changes)
    builder.clean("net", 4000)
    (unit,) = units_of(builder)
    (reference,) = references_of(unit, None)
    assert (reference.name, reference.caveat) == ("AlexNet", caveat)


def test_alexnet_never_divides_small_images(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    assert references_of(units_of(builder)[0], None) == []
