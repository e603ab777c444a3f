"""Checkpoints that have seen in training what they are tested on are named wherever their corruption errors stand."""

from pathlib import Path

import pytest
from answered_runs import put_sweep
from run_builder import RunBuilder

from robustsweep.results.compare.comparison import compare
from robustsweep.results.report.document import build_report
from robustsweep.results.report.markdown import report_markdown

SAID = "Trained with operations that overlap the corruptions, so that these were not all unseen: "


def fill(builder: RunBuilder, name: str, method: str, **card: object) -> None:
    builder.card(name, method, **card)
    builder.clean(name, 900)
    builder.sweep(name, lambda c, s: 700 - 10 * s)


def test_every_table_of_corruption_errors_names_them_and_the_summary_too(builder: RunBuilder) -> None:
    fill(builder, "base", "baseline", overlaps_corruptions=False)
    fill(builder, "auto0", "autoaugment", seed=0, overlaps_corruptions=True)
    fill(builder, "auto1", "autoaugment", seed=1, overlaps_corruptions=True)
    fill(builder, "mix0", "augmix", seed=0, overlaps_corruptions=True, method_parameters={"all_operations": True})
    fill(builder, "mix1", "augmix", seed=0, overlaps_corruptions=False, method_parameters={"all_operations": False})
    builder.ladder("base", 900, (500,))
    report = build_report([builder.root])
    said = f"{SAID}mix0, autoaugment."
    (section,) = report.sections
    slugs = [table.slug for table in section.tables if said in table.notes]
    corrupted = ("headline", "error_per_corruption", "ce_per_corruption_reference", "error_per_severity")
    of_checkpoints = [*corrupted, "clean_and_scores"]
    assert slugs == [*(f"method_{slug}" for slug in of_checkpoints), *of_checkpoints]
    assert section.summary[-1] == said
    assert said in report_markdown(report)


def test_nothing_is_said_where_no_card_says_so_or_nothing_was_corrupted(builder: RunBuilder) -> None:
    fill(builder, "base", "baseline")
    builder.card("auto", "autoaugment", overlaps_corruptions=None)
    builder.clean("auto", 900)
    assert SAID not in report_markdown(build_report([builder.root]))


def test_clean_errors_alone_need_no_such_note(builder: RunBuilder) -> None:
    builder.card("auto", "autoaugment", overlaps_corruptions=True)
    builder.clean("auto", 900)
    assert SAID not in report_markdown(build_report([builder.root]))


@pytest.mark.parametrize(("opponent", "is_said"), [("autoaugment", True), ("cutmix", False)])
def test_comparisons_name_those_that_they_compare(tmp_path: Path, opponent: str, is_said: bool) -> None:
    builder = RunBuilder(tmp_path / "run", n=40)
    for seed, method in enumerate(("baseline", "autoaugment", "cutmix")):
        builder.card(method, method, overlaps_corruptions=method == "autoaugment")
        put_sweep(builder, method, 0.3 + 0.1 * seed, seed, ("fog",))
    (found,) = compare([builder.root], "baseline", opponent)
    assert (f"{SAID}autoaugment." in found.notes) == is_said
