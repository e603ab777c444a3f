"""Which checkpoints may be compared, and what is said of those that may not."""

import numpy as np
import pytest
from answered_runs import put
from compared_runs import Make, clean_only, method

from robustsweep.errors import NothingToCompareError, UsageError
from robustsweep.results.compare.comparison import compare
from robustsweep.results.compare.tables import comparison_tables


@pytest.mark.parametrize("recipe_hash", [None, "c" * 64])
def test_methods_that_were_trained_differently_are_refused_and_checkpoints_are_noted(
    make_builder: Make, recipe_hash: str | None
) -> None:
    builder = make_builder(n=50)
    builder.card("a", "smoothmix", 0, epochs=200, recipe_hash=recipe_hash)
    builder.card("b", "cutmix", 0, epochs=300, recipe_hash=recipe_hash)
    clean_only(builder, "a", "b")
    for against in ("cutmix", "all"):
        with pytest.raises(NothingToCompareError, match="epochs \\(200, 300\\)") as caught:
            compare([builder.root], "smoothmix", against)
        assert caught.value.exit_code == 4
    (found,) = compare([builder.root], "a", "b")
    assert found.notes == ("a and b differ in epochs (200, 300).",)


def test_methods_are_compared_within_each_training_that_both_have(make_builder: Make) -> None:
    builder = make_builder(n=50)
    for epochs in (30, 60):
        for method_name in ("smoothmix", "cutmix"):
            name = f"{method_name}-{epochs}"
            builder.card(name, method_name, 0, epochs=epochs, recipe_hash="c" * 64)
            clean_only(builder, name)
    builder.card("mixup-90", "mixup", 0, epochs=90, recipe_hash="c" * 64)
    clean_only(builder, "mixup-90")
    found = compare([builder.root], "smoothmix", "cutmix")
    assert [one.unit.scope.training for one in found] == ["trained: epochs 30", "trained: epochs 60"]
    with pytest.raises(NothingToCompareError, match="epochs \\(30, 60, 90\\)"):
        compare([builder.root], "smoothmix", "mixup")
    every = compare([builder.root], "smoothmix", "all")
    assert all({one.second.name for one in unit.comparisons} == {"cutmix"} for unit in every)
    assert all(unit.notes[-1].endswith("trained otherwise: mixup.") for unit in every)
    (one,) = compare([builder.root], "smoothmix-30", "all")  # its own method is not missing
    assert one.notes[-1].endswith("trained otherwise: mixup.")
    (across,) = compare([builder.root], "smoothmix-30", "mixup-90")
    assert across.unit.scope.training == ""
    assert across.notes == ("smoothmix-30 and mixup-90 differ in epochs (30, 90).",)


def test_methods_whose_training_is_not_stated_are_compared_with_a_note(make_builder: Make) -> None:
    builder = make_builder(n=50)
    for name, method_name in (("a", "smoothmix"), ("b", "cutmix")):
        builder.card(name, method_name, 0)
    builder.card("c", None, None)
    clean_only(builder, "a", "b", "c")
    (found,) = compare([builder.root], "smoothmix", "cutmix")
    note = "Training not stated for smoothmix, cutmix; whether more than the method differs is unknown."
    assert found.notes == (note,)
    (errors, *_) = comparison_tables(found)
    assert note in errors.notes
    (found,) = compare([builder.root], "a", "c")  # two checkpoints, which claim nothing of methods
    assert found.notes == ()


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"classes": 9}, "classes"), ({"held_out": 0.1}, "share held out"), ({"epoch_kept": "best"}, "epoch kept")],
)
def test_whatever_sets_tables_apart_sets_methods_apart(
    make_builder: Make, changes: dict[str, object], named: str
) -> None:
    builder = make_builder(n=50)
    builder.card("a", "smoothmix", 0)
    builder.card("b", "cutmix", 0, **changes)
    clean_only(builder, "a", "b")
    with pytest.raises(NothingToCompareError, match=f"more than the method differs: {named}"):
        compare([builder.root], "smoothmix", "cutmix")


def test_seeds_with_other_parameters_are_no_seeds_of_one_method(make_builder: Make) -> None:
    builder = make_builder(n=50)
    builder.card("a", "smoothmix", 0, method_parameters={"alpha": 1})
    builder.card("b", "smoothmix", 1, method_parameters={"alpha": 2})
    builder.card("c", "cutmix", 1)
    for name in ("a", "b", "c"):
        put(builder, name, {"name": "clean", "kind": "clean"}, np.arange(50) < 20)
    with pytest.raises(NothingToCompareError, match="the parameters of smoothmix"):
        compare([builder.root], "smoothmix", "cutmix")


def test_other_images_are_never_paired(make_builder: Make) -> None:
    first, second = make_builder("one", n=50), make_builder("two", n=50, fingerprint="e" * 64)
    method(first, "smoothmix", 0.3, 1)
    method(second, "cutmix", 0.3, 1)
    with pytest.raises(NothingToCompareError, match="never measured on the same images"):
        compare([first.root, second.root], "smoothmix", "cutmix")


def test_unknown_names_and_shared_checkpoints_are_refused(make_builder: Make) -> None:
    builder = make_builder(n=50)
    method(builder, "smoothmix", 0.3, 2)
    with pytest.raises(UsageError, match="did you mean 'smoothmix'"):
        compare([builder.root], "smothmix", "all")
    with pytest.raises(NothingToCompareError, match="share a checkpoint"):
        compare([builder.root], "smoothmix", "smoothmix-1")
    with pytest.raises(NothingToCompareError, match="never measured"):
        compare([builder.root], "smoothmix", "all")
    with pytest.raises(NothingToCompareError, match="No finished cell"):
        compare([make_builder("empty").root.parent], "a", "b")
