"""Checkpoints that have seen in training what they are tested on are named wherever their corruption errors stand."""

import json
from pathlib import Path

import pytest
from answered_runs import put_sweep
from run_builder import RunBuilder

from robustsweep.results.comparable.equal_training import training_key
from robustsweep.results.compare.comparison import compare
from robustsweep.results.report.document import build_report
from robustsweep.results.report.html.page import report_html
from robustsweep.results.report.latex import to_latex
from robustsweep.results.report.markdown import report_markdown
from robustsweep.results.tables.formats import to_markdown
from robustsweep.results.tables.table import Table

SAID = "Trained with operations that overlap corruptions, so that these were not unseen: "
TONES = ["brightness", "contrast", "saturate"]
NOISES = ["gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"]


def fill(builder: RunBuilder, name: str, method: str, **card: object) -> None:
    builder.card(name, method, **card)
    builder.clean(name, 900)
    builder.sweep(name, lambda c, s: 800 if c == "contrast" else 700 - 10 * s)


def tables_of(builder: RunBuilder) -> dict[str, Table]:
    (section,) = build_report([builder.root]).sections
    return {table.slug: table for table in section.tables}


def test_every_table_of_corruption_errors_names_them_and_the_summary_too(builder: RunBuilder) -> None:
    fill(builder, "base", "baseline", overlapped_corruptions=[])
    fill(builder, "auto0", "autoaugment", seed=0, overlapped_corruptions=TONES)
    fill(builder, "auto1", "autoaugment", seed=1, overlaps_corruptions=True)
    fill(builder, "mix0", "augmix", seed=0, overlapped_corruptions=TONES, method_parameters={"all_operations": True})
    fill(builder, "mix1", "augmix", seed=0, overlaps_corruptions=False, method_parameters={"all_operations": False})
    fill(builder, "noise", "noise", overlapped_corruptions=NOISES)
    builder.ladder("base", 900, (500,))
    report = build_report([builder.root])
    said = f"{SAID}mix0, autoaugment ({', '.join(TONES)}); noise ({', '.join(NOISES)})."
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
    report = build_report([builder.root])
    assert SAID not in report_markdown(report)
    assert not [table for table in report.tables if table.overlapping or "not overlapped" in str(table.columns)]


def test_clean_errors_alone_need_no_such_note(builder: RunBuilder) -> None:
    builder.card("auto", "autoaugment", overlapped_corruptions=TONES)
    builder.clean("auto", 900)
    assert SAID not in report_markdown(build_report([builder.root]))


@pytest.mark.parametrize(
    ("method", "parameters", "names"),
    [
        ("autoaugment", {"policy": "svhn"}, ", ".join(TONES)),
        ("augmix", {"all_operations": True}, ", ".join(TONES)),
        ("choice", {"operations": [{"method": "cutmix"}, {"method": "autoaugment"}]}, ", ".join(TONES)),
        ("choice", {"operations": [{"method": "autoaugment", "corruption_safe": True}]}, "the card does not say which"),
        ("choice", {"operations": 3}, "the card does not say which"),
        ("theirs", {}, "the card does not say which"),
    ],
)
def test_cards_without_names_are_read_as_far_as_their_method_proves(
    builder: RunBuilder, method: str, parameters: dict[str, object], names: str
) -> None:
    fill(builder, "it", method, method_parameters=parameters, overlaps_corruptions=True)
    table = tables_of(builder)["headline"]
    assert f"{SAID}{method} ({names})." in table.notes
    # A mean of corruptions that nobody overlaps cannot be built of unknown ones.
    assert ("mean_not_overlapped_error" in [column.name for column in table.columns]) == (names == ", ".join(TONES))


def test_the_mean_leaves_out_what_any_training_of_the_table_overlaps(builder: RunBuilder) -> None:
    fill(builder, "base", "baseline", overlapped_corruptions=[])
    fill(builder, "auto", "autoaugment", overlapped_corruptions=TONES)
    fill(builder, "loud", "noise", overlapped_corruptions=NOISES)
    tables = tables_of(builder)
    columns = [column.name for column in tables["headline"].columns]
    assert columns[3:6] == ["mean_corruption_error", "mean_not_overlapped_error", "clean_error"]
    # 14 corruptions have a mean error of .33, contrast, which is left out with brightness and three noises, of .2.
    assert [row[4] for row in tables["headline"].rows] == pytest.approx([0.33] * 3)
    assert [row[3] for row in tables["headline"].rows] == pytest.approx([(14 * 0.33 + 0.2) / 15] * 3)
    (note,) = [note for note in tables["headline"].notes if note.startswith("mean of 10 not overlapped: ")]
    assert "without gaussian_noise, shot_noise, impulse_noise, brightness, contrast," in note
    lines = [row[1] for row in tables["error_per_corruption"].rows]
    assert lines[15:17] == ["mean of 15", "mean of 10 not overlapped"]


def test_cells_under_what_the_training_overlaps_are_marked_in_every_format(builder: RunBuilder) -> None:
    fill(builder, "base", "baseline", overlapped_corruptions=[])
    fill(builder, "auto", "autoaugment", overlapped_corruptions=TONES)
    fill(builder, "loud", "noise", overlapped_corruptions=NOISES)
    tables = tables_of(builder)
    table = tables["error_per_corruption"]
    marked = {(table.rows[row][1], table.columns[column].name) for row, column in table.overlapping}
    benchmark = {(name, "auto") for name in TONES[:2]} | {(name, "loud") for name in NOISES[:3]}
    assert marked == benchmark
    assert table.notes[-1] == "‡: overlapped by operations of the training, and so not unseen."
    # A group is marked where all of it is overlapped.
    headline = tables["headline"]
    assert {(headline.rows[r][0], headline.columns[c].name) for r, c in headline.overlapping} == {
        ("loud", "noise_error")
    }
    assert to_markdown(headline).count("‡") == 2
    assert to_latex(headline).count(r"$^{\ddagger}$") == 1
    assert report_html(build_report([builder.root])).count(">‡</abbr>") >= len(marked) + 1


@pytest.mark.parametrize(("opponent", "is_said"), [("autoaugment", True), ("cutmix", False)])
def test_comparisons_name_those_that_they_compare(tmp_path: Path, opponent: str, is_said: bool) -> None:
    builder = RunBuilder(tmp_path / "run", n=40)
    for seed, method in enumerate(("baseline", "autoaugment", "cutmix")):
        builder.card(method, method, overlapped_corruptions=TONES if method == "autoaugment" else [])
        put_sweep(builder, method, 0.3 + 0.1 * seed, seed, ("fog",))
    (found,) = compare([builder.root], "baseline", opponent)
    assert (f"{SAID}autoaugment ({', '.join(TONES)})." in found.notes) == is_said


def test_training_on_attacks_is_said_where_attacks_were_measured(builder: RunBuilder) -> None:
    for name, method in (("base", "baseline"), ("adv", "puzzlemix")):
        fill(builder, name, method, overlaps_attacks=name == "adv")
        builder.ladder(name, 900, (500,))
    (section,) = build_report([builder.root]).sections
    assert section.summary[-1] == "Trained on images that were changed along gradients, as attacks do: puzzlemix."


def test_what_a_card_says_of_overlaps_does_not_decide_what_was_trained_alike() -> None:
    card = {"architecture": "resnet20", "recipe_hash": "a" * 64, "epochs": 3, "method": "autoaugment"}
    texts = [json.dumps(card | said) for said in ({"overlaps_corruptions": True}, {"overlapped_corruptions": TONES})]
    assert training_key(texts[0]) == training_key(texts[1]) != ""
