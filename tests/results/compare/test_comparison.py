"""Comparisons of methods from stored cells."""

import numpy as np
import pytest
from answered_runs import corrupted, put, put_ladder
from compared_runs import Make, method, only
from run_builder import RunBuilder

from robustsweep.errors import DataError, NothingToCompareError, UsageError
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.compare.comparison import compare
from robustsweep.results.compare.tables import comparison_tables
from robustsweep.results.compare.wording import reading
from robustsweep.results.corruption_names import CORRUPTIONS, conditions_of
from robustsweep.results.metrics.catalogue.every_score import scores_of
from robustsweep.results.metrics.catalogue.window_scores import hard_minus_soft
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.per_image import read_scores
from robustsweep.results.metrics.quotients import UndefinedMetricError, mce_difference
from robustsweep.results.metrics.scores import mean_score
from robustsweep.results.statistics.families import holm
from robustsweep.results.statistics.seeds import method_difference
from robustsweep.results.tables.formats import to_csv, to_markdown


def test_methods_are_compared_over_seeds_and_images(make_builder: Make) -> None:
    builder = make_builder(n=300)
    smooth, cut = method(builder, "smoothmix", 0.3, 3), method(builder, "cutmix", 0.5, 4)
    found = compare([builder.root], "smoothmix", "cutmix")
    fog = only(found, "fog_error")
    per_image = [
        np.array([np.mean([w[c] for c in conditions_of("fog")], axis=0) for w in side]) for side in (smooth, cut)
    ]
    expected = method_difference(*per_image)
    assert fog.difference.estimate.value == pytest.approx(expected.estimate.value)
    assert fog.difference.estimate.standard_error == pytest.approx(expected.estimate.standard_error)
    assert fog.difference.n_seeds == (3, 4)
    assert fog.values == pytest.approx(tuple(p.mean() for p in per_image))
    p = {one.score.name: one.p for one in found[0].comparisons if one.p_holm is not None}
    assert set(p) == {"fog_error", "clean_error"}
    assert fog.p_holm == pytest.approx(max(2 * min(p.values()), p["fog_error"]))
    interval = fog.difference.estimate.interval()
    assert reading(fog) == (
        f"few seeds (3 of 5): smoothmix is better by {-100 * fog.difference.estimate.value:.1f} pp "
        f"({-100 * interval.high:.1f} to {-100 * interval.low:.1f})"
    )


def test_one_seed_each_speaks_of_two_checkpoints_and_says_what_it_could_not_see(make_builder: Make) -> None:
    builder = make_builder(n=300)
    method(builder, "smoothmix", 0.4, 1)
    method(builder, "cutmix", 0.41, 1)
    said = reading(only(compare([builder.root], "smoothmix", "cutmix"), "fog_error"))
    assert said.startswith("one seed each, about these two checkpoints only: no significant difference; one of ")
    assert said.endswith(" pp or more would have been found (80% power)")
    method(builder, "mixup", 0.7, 2)
    said = reading(only(compare([builder.root], "smoothmix", "mixup"), "fog_error"))
    assert said.startswith("one seed of smoothmix, about these checkpoints only: smoothmix is better by ")


def test_what_was_not_declared_is_exploratory_and_not_adjusted(make_builder: Make) -> None:
    builder = make_builder(n=200)
    method(builder, "smoothmix", 0.3, 3)
    method(builder, "cutmix", 0.6, 3)
    found = compare([builder.root], "smoothmix", "cutmix", metrics=["fog_error"])
    fog, clean = only(found, "fog_error"), only(found, "clean_error")
    assert fog.p_holm == fog.p
    assert clean.p_holm is None
    assert "exploratory: smoothmix looks better" in reading(clean)
    with pytest.raises(UsageError, match="did you mean 'fog_error'"):
        compare([builder.root], "smoothmix", "cutmix", metrics=["fogg_error"])


def test_all_opponents_share_one_family_and_the_tied_are_named(make_builder: Make) -> None:
    builder = make_builder(n=400)
    for name, error in (("smoothmix", 0.3), ("cutmix", 0.301), ("mixup", 0.7)):
        method(builder, name, error, 3)
    (found,) = compare([builder.root], "smoothmix", "all", metrics=["fog_error"])
    declared = [one for one in found.comparisons if one.p_holm is not None]
    assert {one.second.name for one in declared} == {"cutmix", "mixup"}
    assert all(one.family_size == 2 for one in declared)
    assert set(found.tied["fog"]) == {"smoothmix", "cutmix"}
    tables = {table.slug: table for table in comparison_tables(found)}
    assert set(tables) == {"compare_errors", "compare_calibration", "compare_training_time", "compare_tied"}
    assert all(to_markdown(table) and to_csv(table) for table in tables.values())
    assert "| &lt; 0.001 |" in to_markdown(tables["compare_errors"])
    assert "0.000 |" not in to_markdown(tables["compare_errors"])


