"""What plans declared is said first on the page."""

from pathlib import Path

import pytest
from compared_runs import Make, method
from run_builder import RunBuilder

from robustsweep.errors import DataError
from robustsweep.results.compare.comparison import compare
from robustsweep.results.compare.wording import reading
from robustsweep.results.corruption_names import CORRUPTIONS
from robustsweep.results.report.declared import with_declared
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.stored.cells import Json, identity_key
from robustsweep.results.stored.files import write_atomically
from robustsweep.results.stored.json.documents import SCHEMA_VERSION, sealed


def declaration(*methods: str, metrics: tuple[str, ...] = ()) -> Json:
    return {"methods": list(methods), "metrics": list(metrics), "reference": None}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    builder = RunBuilder(tmp_path_factory.mktemp("declared") / "run", n=200)
    for name, error in (("smoothmix_c", 0.3), ("cutmix", 0.45), ("mixup", 0.31)):
        method(builder, name, error, 3, CORRUPTIONS)
    return build_report([builder.root])


def summary(report: Report, declared: Json) -> tuple[str, ...]:
    return with_declared(report.sections, [declared], report.runs)[0].summary


def test_a_declared_comparison_is_said_first_a_sentence_per_opponent(report: Report) -> None:
    said = summary(report, declaration("smoothmix_c", "cutmix", "mixup"))
    assert said[2:] == report.sections[0].summary
    assert said[0].startswith("SmoothMix-C against CutMix, mean of 15 corruptions (C): ")
    assert "SmoothMix-C is better by " in said[0]
    assert said[1].startswith("SmoothMix-C against Mixup, mean of 15 corruptions (C): ")
    (found,) = compare(report.runs, "smoothmix_c", ["cutmix", "mixup"])
    primary = [one for one in found.comparisons if one.score.name == "mean_corruption_error"]
    for sentence, one in zip(said, primary, strict=False):
        first, second = (f"{100 * value:.1f}" for value in one.values)
        assert f": {first}" in sentence or f": {100 * one.values[0]:.2f}%" in sentence
        assert second in sentence or f"{100 * one.values[1]:.2f}%" in sentence
        assert reading(one).replace("smoothmix_c", "SmoothMix-C").replace("cutmix", "CutMix") in sentence


def test_the_scores_that_were_declared_are_the_ones_that_are_said(report: Report) -> None:
    said = summary(report, declaration("smoothmix_c", metrics=("fog_error", "clean_error")))
    titles = [sentence.partition(": ")[0] for sentence in said[:4]]
    assert titles == [
        f"SmoothMix-C against {other}, {score}" for other in ("CutMix", "Mixup") for score in ("fog", "clean")
    ]


def test_a_comparison_that_cannot_be_made_says_why_and_the_report_is_there(report: Report) -> None:
    said = summary(report, declaration("smoothmix_c", "cutmixx"))
    assert said[0].startswith("SmoothMix-C against cutmixx: declared and not compared. ")
    assert "did you mean 'cutmix'?" in said[0]
    assert said[1:] == report.sections[0].summary


def test_two_plans_that_declare_the_same_say_it_once(make_builder: Make) -> None:
    builder = make_builder(n=20)
    for name, error in (("smoothmix_c", 0.3), ("cutmix", 0.45)):
        method(builder, name, error, 2)
    declared = declaration("smoothmix_c", "cutmix")
    builder.store.write_plan([], (), declared)
    once = build_report([builder.root]).sections[0].summary
    assert once[0].startswith("SmoothMix-C against CutMix, ")
    wanted = {"key": "0" * 64, "checkpoint_id": "0" * 12, "checkpoint": "x", "condition": "clean"}
    builder.store.write_plan([wanted], (), declared)
    assert build_report([builder.root]).sections[0].summary == once


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        ({"methods": [], "metrics": [], "reference": None}, "its comparison names no method"),
        ({"methods": "a", "metrics": [], "reference": None}, "compare.methods is 'a'"),
        ({"methods": ["a"], "metrics": []}, "compare lacks 'reference'"),
    ],
)
def test_a_plan_whose_comparison_is_malformed_is_refused(builder: RunBuilder, compare: Json, message: str) -> None:
    content = {"wanted": [], "audits": [], "compare": compare}
    name = identity_key({"schema_version": SCHEMA_VERSION, **content})[:16]
    write_atomically(builder.root / "plans" / f"{name}.json", sealed(content))
    with pytest.raises(DataError, match=message):
        builder.store.plans()


def test_a_plan_without_a_comparison_keeps_its_name(builder: RunBuilder, tmp_path: Path) -> None:
    assert builder.store.write_plan([]) == builder.store.write_plan([], (), None)
    assert len(list(builder.root.glob("plans/*.json"))) == 1
