"""What a comparison and the gate say where their data can carry little."""

import json

import numpy as np
import pytest
from answered_runs import put_sweep
from compared_runs import Make, method, only
from gated_runs import gate, one_cell
from run_builder import RunBuilder

from robustsweep.results.compare.comparison import compare
from robustsweep.results.compare.tables import comparison_tables
from robustsweep.results.compare.wording import reading
from robustsweep.results.corruption_names import CORRUPTIONS
from robustsweep.results.gate.junit import junit_xml
from robustsweep.results.gate.outcome import verdict_table
from robustsweep.results.metrics.catalogue.error_scores import MEAN_CORRUPTION
from robustsweep.results.metrics.catalogue.quotient_scores import published_mce
from robustsweep.results.metrics.scores import mean_score
from robustsweep.results.tables.formats import to_markdown


def unlike_seeds(builder: RunBuilder, name: str, errors: tuple[float, ...]) -> None:
    for seed, error in enumerate(errors):
        builder.card(f"{name}-{seed}", name, seed, recipe_hash="c" * 64)
        put_sweep(builder, f"{name}-{seed}", error, seed, ("fog",))


def test_a_limit_beyond_what_is_possible_is_said_to_be_none_and_intervals_end_there(make_builder: Make) -> None:
    builder = make_builder(n=100)
    unlike_seeds(builder, "smoothmix", (0.05, 0.5, 0.95))
    unlike_seeds(builder, "cutmix", (0.1, 0.5, 0.8))
    found = compare([builder.root], "smoothmix", "cutmix")
    fog = only(found, "fog_error")
    assert fog.difference.estimate.smallest_detectable(0.025) > 1
    assert reading(fog) == (
        "few seeds (3 of 5): no significant difference; no possible difference would have been found: train more seeds"
    )
    assert fog.difference.estimate.interval().low < -1
    assert fog.interval.low == -1
    nll = only(found, "clean_nll")
    assert nll.score.largest_difference == np.inf
    assert nll.difference.estimate.smallest_detectable() > max(nll.values)
    assert reading(nll).endswith("as large as the scores themselves would have been found: train more seeds")
    table = next(table for table in comparison_tables(found[0]) if table.slug == "compare_errors")
    assert min(row[5] for row in table.rows) >= -1


def test_one_checkpoint_each_is_told_to_measure_more_images(make_builder: Make) -> None:
    builder = make_builder(n=3)
    unlike_seeds(builder, "smoothmix", (0.4,))
    unlike_seeds(builder, "cutmix", (0.6,))
    said = {reading(one) for one in compare([builder.root], "smoothmix", "cutmix")[0].comparisons}
    assert any(one.endswith("no possible difference would have been found: measure more images") for one in said)


def test_scores_know_what_they_can_differ_by() -> None:
    assert MEAN_CORRUPTION.largest_difference == pytest.approx(1)
    assert mean_score("b", "Brier", "calibration", ["clean"], "brier").largest_difference == 2
    assert mean_score("n", "NLL", "calibration", ["clean"], "nll").largest_difference == np.inf
    assert mean_score("e", "ECE", "calibration", ["clean", "fog@1"], "ece").largest_difference == 1
    assert 1 < published_mce().largest_difference < 1.5


def test_a_measured_reference_bounds_the_mce_that_it_divides(make_builder: Make) -> None:
    builder = make_builder(n=200)
    for name in ("baseline", "smoothmix"):
        method(builder, name, 0.4, 1, CORRUPTIONS)
    (found,) = compare([builder.root], "smoothmix", "baseline", reference="baseline-0")
    (mce,) = [one for one in found.comparisons if one.score.kind == "ratio"]
    errors = [only([found], f"{name}_error").values[1] for name in CORRUPTIONS]
    assert mce.score.largest_difference == pytest.approx(np.mean(1 / np.array(errors)))


@pytest.mark.parametrize(("first", "second"), [(2, 2), (2, 5), (3, 2)])
def test_methods_with_two_seeds_are_not_tested_however_well_these_agree(
    make_builder: Make, first: int, second: int
) -> None:
    builder = make_builder(n=300)
    method(builder, "smoothmix", 0.3, first)
    method(builder, "cutmix", 0.6, second)
    method(builder, "mixup", 0.9, 3)
    found = compare([builder.root], "smoothmix", ["cutmix", "mixup"], metrics=["fog_error"])
    fog = next(one for one in found[0].comparisons if one.score.name == "fog_error")
    assert fog.p < 1e-6
    assert fog.p_holm is None
    said = reading(fog)
    assert said.startswith(
        "few seeds (2 of 5): not tested: two seeds are too few, train 3 or more; the mean of smoothmix"
    )
    assert "better" not in said
    row = next(row for row in comparison_tables(found[0])[0].rows if row[:2] == ("cutmix", "fog"))
    assert row[7:10] == (None, None, f"{first} v {second}")
    assert "cutmix" in found[0].tied["fog"]
    assert "A method with two seeds is not tested" in to_markdown(comparison_tables(found[0])[0])


def test_the_gate_prints_no_limit_that_no_loss_can_reach(make_builder: Make) -> None:
    before, after = np.array([True, False, False]), np.array([False, True, False])
    outcome = gate(one_cell(make_builder, "base", before), one_cell(make_builder, "new", after))
    (judged,) = outcome.judged
    assert judged.smallest_detectable > 1
    assert judged.would_have_shown is None
    assert "If no number stands, no possible loss would have been found: measure more images." in outcome.notes
    assert b"no possible loss would have been found" in junit_xml(outcome)
    assert "Smallest loss found" in json.dumps(verdict_table(outcome).notes)
    many = np.arange(600) % 7 == 0
    (judged,) = gate(one_cell(make_builder, "more", many), one_cell(make_builder, "most", ~many)).judged
    assert judged.would_have_shown == judged.smallest_detectable