def test_every_declared_score_of_every_opponent_is_in_the_family(make_builder: Make) -> None:
    builder = make_builder(n=200)
    for name, error in (("smoothmix", 0.3), ("cutmix", 0.31), ("mixup", 0.32)):
        method(builder, name, error, 3)
    (found,) = compare([builder.root], "smoothmix", "all")
    declared = [one for one in found.comparisons if one.p_holm is not None]
    assert len(declared) == 4
    assert [one.p_holm for one in declared] == pytest.approx(holm([one.p for one in declared]))
    assert [one.p_holm for one in declared] != pytest.approx([one.p for one in declared])


def test_several_opponents_are_one_family_and_what_is_not_there_is_noted(make_builder: Make) -> None:
    builder, other = make_builder("one", n=200), make_builder("two", n=200, fingerprint="e" * 64)
    for name, error in (("smoothmix", 0.3), ("cutmix", 0.31), ("mixup", 0.32), ("cutout", 0.33)):
        method(builder, name, error, 3)
    for name in ("smoothmix", "cutmix"):
        method(other, name, 0.3, 3)
    found = compare([builder.root, other.root], "smoothmix", ["cutmix", "mixup"], metrics=["fog_error"])
    few, both = sorted(found, key=lambda one: len(one.pairs))
    assert {one.second.name for one in both.comparisons} == {"cutmix", "mixup"}
    assert all(one.family_size == 2 for one in both.comparisons)
    assert not any(note.startswith("Not compared here") for note in both.notes)
    assert {one.second.name for one in few.comparisons} == {"cutmix"}
    assert "Not compared here, since measured on other images or trained otherwise: mixup." in few.notes
    with pytest.raises(UsageError, match="did you mean 'mixup'"):
        compare([builder.root], "smoothmix", ["cutmix", "mixupp"])


def test_conditions_measured_in_other_settings_are_left_out(make_builder: Make) -> None:
    builder = make_builder(n=50)
    for name, codec in (("a", "one"), ("b", "other")):
        put(builder, name, {"name": "clean", "kind": "clean"}, np.arange(50) < 20)
        for s in range(1, 6):
            condition = corrupted(builder, "fog", s)
            put(builder, name, condition, np.arange(50) < 20, identity={"codec": codec} if s == 3 else {})
    (found,) = compare([builder.root], "a", "b")
    assert "fog_error" not in {one.score.name for one in found.comparisons}
    assert any("different settings: fog@3" in note for note in found.notes)


def test_an_attack_counts_images_that_fell_at_that_eps_or_before(builder: RunBuilder) -> None:
    builder.n = 6
    put_ladder(builder, "net", [-1, 0, 0, 1, 2, 2], ["1/255", "8/255"])
    (unit,) = split_units(load_frame([builder.root]))
    (identifier,) = unit.checkpoints.index
    scores = scores_of(unit.attacks, published_reference=False)
    assert [score.title for score in scores] == ["pgd10-linf@1/255", "pgd10-linf@8/255"]
    read = read_scores(MeasuredCells.of(unit, identifier, [builder.root]), scores)
    assert list(read["pgd10-linf@1/255_error"]) == [1, 1, 1, 0, 0, 0]
    assert list(read["pgd10-linf@8/255_error"]) == [1, 1, 1, 1, 0, 0]


def test_windows_are_scored_as_their_table_does(builder: RunBuilder) -> None:
    builder.n = 30
    rng = np.random.default_rng(0)
    for edge in ("hard", "linear", "gauss"):
        for fraction in (0.25, 0.375, 0.5):
            builder.window("net", edge, "mean", fraction, rng.integers(0, 2, 30).tolist(), [1] * 30)
    (unit,) = split_units(load_frame([builder.root]))
    (identifier,) = unit.checkpoints.index
    scores = [s for s in scores_of(unit.windows, published_reference=False) if s.kind == "window"]
    shown = [hard_minus_soft(soft, "mean") for soft in ("linear", "gauss")]
    read = read_scores(MeasuredCells.of(unit, identifier, [builder.root]), [*scores, *shown])
    for soft, expected in zip(("linear", "gauss"), shown, strict=True):
        # errors, not accuracies
        assert read[f"hard_over_{soft}_mean"] == pytest.approx(-read[expected.name])


@pytest.mark.parametrize(("n_wrong", "reason"), [(0, "makes no error"), (1, "so few errors")])
def test_a_reference_with_no_errors_or_hardly_any_divides_nothing(n_wrong: int, reason: str) -> None:
    rng = np.random.default_rng(0)
    reference, *others = rng.integers(0, 2, (3, 200, 15)).astype(float)
    reference[:, 4] = np.arange(200) < n_wrong
    with pytest.raises(UndefinedMetricError, match="choose another reference") as caught:
        mce_difference(dict(zip("rab", (reference, *others), strict=True)), "r", "a", "b")
    assert reason in str(caught.value)


