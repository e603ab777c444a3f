"""What plans declared is said first on the page."""

from pathlib import Path

import pytest
from compared_runs import Make, method
from run_builder import RunBuilder

from robustsweep.errors import DataError
from robustsweep.results.compare.comparison import compare
from robustsweep.results.compare.wording import reading
from robustsweep.results.corruption_names import CORRUPTIONS
from robustsweep.results.report.document import build_report
from robustsweep.results.stored.cells import Json, identity_key
from robustsweep.results.stored.files import write_atomically
from robustsweep.results.stored.json.documents import SCHEMA_VERSION, sealed


def declare(builder: RunBuilder, *methods: str, metrics: tuple[str, ...] = ()) -> None:
    declared: Json = {"methods": list(methods), "metrics": list(metrics), "reference": None}
    builder.store.write_plan([], (), declared)


@pytest.fixture
def run(make_builder: Make) -> RunBuilder:
    builder = make_builder(n=200)
    for name, error in (("smoothmix_c", 0.3), ("cutmix", 0.45), ("mixup", 0.31)):
        method(builder, name, error, 3, CORRUPTIONS)
    return builder


def test_a_declared_comparison_is_said_first_a_sentence_per_opponent(run: RunBuilder) -> None:
    before = build_report([run.root]).sections[0].summary
    declare(run, "smoothmix_c", "cutmix", "mixup")
    summary = build_report([run.root]).sections[0].summary
    assert summary[2:] == before
    assert summary[0].startswith("SmoothMix-C against CutMix, mean of 15 corruptions: ")
    assert "SmoothMix-C is better by " in summary[0]
    assert summary[1].startswith("SmoothMix-C against Mixup, mean of 15 corruptions: ")
    (found,) = compare([run.root], "smoothmix_c", ["cutmix", "mixup"])
    primary = [one for one in found.comparisons if one.score.name == "mean_corruption_error"]
    for sentence, one in zip(summary, primary, strict=False):
        first, second = (f"{100 * value:.1f}" for value in one.values)
        assert f": {first}" in sentence or f": {100 * one.values[0]:.2f}%" in sentence
        assert second in sentence or f"{100 * one.values[1]:.2f}%" in sentence
        assert reading(one).replace("smoothmix_c", "SmoothMix-C").replace("cutmix", "CutMix") in sentence


def test_the_scores_that_were_declared_are_the_ones_that_are_said(run: RunBuilder) -> None:
    declare(run, "smoothmix_c", metrics=("fog_error", "clean_error"))
    summary = build_report([run.root]).sections[0].summary
    titles = [sentence.partition(": ")[0] for sentence in summary[:4]]
    assert titles == [
        f"SmoothMix-C against {other}, {score}" for other in ("CutMix", "Mixup") for score in ("fog", "clean")
    ]


def test_a_comparison_that_cannot_be_made_says_why_and_the_report_is_there(run: RunBuilder) -> None:
    declare(run, "smoothmix_c", "cutmixx")
    summary = build_report([run.root]).sections[0].summary
    assert summary[0].startswith("SmoothMix-C against cutmixx: declared and not compared. ")
    assert "did you mean 'cutmix'?" in summary[0]


def test_two_plans_that_declare_the_same_say_it_once(run: RunBuilder) -> None:
    declare(run, "smoothmix_c", "cutmix")
    once = build_report([run.root]).sections[0].summary
    run.store.write_plan(
        [{"key": "0" * 64, "checkpoint_id": "0" * 12, "checkpoint": "x", "condition": "clean"}],
        (),
        {"methods": ["smoothmix_c", "cutmix"], "metrics": [], "reference": None},
    )
    assert build_report([run.root]).sections[0].summary == once


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
