import csv
import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from run_builder import RunBuilder
from typer.testing import CliRunner

from robustsweep.cli.report import report
from robustsweep.errors import NothingToCompareError, UsageError
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.corruption_names import CORRUPTIONS
from robustsweep.results.figures.error_panels import draw_panels
from robustsweep.results.figures.method_series import Series, series_of
from robustsweep.results.report.writer import write_report

Make = Callable[..., RunBuilder]


def fill(builder: RunBuilder, *names: str, right: int = 700) -> None:
    for name in names:
        builder.card(name, name)
        builder.clean(name, 900)
        builder.sweep(name, lambda c, s: right - 10 * s)


def test_a_report_writes_markdown_tables_and_a_figure_into_the_run(builder: RunBuilder) -> None:
    fill(builder, "baseline", "cutmix")
    written = write_report([builder.root])
    folder = builder.root / "report"
    assert {path.relative_to(folder).as_posix() for path in written.files} >= {
        "report.html",
        "report.md",
        "figures/error_per_corruption.png",
        "tables/headline.csv",
        "tables/cells.csv",
    }
    assert all(path.is_file() for path in written.files)
    text = (folder / "report.md").read_text()
    assert "figures/error_per_corruption.png" in text
    assert "shapes · generated · cifar severities · 1000 images · checkpoint-level only" in text
    cells = list(csv.DictReader(io.StringIO((folder / "tables/cells.csv").read_text())))
    assert len(cells) == 2 * 76
    assert {row["n_right"] for row in cells if row["condition"] == "fog@2"} == {"680"}


def test_formats_choose_what_is_written(builder: RunBuilder, tmp_path: Path) -> None:
    fill(builder, "net")
    files = write_report([builder.root], tmp_path / "out", ["csv"]).files
    assert {path.suffix for path in files} == {".csv"}
    with pytest.raises(UsageError, match="Unknown format 'markdown'"):
        write_report([builder.root], tmp_path / "out", ["markdown"])