def test_a_measured_reference_divides_and_is_resampled_with_the_sides(make_builder: Make) -> None:
    builder = make_builder(n=40)
    for name, error in (("baseline", 0.6), ("smoothmix", 0.4)):
        method(builder, name, error, 1, CORRUPTIONS)
    (found,) = compare([builder.root], "smoothmix", "baseline", reference="baseline-0")
    (one,) = [one for one in found.comparisons if one.score.kind == "ratio"]
    assert one.values[1] == pytest.approx(1)
    mean = {name: only([found], f"{name}_error") for name in CORRUPTIONS}
    ratios = [mean[name].values[0] / mean[name].values[1] for name in CORRUPTIONS]
    assert one.values[0] == pytest.approx(np.mean(ratios))
    assert one.difference.estimate.standard_error > 0
    assert one.p_holm is None
    with pytest.raises(UsageError, match="Unknown reference 'alexnet'"):
        compare([builder.root], "smoothmix", "baseline", reference="alexnet")


def test_what_one_set_of_images_lacks_is_noted_there_and_compared_on_the_others(make_builder: Make) -> None:
    whole = make_builder("whole", n=30)
    for name, error in (("reference", 0.7), ("smoothmix", 0.3), ("cutmix", 0.5)):
        method(whole, name, error, 1, CORRUPTIONS)
    without_reference = make_builder("without", n=30, fingerprint="d" * 64)
    for name, error in (("smoothmix", 0.3), ("cutmix", 0.5)):
        method(without_reference, name, error, 1, CORRUPTIONS)
    few = make_builder("few", n=30, fingerprint="e" * 64)
    for name, error in (("reference", 0.7), ("smoothmix", 0.3), ("cutmix", 0.5)):
        method(few, name, error, 1, ("snow",))
    runs = [builder.root for builder in (whole, without_reference, few)]
    found = compare(runs, "smoothmix", "cutmix", metrics=["fog_error"], reference="reference")
    by_data = {one.unit.scope.fingerprint[0]: one for one in found}
    names = {data: {one.score.name for one in found.comparisons} for data, found in by_data.items()}
    assert {"fog_error", "mce_vs_reference"} <= names["f"]
    assert "mce_vs_reference" not in names["d"] | names["e"]
    assert not by_data["f"].notes
    assert by_data["d"].notes == ("No mCE by reference: it is not one of the checkpoints here.",)
    mce, fog = by_data["e"].notes
    assert "reference-0 lacks gaussian_noise" in mce
    assert fog == "Not measured here: fog_error."
    assert all(one.p_holm is None for one in by_data["e"].comparisons)
    with pytest.raises(UsageError, match="did you mean 'fog_error'"):
        compare(runs, "smoothmix", "cutmix", metrics=["fogg_error"])
    with pytest.raises(UsageError, match="Unknown reference 'alexnet'"):
        compare(runs, "smoothmix", "cutmix", reference="alexnet")
    with pytest.raises(NothingToCompareError, match="No mCE by reference: .* reference-0 lacks gaussian_noise"):
        compare([few.root], "smoothmix", "cutmix", reference="reference")


def test_per_image_answers_that_contradict_the_counts_give_no_number(builder: RunBuilder) -> None:
    builder.n = 10
    cell = builder.clean("net", 7)  # its answers are all zero, and so are the labels below
    builder.store.write_images(builder.data["images_key"], np.arange(10), np.zeros(10, np.int64))
    (unit,) = split_units(load_frame([builder.root]))
    cells = MeasuredCells.of(unit, cell.checkpoint["id"], [builder.root])
    with pytest.raises(DataError, match="says n_right 7, the predictions stored for it give 10"):
        read_scores(cells, [mean_score("clean_error", "clean", "clean", ["clean"])])


def test_training_times_of_one_training_each_are_only_stated(make_builder: Make) -> None:
    builder = make_builder(n=50)
    for name, seeds in (("smoothmix", 1), ("cutmix", 1), ("mixup", 3), ("cutout", 3)):
        method(builder, name, 0.3, seeds)
    (one,) = compare([builder.root], "smoothmix", "cutmix")
    (time,) = [table for table in comparison_tables(one) if table.slug == "compare_training_time"]
    assert "one training each" in str(time.rows[0][-1])
    assert time.rows[0][4:6] == (None, None)
    (several,) = compare([builder.root], "mixup", "cutout")
    (time,) = [table for table in comparison_tables(several) if table.slug == "compare_training_time"]
    assert time.rows[0][3] == pytest.approx(1)
    assert "no difference shown" in str(time.rows[0][-1])
