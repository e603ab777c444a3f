import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answered_runs import put_sweep
from run_builder import RunBuilder

from robustsweep.results.figures.comparison_figures import severity_curves
from robustsweep.results.figures.heat_map import heat_map
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.json_report import report_json, report_schema
from robustsweep.results.report.latex import escape_latex, latex_files, to_latex
from robustsweep.results.report.writer import write_report
from robustsweep.results.tables.formats import to_csv, to_markdown
from robustsweep.results.tables.published_tables import published_tables
from robustsweep.results.tables.table import Column, Table

Make = Callable[..., RunBuilder]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunBuilder:
    builder = RunBuilder(tmp_path_factory.mktemp("formats") / "run", n=300)
    for name, method, seed, error in (
        ("base_0", "baseline", 0, 0.30),
        ("base_1", "baseline", 1, 0.32),
        ("mix&0", "cutmix", 0, 0.31),
        ("bad%0", "mixup", 0, 0.60),
    ):
        builder.card(name, method, seed)
        put_sweep(builder, name, error, seed=len(name) + 10 * seed + int(100 * error))
    return builder


@pytest.fixture(scope="module")
def report(run: RunBuilder) -> Report:
    return build_report([run.root])


def table_of(report: Report, slug: str) -> Table:
    (table,) = [table for table in report.tables if table.slug == slug]
    return table


def wrong_of(run: RunBuilder, name: str) -> np.ndarray:
    """Read whether each image was wrong, shape (76, n), the clean condition first."""
    found = []
    for cell in run.store.cells():
        if cell.checkpoint["name"] == name:
            prediction = run.store.examples_of(cell.checkpoint["id"], cell.key).prediction
            found.append((cell.condition["kind"] != "clean", prediction != 1))
    return np.array([wrong for _, wrong in sorted(found, key=lambda pair: pair[0])])


def test_the_headline_has_intervals_over_images(run: RunBuilder, report: Report) -> None:
    table = table_of(report, "headline")
    names = [column.name for column in table.columns]
    row = [values[0] for values in table.rows].index("mix&0")
    wrong = wrong_of(run, "mix&0")
    mean = wrong[1:].mean(axis=0)
    low, high = table.intervals[row, names.index("mean_corruption_error")]
    # 1.968 is the 97.5% quantile of the t distribution with 299 degrees of freedom.
    assert (high - low) / 2 == pytest.approx(1.968 * mean.std(ddof=1) / np.sqrt(300), rel=1e-3)
    assert (high + low) / 2 == pytest.approx(mean.mean())
    low, high = table.intervals[row, names.index("clean_error")]
    share, z2 = wrong[0].mean(), 1.959964**2
    for end in (low, high):  # Wilson's ends solve (share - end)^2 = z^2 end (1 - end) / n
        assert (share - end) ** 2 == pytest.approx(z2 * end * (1 - end) / 300, rel=1e-5)


def test_what_cannot_be_told_apart_is_marked_and_what_can_is_not(report: Report) -> None:
    table = table_of(report, "headline")
    place = [column.name for column in table.columns].index("mean_corruption_error")
    names = [str(row[0]) for row in table.rows]
    (best,) = [row for row, column in table.best() if column == place]
    tied = {names[row] for row, column in table.tied if column == place}
    assert names[best] not in tied
    assert "bad%0" not in tied
    (section,) = report.sections
    assert section.summary[0].startswith("Lowest mean error over the 15 corruptions of C: ")
    assert "Highest: Mixup, " in section.summary[0]


def test_equal_checkpoints_are_tied_and_one_far_off_is_not(make_builder: Make) -> None:
    builder = make_builder(n=200)
    for name, error, seed in (("a", 0.3, 1), ("b", 0.302, 1), ("far", 0.6, 2)):
        builder.card(name, name)
        put_sweep(builder, name, error, seed, corruptions=("fog",))
    table = table_of(build_report([builder.root]), "headline")
    place = [column.name for column in table.columns].index("clean_error")
    values = [row[place] for row in table.rows]
    tied = {str(table.rows[row][0]) for row, column in table.tied if column == place}
    assert values[0] != values[2]
    assert tied == ({"b"} if values[0] != values[1] else set())


