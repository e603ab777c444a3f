"""The gate: verdicts, baselines, what is refused."""

from xml.etree import ElementTree

import numpy as np
import pytest
from answered_runs import corrupted, put
from gated_runs import CLEAN, Make, first, gate, one_cell, pair_of_sweeps
from run_builder import RunBuilder
from scipy import stats

from robustsweep.errors import (
    InconclusiveError,
    NothingToCompareError,
    RegressionFoundError,
    UsageError,
)
from robustsweep.results.gate.junit import junit_xml
from robustsweep.results.gate.outcome import Outcome
from robustsweep.results.gate.step_summary import LIMIT_BYTES, step_summary
from robustsweep.results.gate.wrong_images import read_answers
from robustsweep.results.statistics.families import holm


@pytest.mark.parametrize(
    ("n_worse", "n_better", "verdict"),
    [
        (0, 0, "PASS"),
        (200, 0, "FAIL"),
        (30, 0, "PASS"),
        (0, 200, "PASS"),
        (100, 95, "PASS"),
        (500, 460, "INCONCLUSIVE"),
    ],
)
def test_only_a_significant_and_material_loss_fails(
    make_builder: Make, n_worse: int, n_better: int, verdict: str
) -> None:
    n = 5_000
    before = first(1_000, n)
    after = before.copy()
    after[1_000 : 1_000 + n_worse] = True
    after[:n_better] = False
    (judged,) = gate(one_cell(make_builder, "base", before), one_cell(make_builder, "new", after)).judged
    assert judged.verdict == verdict
    differences = after.astype(float) - before
    assert judged.estimate.value == pytest.approx((n_worse - n_better) / n)
    if n_worse:
        expected = stats.ttest_1samp(differences, 0, alternative="greater").pvalue
        assert judged.p_holm == pytest.approx(expected)


def test_a_significant_loss_below_the_margin_does_not_fail_and_the_margin_is_the_users(make_builder: Make) -> None:
    before, after = first(1_000, 5_000), first(1_030, 5_000)
    base, new = one_cell(make_builder, "base", before), one_cell(make_builder, "new", after)
    (judged,) = gate(base, new).judged
    assert judged.p_holm < 0.001
    assert judged.verdict == "PASS"
    for margin in ("clean=0.5", "clean_error=0.5"):
        assert gate(base, new, margin).judged[0].verdict == "FAIL"
    assert gate(base, new, "clean=0.5", "clean_error=0.9").judged[0].verdict == "PASS"


def test_the_same_checkpoint_passes_on_any_number_of_images(make_builder: Make) -> None:
    builder = one_cell(make_builder, "base", first(3, 20))
    (judged,) = gate(builder, builder).judged
    assert judged.verdict == "PASS"
    assert (judged.interval.low, judged.interval.high) == (0, 0)
    assert gate(builder, builder).notes == ()


