"""The order of the page, what is folded, and what is said once."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from answered_runs import put_ladder, put_sweep
from compared_runs import Make, clean_only
from run_builder import RunBuilder

from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.html.outline import Part, closing_parts, parts_of
from robustsweep.results.report.html.page import report_html
from robustsweep.results.tables.table import Table


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Three methods of several seeds, corrupted and attacked."""
    builder = RunBuilder(tmp_path_factory.mktemp("outline") / "run", n=60)
    for number, (method, seeds) in enumerate((("baseline", 3), ("cutmix", 3), ("smoothmix_c", 1))):
        for seed in range(seeds):
            name = f"{method}-{seed}"
            facts = {"device": "cpu", "seconds_per_epoch": 2.0, "wall_seconds": 60.0, "images_per_second": 9.0}
            card = {"recipe_hash": "c" * 64, "training": facts, "epochs": 3}
            builder.card(name, method, seed, method_parameters={"alpha": number}, **card)
            put_sweep(builder, name, 0.3 + 0.02 * number, seed=10 * number + seed)
            put_ladder(builder, name, [(image + number) % 4 - 1 for image in range(60)], ["1/255", "2/255"])
    return build_report([builder.root])


@pytest.fixture(scope="module")
def parts(report: Report) -> list[Part]:
    (section,) = report.sections
    return list(parts_of(section, 1))


def test_what_answers_at_a_glance_comes_first_and_lies_open(parts: list[Part]) -> None:
    opened = [part for part in parts if not part.is_folded]
    assert opened == parts[:4]
    assert [[one.slug for one in (*part.pictures, *part.tables)] for part in opened] == [
        ["heat_map"],
        ["method_headline"],
        ["clean_against_robust"],
        ["severity_curves"],
    ]


def test_everything_else_is_folded_under_headings_rows_of_checkpoints_apart(parts: list[Part], report: Report) -> None:
    folded = {part.title: [table.slug for table in part.tables] for part in parts if part.is_folded}
    assert list(folded) == [
        *("Every corruption", "Attacks", "Calibration", "Checkpoints", "Parameters and notes"),
    ]
    assert folded["Every corruption"][0] == "method_error_per_corruption"
    assert folded["Attacks"][0] == "method_robust_accuracy"
    assert {"headline", "error_per_corruption", "robust_accuracy", "seed_spread"} <= set(folded["Checkpoints"])
    assert [part.title for part in closing_parts(report)] == ["Training", "Provenance"]


def test_every_table_and_figure_stands_in_one_part(parts: list[Part], report: Report) -> None:
    shown = [one.slug for part in (*parts, *closing_parts(report)) for one in (*part.tables, *part.pictures)]
    wanted = [table.slug for table in report.tables if table.depth != "data"]
    wanted += [picture.slug for section in report.sections for picture in section.pictures]
    assert sorted(shown) == sorted(wanted)


def test_a_note_stands_once_and_none_is_lost(parts: list[Part], report: Report) -> None:
    (section,) = report.sections
    notes = Counter(note for part in parts for table in part.tables for note in table.notes)
    notes.update(note for part in parts for note in part.notes)
    assert set(notes.values()) == {1}
    said = {*section.summary, *section.unit.notes}
    assert {note for table in section.tables if table.depth != "data" for note in table.notes} - said == set(notes)
    common = parts[-1].notes
    assert {f"{name}: alpha {n}." for n, name in enumerate(("baseline", "cutmix", "smoothmix_c"))} <= set(common)
    assert not any("alpha" in note for part in parts for table in part.tables for note in table.notes)


def test_the_contents_name_every_part_of_the_page_in_its_order(report: Report) -> None:
    text = report_html(report)
    contents = re.findall(r'href="#([^"]*)"', text[text.index("<nav") : text.index("</nav>")])
    headings = re.findall(r'<h[23] id="(?!table-)([^"]*)"', text[text.index("</nav>") :])
    assert contents == [heading for heading in headings if heading != "unit-1"]
    assert text.index('id="verdict"') < text.index("<nav") < text.index(f'id="{contents[0]}"')


def test_where_only_attacks_were_measured_they_lie_open(builder: RunBuilder) -> None:
    for name in ("a", "b"):
        builder.clean(name, 900)
        builder.ladder(name, 900, (500, 100))
    (section,) = build_report([builder.root]).sections
    assert [part.title for part in parts_of(section, 1) if not part.is_folded] == [
        "Top-1 error (%, lower is better)",
        "Clean images against corrupted and attacked ones",
        "Attacks",
    ]


def test_tables_without_a_headline_lie_open_each_under_its_own_heading(report: Report) -> None:
    (section,) = report.sections
    tables = tuple(Table(f"compare_{name}", name, section.unit.scope, (), ()) for name in ("errors", "tied"))
    parts = list(parts_of(replace(section, tables=tables, pictures=()), 1))
    assert [(part.id, part.title, part.is_folded) for part in parts] == [
        ("unit-1-compare_errors", "errors", False),
        ("unit-1-compare_tied", "tied", False),
    ]


def test_the_name_of_a_data_set_moves_no_table(tmp_path: Path) -> None:
    builder, other = RunBuilder(tmp_path / "a", n=50, data="headline"), RunBuilder(tmp_path / "b", n=40, data="shapes")
    for one in (builder, other):
        one.card("a0", "a", 0)
        one.card("a1", "a", 1)
        one.card("b0", "b", 0)
    for name in ("a0", "a1", "b0"):
        put_sweep(builder, name, 0.3, seed=len(name), corruptions=("fog",))
        other.clean(name, 30)
    report = build_report([builder.root, other.root])
    for number, section in enumerate(report.sections, 1):
        first = next(part for part in parts_of(section, number) if part.tables)
        assert [table.slug.rpartition("_")[2] for table in first.tables] == ["headline"]


def test_a_page_of_a_single_checkpoint_says_that_nothing_is_compared(make_builder: Make) -> None:
    builder = make_builder(n=50)
    clean_only(builder, "net")
    assert report_html(build_report([builder.root])).count("Nothing to compare") == 1