def test_without_answers_per_image_the_headline_says_why_it_has_no_intervals(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    table = table_of(build_report([builder.root]), "headline")
    assert not table.intervals
    assert any(note.startswith("No intervals: ") for note in table.notes)


def test_intervals_reach_markdown_and_csv(report: Report) -> None:
    table = table_of(report, "headline")
    (row, column), (low, high) = next(iter(table.intervals.items()))
    assert f"[{100 * low:.2f}, {100 * high:.2f}]" in to_markdown(table)
    header, *lines = to_csv(table).splitlines()
    names = header.split(",")
    place = names.index(f"{table.columns[column].name}_low")
    assert names[place + 1] == f"{table.columns[column].name}_high"
    assert [float(text) for text in lines[row].split(",")[place : place + 2]] == [low, high]


def test_the_spread_over_seeds_is_that_of_the_seeds(report: Report) -> None:
    headline, spread = table_of(report, "headline"), table_of(report, "seed_spread")
    place = [column.name for column in headline.columns].index("mean_corruption_error")
    values = [row[place] for row in headline.rows if row[1] == "baseline"]
    assert [row[0] for row in spread.rows] == ["baseline"]
    names = [column.name for column in spread.columns]
    shown = [spread.rows[0][names.index(f"mean_corruption_error_{n}")] for n in ("mean", "sd", "lowest", "highest")]
    assert shown == pytest.approx([np.mean(values), np.std(values, ddof=1), min(values), max(values)])


@pytest.mark.parametrize("recipe_hash", [None, "c" * 64])
def test_seeds_whose_training_is_not_stated_are_named_under_their_spread(
    builder: RunBuilder, recipe_hash: str | None
) -> None:
    for seed in (0, 1):
        builder.card(f"net-{seed}", "cutmix", seed, recipe_hash=recipe_hash)
        builder.clean(f"net-{seed}", 900 + seed)
    notes = table_of(build_report([builder.root]), "seed_spread").notes
    note = "Training not stated for CutMix (2 seeds); whether more than the seed differs is unknown."
    assert (note in notes) == (recipe_hash is None)


def test_the_heat_map_is_coloured_by_the_distance_to_the_mean_of_the_methods(report: Report) -> None:
    (section,) = report.sections
    figure = heat_map(section.unit)
    assert figure is not None
    mesh = figure.axes[0].collections[0]
    distance = np.asarray(mesh.get_array()).reshape(3, 16)
    assert distance.mean(axis=0) == pytest.approx(np.zeros(16), abs=1e-12)
    errors = np.array([float(text.get_text()) for text in figure.axes[0].texts]).reshape(3, 16)
    assert distance == pytest.approx(errors - errors.mean(axis=0), abs=0.11)
    assert distance[:, -1].max() > 10


def test_severity_curves_leave_a_gap_where_a_condition_is_missing(make_builder: Make) -> None:
    builder = make_builder()
    builder.sweep("net", lambda c, s: 900 - 100 * s, ("gaussian_noise", "shot_noise", "impulse_noise"))
    builder.corruption("net", "fog", 3, 500)
    (section,) = build_report([builder.root]).sections
    figure = severity_curves(section.unit)
    assert figure is not None
    noise = {axes.get_title(): axes.lines[-1].get_ydata() for axes in figure.axes}
    assert np.asarray(noise["noise"])[1:] == pytest.approx([20, 30, 40, 50, 60])
    assert np.isnan(np.asarray(noise["noise"])[0])
    assert np.isnan(np.asarray(noise["weather"])).all()


def official(make: Make, architecture: str, **changes: Any) -> Report:
    facts = {"n": 10_000, "classes": 100, "data": "cifar100-c", "provenance": "official"} | changes
    builder = make(f"{architecture}{len(changes)}", **facts)
    builder.card("net", "cutmix", 0, architecture=architecture)
    builder.corruption("net", "fog", 1, 5000)
    return build_report([builder.root])


def test_published_errors_stand_beside_the_same_architecture_on_the_complete_official_set(make_builder: Make) -> None:
    (table,) = official(make_builder, "wrn-40-2").published
    (row,) = table.rows
    assert row[0] == "Hendrycks2020AugMix_WRN"
    assert row[-1] == pytest.approx(0.358908, abs=5e-7)  # 1 - 64.1092%, the mean accuracy that the source states
    assert any(note.startswith("Source: RobustBench") for note in table.notes)


@pytest.mark.parametrize(
    "changes",
    [
        {"provenance": "generated"},
        {"n": 9_999},
        {"data": "cifar100"},
        {"subset": {"limit": 10000, "of": 20000}},
        {"classes": 10},
    ],
)
def test_published_errors_stand_beside_nothing_else(make_builder: Make, changes: dict[str, Any]) -> None:
    assert official(make_builder, "wrn-40-2", **changes).published == ()
    assert official(make_builder, "resnet20").published == ()


def test_published_rows_average_to_the_means_that_their_source_states(make_builder: Make) -> None:
    found = {}
    for data, classes, n, architecture in (
        ("cifar10-c", 10, 10_000, "wrn-28-10"),
        ("cifar100-c", 100, 10_000, "resnet18"),
        ("imagenet-c", 1000, 50_000, "torchvision:resnet50"),
    ):
        report = official(make_builder, architecture, data=data, classes=classes, n=n)
        found |= {row[0]: row[-1] for table in published_tables([report.sections[0].unit]) for row in table.rows}
    stated = {"Standard": 73.4572, "Modas2021PRIMEResNet18": 68.2817, "Standard_R50": 39.4829}
    stated |= {"Hendrycks2020AugMix": 49.3285, "Hendrycks2020Many": 52.9048, "Erichson2022NoisyMix_new": 53.2840}
    assert {name: 100 * (1 - float(str(value))) for name, value in found.items()} == pytest.approx(stated, abs=5e-5)


def objects(schema: Any) -> list[dict[str, Any]]:
    """List every part of a schema that describes an object."""
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    found = [one for part in parts for one in objects(part)]
    return [schema, *found] if isinstance(schema, dict) and "properties" in schema else found


def test_the_json_report_fits_its_schema(report: Report) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    document, schema = json.loads(report_json(report)), report_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(document)
    assert document["units"][0]["tables"][0]["slug"] == "method_headline"
    assert not validator.is_valid(document | {"runs": [1]})
    assert not validator.is_valid(document | {"more": 1})


def test_every_object_of_the_schema_is_complete() -> None:
    for one in objects(report_schema()):
        assert set(one["required"]) == set(one["properties"])
        assert one["additionalProperties"] is False


def test_latex_shows_names_literally() -> None:
    assert escape_latex(r"50%_\x{a}~^&#$") == (r"50\%\_\textbackslash{}x\{a\}\textasciitilde{}\textasciicircum{}\&\#\$")
    assert escape_latex("--epochs 3, a---b, ,, and ''") == "-{}-epochs 3, a-{}-{}-b, ,{}, and '{}'"
    assert escape_latex("a–b · é \U0001f600\x07") == r"a--b \textperiodcentered{} é ??"


def figures_of(report: Report, table: Table | None) -> list[str]:
    return [picture.slug for section in report.sections for picture in section.pictures_after(table)]


def test_every_table_is_a_latex_file_that_one_file_inputs(report: Report) -> None:
    files = latex_files(report)
    inputs = re.findall(r"\\input\{(.*?)\}", files["report.tex"])
    assert sorted([*inputs, "report.tex"]) == sorted(files)
    for text in files.values():
        assert len(re.findall(r"(?<!\\)\{", text)) == len(re.findall(r"(?<!\\)\}", text))
    figures = [picture.slug for section in report.sections for picture in section.pictures]
    assert re.findall(r"\\includegraphics\[.*?\]\{(.*?)\.pdf\}", files["report.tex"]) == [
        slug for table in (None, *report.tables) for slug in figures if slug in figures_of(report, table)
    ]
    assert figures_of(report, None) == ["heat_map"]
    assert len(figures) >= 5
    assert escape_latex(report.sections[0].summary[0]) in files["report.tex"]
    assert r"\item[ECE, reliability]" in files["report.tex"]
    headline = files["headline.tex"]
    assert r"mix\&0" in headline
    assert r"bad\%0" in headline
    body = headline[headline.index(r"\midrule") : headline.index(r"\bottomrule")]
    rows = [line for line in body.splitlines()[1:] if line]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table_of(report, "headline").columns) - 1}
    assert body.count(r"\textbf") >= 1