def test_another_checkpoint_that_agrees_on_few_images_has_not_shown_much(make_builder: Make) -> None:
    few, many = (
        gate(one_cell(make_builder, f"base{n}", first(n // 4, n)), one_cell(make_builder, f"new{n}", first(n // 4, n)))
        for n in (50, 2_000)
    )
    assert few.judged[0].verdict == "INCONCLUSIVE"
    assert many.judged[0].verdict == "PASS"
    few.raise_unless_passed(strict=False)
    with pytest.raises(InconclusiveError, match="1 of 1 scores are inconclusive"):
        few.raise_unless_passed(strict=True)
    many.raise_unless_passed(strict=True)


@pytest.mark.parametrize("n_worse", [0, 1, 2])
def test_few_images_that_disagree_do_not_pass_for_certainty(make_builder: Make, n_worse: int) -> None:
    before, after = first(60, 300), first(60 + n_worse, 300)
    (judged,) = gate(one_cell(make_builder, "base", before), one_cell(make_builder, "new", after)).judged
    assert judged.margin == 0.01
    assert judged.interval.high > 0.0125
    assert judged.verdict == "INCONCLUSIVE"


def test_the_right_scores_fail_as_one_family(make_builder: Make) -> None:
    outcome = gate(*pair_of_sweeps(make_builder))
    verdicts = {one.score.name: one.verdict for one in outcome.judged}
    assert len(verdicts) == 1 + 15 + 1 + 2
    assert {name for name, verdict in verdicts.items() if verdict == "FAIL"} == {
        "fog_error",
        "pgd10-linf@8/255_error",
        "mean_corruption_error",
    }
    assert verdicts["pgd10-linf@1/255_error"] != "FAIL"
    (fog,) = [one for one in outcome.judged if one.score.name == "fog_error"]
    assert fog.p_holm == pytest.approx(19 / 10_000)  # no flip of 9 999 reached it
    assert fog.values == pytest.approx((0.3, 0.5))
    with pytest.raises(RegressionFoundError, match="new net is worse than its baseline on .*fog") as caught:
        outcome.raise_unless_passed(strict=False)
    assert caught.value.exit_code == 1
    assert outcome.notes == ("One checkpoint against one: how other training runs would differ is not covered.",)


def test_a_single_condition_is_judged_where_its_corruption_is_not_complete(make_builder: Make) -> None:
    base, new = make_builder("base", n=600), make_builder("new", n=600)
    for builder, count in ((base, 100), (new, 200)):
        builder.card("net", None, None, weights=count)
        put(builder, "net", corrupted(builder, "fog", 3), first(count, 600))
    (judged,) = gate(base, new).judged
    assert judged.score.name == "fog@3_error"
    assert judged.verdict == "FAIL"


def test_checkpoints_are_paired_by_name_and_those_without_partner_are_listed(make_builder: Make) -> None:
    base, new = make_builder("base", n=400), make_builder("new", n=400)
    for builder, names in ((base, ("a", "b", "old")), (new, ("a", "b", "c"))):
        for name in names:
            builder.card(name, None, None, weights=str(builder.root))
            put(builder, name, CLEAN, first(200 if (name, builder) == ("b", new) else 100, 400))
    outcome = gate(base, new)
    assert [(one.candidate, one.baseline, one.verdict) for one in outcome.judged] == [
        ("a", "a", "PASS"),
        ("b", "b", "FAIL"),
    ]
    assert outcome.without_partner == ("c",)
    assert "In the baseline but not here: old." in outcome.notes
    with pytest.raises(RegressionFoundError):
        outcome.raise_unless_passed(strict=False)
    passed = Outcome("images", outcome.judged[:1], ("c",), ())
    with pytest.raises(NothingToCompareError, match="no partner for c"):
        passed.raise_unless_passed(strict=False)


def test_adjusted_p_values_are_holms(make_builder: Make) -> None:
    outcome = gate(*pair_of_sweeps(make_builder, n=600))
    raw = {}
    for one in outcome.judged:
        t = one.estimate.value / one.estimate.standard_error if one.estimate.standard_error else -np.inf
        raw[one.score.name] = float(stats.t.sf(t, 599)) if np.isfinite(t) else 1.0
    assert [one.p_holm for one in outcome.judged] == pytest.approx(holm(list(raw.values())))


@pytest.mark.parametrize("margin", ["fog_error", "clean=-1", "clean=x", "clean=nan", "clean=101", "=1", "claen=1"])
def test_a_margin_that_cannot_be_understood_is_refused(make_builder: Make, margin: str) -> None:
    base = one_cell(make_builder, "base", first(10, 80))
    with pytest.raises(UsageError, match="margin|did you mean"):
        gate(base, base, margin)


def test_cells_of_several_sets_of_images_are_refused(make_builder: Make) -> None:
    builder = one_cell(make_builder, "base", first(10, 80))
    other = RunBuilder(builder.root, n=80, fingerprint="e" * 64, images_key="b" * 64)
    put(other, "net", CLEAN, first(10, 80))
    with pytest.raises(NothingToCompareError, match="2 sets of images"):
        read_answers(builder.root)


def test_checkpoints_that_were_trained_differently_are_gated_in_one_run(make_builder: Make) -> None:
    base, new = make_builder("base", n=2_000), make_builder("new", n=2_000)
    for builder in (base, new):
        for epochs in (30, 60):
            builder.card(f"net-{epochs}", "cutmix", 0, epochs=epochs, recipe_hash="c" * 64, weights=str(builder.root))
            put(builder, f"net-{epochs}", CLEAN, first(100, 2_000))
    outcome = gate(base, new)
    assert [(one.candidate, one.verdict) for one in outcome.judged] == [("net-30", "PASS"), ("net-60", "PASS")]
    assert "trained" not in outcome.title


def test_junit_is_read_by_a_parser_and_counts_what_happened(make_builder: Make) -> None:
    base, new = pair_of_sweeps(make_builder)
    outcome = gate(base, new)
    outcome = Outcome(outcome.title, outcome.judged, ("<un&known>\x00\x1b",), outcome.notes)
    root = ElementTree.fromstring(junit_xml(outcome))
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["new net", "<un&known>��"]
    cases = suites[0].findall("testcase")
    assert len(cases) == int(suites[0].get("tests", "0")) == 19
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    skipped = {case.get("name") for case in cases if case.find("skipped") is not None}
    verdicts = {one.score.name: one.verdict for one in outcome.judged}
    assert failed == {name for name, verdict in verdicts.items() if verdict == "FAIL"}
    assert skipped == {name for name, verdict in verdicts.items() if verdict == "INCONCLUSIVE"}
    assert (suites[0].get("failures"), suites[0].get("skipped")) == (str(len(failed)), str(len(skipped)))
    assert (root.get("tests"), root.get("errors")) == ("20", "1")
    (fog,) = [case for case in cases if case.get("name") == "fog_error"]
    said = fog.findtext("system-out") or ""
    assert "30.00% in the baseline (old net), 50.00% now; difference +20.00 pp" in said
    assert not [case for case in cases if case.get("time")]


def test_a_step_summary_shows_failures_first_and_stays_below_its_limit(make_builder: Make) -> None:
    outcome = gate(*pair_of_sweeps(make_builder))
    whole = step_summary(outcome)
    assert "**3 FAIL**" in whole
    assert "left out" not in whole
    rows = [line for line in whole.splitlines() if line.startswith("| ")]
    assert [row.startswith("| FAIL") for row in rows[1:3]] == [True, False]  # a repeated verdict is blank
    cut = step_summary(outcome, 2_000)
    assert len(cut.encode()) <= 2_000
    assert "rows are left out here" in cut
    assert "fog" in cut
    many = Outcome(outcome.title, outcome.judged * 60, (), ())
    assert 99_000 < len(step_summary(many, 100_000).encode()) <= 100_000
    assert LIMIT_BYTES < 2**20
