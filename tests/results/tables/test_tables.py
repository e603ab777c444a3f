import csv
import io
import itertools
import re
from collections.abc import Callable
from typing import Literal

import pytest
from rich.console import Console
from run_builder import RunBuilder, resealed

from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.corruption_names import C_BAR_SETS, CORRUPTIONS, EXTRA_CORRUPTIONS, SEVERITIES
from robustsweep.results.metrics.references import references_of
from robustsweep.results.report.terminal import to_rich
from robustsweep.results.tables.attack_tables import attack_tables
from robustsweep.results.tables.corruption_tables import corruption_tables
from robustsweep.results.tables.formats import escape_markdown, to_csv, to_markdown
from robustsweep.results.tables.table import Column, Table, footnotes

Make = Callable[..., RunBuilder]


def tables_of(builder: RunBuilder, reference: str | None = None) -> dict[str, Table]:
    (unit,) = split_units(load_frame([builder.root]))
    tables = [*corruption_tables(unit, references_of(unit, reference)), *attack_tables(unit, {})]
    return {table.slug: footnotes(table) for table in tables}


def column(table: Table, name: str) -> list[object]:
    position = [c.name for c in table.columns].index(name)
    return [row[position] for row in table.rows]


def terminal(table: Table, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as capture:
        console.print(to_rich(table, width))
    return capture.get()


def full(builder: RunBuilder, *names: str) -> None:
    for position, name in enumerate(names):
        builder.card(name, name)
        builder.clean(name, 950 - position)
        builder.sweep(name, lambda c, s, p=position: 900 - 20 * s - 10 * CORRUPTIONS.index(c) - p)


def test_the_headline_is_hand_arithmetic(builder: RunBuilder) -> None:
    full(builder, "net")
    head = tables_of(builder)["headline"]
    # error of corruption k at severity s: 0.1 + 0.02 s + 0.01 k; mean over severities: 0.16 + 0.01 k
    expected = {"clean_error": 0.05, "mean_corruption_error": 0.23, "noise_error": 0.17, "blur_error": 0.205}
    expected |= {"weather_error": 0.245, "digital_error": 0.285}
    for name, value in expected.items():
        assert column(head, name) == [pytest.approx(value)]
    assert any("15 corruptions x 5 severities" in note for note in head.notes)


def test_ce_columns_are_relative_to_the_named_reference(builder: RunBuilder) -> None:
    full(builder, "baseline", "cutmix")
    tables = tables_of(builder)
    head = tables["headline"]
    assert column(head, "mce_vs_baseline_not_comparable_with_published_mce")[0] == pytest.approx(1)
    mean_of_ratios = sum((0.161 + 0.01 * k) / (0.16 + 0.01 * k) for k in range(15)) / 15
    assert column(head, "mce_vs_baseline_not_comparable_with_published_mce")[1] == pytest.approx(mean_of_ratios)
    relative = sum((0.161 + 0.01 * k - 0.051) / (0.16 + 0.01 * k - 0.05) for k in range(15)) / 15
    assert column(head, "relative_mce_vs_baseline_not_comparable_with_published_mce")[1] == pytest.approx(relative)
    assert "not comparable with published mCE" in tables["ce_per_corruption_reference"].title
    assert column(tables["ce_per_corruption_reference"], "cutmix")[-1] == pytest.approx(mean_of_ratios)


def test_a_quotient_that_does_not_exist_is_left_out_and_explained(builder: RunBuilder) -> None:
    full(builder, "baseline", "cutmix")
    for cell in builder.root.glob("cells/*/*/cell.json"):
        text = cell.read_text()
        if '"name": "baseline"' in text and '"corruption": "fog"' in text:
            resealed(cell, lambda content: content["counts"].update(n_right=980))
    head = tables_of(builder)["headline"]
    assert not [c.name for c in head.columns if c.name.startswith("relative_mce")]
    assert None not in column(head, "mce_vs_baseline_not_comparable_with_published_mce")
    assert any("relative mCE is undefined" in note and "under fog" in note for note in head.notes)


def test_generated_imagenet_carries_the_words_wherever_alexnet_divides(make_builder: Make) -> None:
    builder = make_builder(classes=1000)
    full(builder, "net")
    tables = tables_of(builder)
    for text in (to_markdown(tables["headline"]), to_markdown(tables["ce_per_corruption_alexnet"])):
        assert "not comparable with published mCE" in text
    assert "not_comparable_with_published_mce" in to_csv(tables["headline"])


def test_official_imagenet_in_full_needs_no_caveat(make_builder: Make) -> None:
    builder = make_builder(classes=1000, provenance="official", n=50000)
    builder.clean("net", 30000)
    builder.sweep("net", lambda c, s: 20000)
    tables = tables_of(builder)
    assert "not comparable" not in "".join(to_markdown(t) + to_csv(t) for t in tables.values())
    assert [c.title for c in tables["headline"].columns][-2:] == ["mCE (AlexNet)", "relative mCE (AlexNet)"]


def test_extras_stand_apart_and_change_no_mean(builder: RunBuilder) -> None:
    full(builder, "net")
    before = tables_of(builder)
    builder.sweep("net", lambda c, s: 0, EXTRA_CORRUPTIONS)
    after = tables_of(builder)
    assert after["headline"].rows == before["headline"].rows
    assert after["error_per_corruption"].rows == before["error_per_corruption"].rows
    assert column(after["extra_corruptions"], "corruption") == list(EXTRA_CORRUPTIONS)
    assert column(after["extra_corruptions"], "net") == [1.0] * 4


def test_c_bar_stands_apart_with_a_mean_of_its_own_and_changes_no_other(builder: RunBuilder) -> None:
    full(builder, "net")
    before = tables_of(builder)
    builder.sweep("net", lambda c, s: 900 - 100 * s, C_BAR_SETS["ImageNet"])
    after = tables_of(builder)
    assert after["error_per_corruption"].rows == before["error_per_corruption"].rows
    mean = "mean_corruption_error_imagenet_c_bar"
    shared = [one.name for one in before["headline"].columns]
    assert [one.name for one in after["headline"].columns if one.name != mean] == shared
    assert [column(after["headline"], name) for name in shared] == [column(before["headline"], name) for name in shared]
    assert column(after["headline"], mean) == pytest.approx([0.4])
    assert "extra_corruptions" not in after
    assert column(after["c_bar_corruptions"], "corruption") == [
        *C_BAR_SETS["ImageNet"],
        "mean corruption error C-bar (ImageNet)",
    ]
    assert column(after["c_bar_corruptions"], "net") == pytest.approx([0.4] * 11)
    assert "Mean error over 10 corruptions x 5 severities" in to_markdown(after["c_bar_corruptions"])


def test_one_missing_severity_is_missing_everywhere_and_never_zero(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    builder.sweep("net", lambda c, s: 500, CORRUPTIONS[1:])
    builder.sweep("net", lambda c, s: 500, CORRUPTIONS[:1], SEVERITIES[:4])
    tables = tables_of(builder)
    head = tables["headline"]
    assert column(head, "mean_corruption_error") == [None]
    assert column(head, "noise_error") == [None]
    assert column(head, "blur_error") == [0.5]
    errors = dict(
        zip(column(tables["error_per_corruption"], "corruption"), tables["error_per_corruption"].rows, strict=True)
    )
    assert errors["gaussian_noise"][2] is None
    assert errors["mean of 15"][2] is None
    assert errors["fog"][2] == 0.5
    assert "–" in to_markdown(head)
    row = list(csv.DictReader(io.StringIO(to_csv(head))))[0]
    assert row["mean_corruption_error"] == ""
    assert row["clean_error"] == "0.1"
    assert any("not measured" in note for note in head.notes)
    assert "No mean of 15: not measured are gaussian_noise@5." in head.notes


def test_a_smoke_sweep_shows_its_single_severities(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    builder.corruption("net", "fog", 3, 700)
    tables = tables_of(builder)
    assert list(tables) == ["headline", "error_per_severity", "clean_and_scores"]
    assert [c.name for c in tables["headline"].columns] == ["checkpoint", "method", "seed", "clean_error"]
    table = tables["error_per_severity"]
    assert table.depth == "summary"
    assert table.rows == (("weather", "fog@3", pytest.approx(0.3)),)


def test_robust_accuracy_is_listed_per_eps_below_the_clean_accuracy(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    builder.ladder("net", 900, (700, 400, 100))
    builder.fgsm("net", 2, 900, 600)
    tables = tables_of(builder)
    assert tables["robust_accuracy"].rows == (
        ("none", "clean images", pytest.approx(0.9)),
        ("fgsm-linf", "2/255", 0.6),
        ("pgd10-linf", "1/255", 0.7),
        ("pgd10-linf", "2/255", 0.4),
        ("pgd10-linf", "4/255", 0.1),
    )
    assert column(tables["median_fooling_eps"], "pgd10-linf") == ["2/255"]
    assert any("10 steps of 1/4 eps" in note for note in tables["robust_accuracy"].notes)
    assert not any("rises" in note for note in tables["robust_accuracy"].notes)


def test_steps_that_are_halved_on_the_way_are_not_given_as_one_size(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    builder.auto_pgd("net", 900, 350)
    (note,) = (note for note in tables_of(builder)["robust_accuracy"].notes if "apgd" in note)
    assert "apgd-ce100-l2@0.5: L2, 100 steps, at first of 2 eps and halved when they stop paying, 1 restart(s)" in note


def test_an_accuracy_that_rises_with_eps_is_pointed_out(builder: RunBuilder) -> None:
    builder.fgsm("net", 4, 900, 300)
    builder.fgsm("net", 8, 900, 310)
    notes = tables_of(builder)["robust_accuracy"].notes
    assert any("the accuracy of net rises with eps" in note for note in notes)


def test_an_eps_that_one_checkpoint_lacks_is_missing(builder: RunBuilder) -> None:
    builder.ladder("a", 900, (700, 400))
    builder.ladder("b", 900, (700,))
    tables = tables_of(builder)
    assert tables["robust_accuracy"].rows[-1] == ("pgd10-linf", "2/255", 0.4, None)
    assert column(tables["median_fooling_eps"], "pgd10-linf") == ["2/255", None]


def test_many_checkpoints_become_rows(builder: RunBuilder) -> None:
    full(builder, *(f"net{k}" for k in range(7)))
    for k in range(7):
        builder.fgsm(f"net{k}", 1, 940, 500)
    tables = tables_of(builder)
    assert column(tables["error_per_corruption"], "checkpoint") == [f"net{k}" for k in range(7)]
    assert [c.name for c in tables["error_per_corruption"].columns[1:]] == [
        *CORRUPTIONS,
        "mean of 15",
        "mean at severity 5",
        "relative robustness (higher is better)",
    ]
    assert "fgsm-linf 1/255" in [c.name for c in tables["robust_accuracy"].columns]


def table(*rows: tuple[float | None, ...], along: Literal["row", "column"] = "row", higher: bool = False) -> Table:
    columns = [Column("name", "name"), *(Column(n, n, "percent", higher) for n in "abc"[: len(rows[0])])]
    filled = tuple((f"r{k}", *row) for k, row in enumerate(rows))
    return Table("slug", "title", None, tuple(columns), filled, best_along=along)


def test_the_best_follows_the_direction_and_is_absent_where_something_is_missing_or_equal() -> None:
    assert table((0.2, 0.1, 0.3)).best() == {(0, 2)}
    assert table((0.2, 0.1, 0.3), higher=True).best() == {(0, 3)}
    assert table((0.2, 0.1, 0.1)).best() == {(0, 2), (0, 3)}
    assert table((0.1, None, 0.3)).best() == set()
    assert table((0.1, 0.1, 0.1)).best() == set()
    assert table((0.1,)).best() == set()
    assert table((0.2, 0.1), (0.1, 0.3), along="column").best() == {(1, 1), (0, 2)}


def test_bold_never_comes_without_its_footnote() -> None:
    marked, plain = footnotes(table((0.2, 0.1))), footnotes(table((0.2, 0.2)))
    assert "**10.00**" in to_markdown(marked)
    assert any("this table has no intervals" in note for note in marked.notes)
    assert plain.notes == ()
    assert "**" not in to_markdown(plain)


def test_people_see_percent_and_csv_keeps_full_precision() -> None:
    third = table((1 / 3, 0.5))
    assert "33.33" in to_markdown(third)
    assert "33.33" in terminal(third, 80)
    assert to_csv(third) == f"name,a,b\nr0,{1 / 3!r},0.5\n"


NASTY = "<b>|[red]x"


def test_names_cannot_inject_markup(builder: RunBuilder) -> None:
    full(builder, NASTY, "[link](http://evil)", "a\x1b[31mb\nc", "`code`*_$x$~")
    for made in tables_of(builder).values():
        text = to_markdown(made)
        assert "<b>" not in text
        assert not re.search(r"(?<!\\)\[(red|link)", text)
        assert "\x1b" not in text
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {len(made.columns) + 1}
        shown = terminal(made, 400)
        assert "\x1b" not in shown
        flat = re.sub(r"\s", "", shown)
        assert NASTY in flat or made.slug == "headline"
        list(csv.DictReader(io.StringIO(to_csv(made)), strict=True))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("smoothmix_s", "smoothmix_s"),
        ("_private_", r"\_private\_"),
        ("a|b", r"a\|b"),
        ("<i>&", "&lt;i&gt;&amp;"),
        ("a\nb", "a\N{REPLACEMENT CHARACTER}b"),
    ],
)
def test_markdown_is_escaped_and_plain_names_stay_plain(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


def test_tables_fold_into_the_terminal_without_losing_a_value(builder: RunBuilder) -> None:
    full(builder, *(f"a-rather-long-checkpoint-name-{k}" for k in range(7)))
    for made, width in itertools.product(tables_of(builder).values(), (60, 80, 140)):
        text = terminal(made, width)
        assert max(map(len, text.splitlines())) <= width
        assert "…" not in text
        for c, col in enumerate(made.columns):
            assert all(col.shown(row[c]) in text for row in made.rows if col.unit == "percent")