def test_notes_stand_below_a_latex_table_and_long_texts_go_over_several_lines(report: Report) -> None:
    headline = to_latex(table_of(report, "headline"))
    assert headline.index(r"\caption{") < headline.index(r"\end{tabular}") < headline.index("Bold: best of its column.")
    columns = (Column("who", "who"), Column("why", "why"))
    rows = (("net", " ".join(["50% & more"] * 5)), ("long", "x" * 60))
    text = to_latex(Table("t", "t", None, columns, rows))
    assert text.count(r"\parbox[t]") == 1
    assert r"{\raggedright 50\% \& more" in text


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex is installed")
def test_the_latex_report_compiles(run: RunBuilder, tmp_path: Path) -> None:
    files = write_report([run.root], tmp_path, ["latex"]).files
    # Without the fonts' outlines, which a small installation would have to make first.
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path / "latex", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
    log = (tmp_path / "latex" / "report.log").read_text(errors="replace")
    assert all(path.name in log for path in files if path.name != "report.tex")
    assert "Overfull" not in log


def test_figures_are_written_on_request_in_the_same_bytes(run: RunBuilder, tmp_path: Path) -> None:
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    first, second = (write_report([run.root], tmp_path / folder, ["png", "svg", "pdf"]).files for folder in ("a", "b"))
    assert {path.suffix for path in first} == set(starts)
    assert all(path.read_bytes().startswith(starts[path.suffix]) for path in first)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