def test_the_same_cells_give_the_same_bytes(builder: RunBuilder, tmp_path: Path) -> None:
    fill(builder, "baseline", "cutmix")
    first, second = (write_report([builder.root], tmp_path / name).files for name in ("a", "b"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_official_and_generated_never_share_a_table_row(make_builder: Make) -> None:
    generated, official = make_builder("one"), make_builder("two", provenance="official")
    fill(generated, "net", right=700)
    fill(official, "net", right=400)
    written = write_report([generated.root, official.root])
    assert len(written.sections) == 2
    for section in written.sections:
        assert {table.scope.provenance for table in section.tables if table.scope} == {section.unit.scope.provenance}
        (row,) = section.tables[0].rows
        assert row[3] == pytest.approx(0.33 if section.unit.scope.provenance == "generated" else 0.63)
    names = [path.name for path in written.files]
    assert len(set(written.files)) == len(names)
    assert any(name.startswith("shapes-official") for name in names)


def test_planned_but_missing_cells_are_listed(builder: RunBuilder) -> None:
    fill(builder, "net")
    absent = [
        {
            "key": hashlib.sha256(f"{c}{s}".encode()).hexdigest(),
            "checkpoint_id": "0" * 12,
            "checkpoint": "late|net",
            "condition": f"{c}@{s}",
        }
        for c, severities in (("fog", range(1, 6)), ("snow", (2,)))
        for s in severities
    ]
    builder.store.write_plan(absent)
    written = write_report([builder.root])
    assert written.missing is not None
    assert written.missing.rows == (("late|net", 6, "fog@1-5, snow@2"),)
    text = (builder.root / "report" / "report.md").read_text()
    assert "6 planned cells are missing" in text
    assert r"late\|net" in text


def test_runs_without_cells_have_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(NothingToCompareError, match="run robustsweep sweep first") as caught:
        write_report([tmp_path])
    assert caught.value.exit_code == 4


def test_attacks_alone_make_a_report(builder: RunBuilder) -> None:
    builder.ladder("net", 900, (500, 100))
    written = write_report([builder.root])
    assert [table.slug for table in written.sections[0].tables] == [
        "robust_accuracy",
        "median_fooling_eps",
        "fooling_eps_1",
    ]
    assert not [p for p in written.sections[0].pictures if p.table_slug.endswith("error_per_corruption")]


def test_provenance_names_parameters_fingerprint_and_versions(builder: RunBuilder) -> None:
    builder.card("net", "cutmix", 3, method_parameters={"alpha": 1.0})
    builder.clean("net", 900)
    (row,) = write_report([builder.root]).provenance.rows
    assert row[3:8] == ("cutmix", "alpha 1.0", "3", "shapes (generated)", "f" * 12)
    assert row[-2:] == ("torch 2.10", 1)


def png_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.std() > 10  # something is drawn
    return pixels.shape[1], pixels.shape[0]


@pytest.mark.parametrize("n", [2, 9])
def test_figures_are_drawn_for_few_and_many_methods(builder: RunBuilder, n: int) -> None:
    fill(builder, *[f"_$m{k}$_" for k in range(n)])
    write_report([builder.root])
    width, height = png_size(builder.root / "report" / "figures" / "error_per_corruption.png")
    assert 1200 < width < 2000
    assert 500 < height < 1600


def test_twenty_methods_of_any_completeness_fit_one_figure() -> None:
    rng = np.random.default_rng(0)
    series = [Series(f"method {k}" * (k + 1), rng.random((1 + k % 3, 16)), k == 0) for k in range(19)]
    figure = draw_panels([*series, Series("empty", np.full((1, 16), np.nan), False)], "scope $x$")
    FigureCanvasAgg(figure).draw()
    assert len(figure.axes) == 16


def test_seeds_share_a_series_and_other_recipes_do_not(builder: RunBuilder) -> None:
    for name, seed, changes in (
        ("a0", 0, {}),
        ("a1", 1, {}),
        ("b0", 0, {"method_parameters": {"alpha": 0.5}}),
        ("c0", 0, {"epochs": 300}),
        ("d0", 0, {"held_out": 0.1}),
    ):
        builder.card(name, "cutmix", seed, **changes)
        builder.sweep(name, lambda c, s, shift=seed: 700 - 10 * shift)
    (unit,) = split_units(load_frame([builder.root]))
    series = series_of(unit)
    assert sorted((one.label, len(one.errors)) for one in series) == [
        ("a0, a1 (2 seeds)", 2),
        ("b0", 1),
        ("c0", 1),
        ("d0", 1),
    ]
    (seeds,) = [one for one in series if len(one.errors) == 2]
    assert seeds.mean[:15] == pytest.approx([0.305] * 15)


def test_a_partly_measured_method_has_no_mean_in_the_figure(builder: RunBuilder) -> None:
    builder.sweep("net", lambda c, s: 500, CORRUPTIONS[:3])
    (unit,) = split_units(load_frame([builder.root]))
    (one,) = series_of(unit)
    assert np.isnan(one.mean).tolist() == [False] * 3 + [True] * 13


def run_command(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(report)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_command_prints_tables_notes_and_paths(make_builder: Make, tmp_path: Path) -> None:
    builder = make_builder(notes=["Saved as <JPEG> [red]."])
    fill(builder, "baseline", "cutmix")
    code, output = run_command(str(builder.root), "--out", str(tmp_path / "out"), "--reference", "cutmix", "--verbose")
    assert code == 0
    assert "Note: Saved as <JPEG> [red]." in output
    assert "cutmix is 100" in output
    assert "33.00" in output
    flat = re.sub(r"\n", "", output)
    assert str(tmp_path / "out" / "report.md") in flat


def test_the_command_refuses_runs_without_cells(tmp_path: Path) -> None:
    with pytest.raises(NothingToCompareError):
        run_command(str(tmp_path))
