"""Comparisons in every format say the same."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from compared_runs import method
from run_builder import RunBuilder

from robustsweep.cli import main
from robustsweep.errors import UsageError
from robustsweep.results.compare.comparison import UnitComparison, compare
from robustsweep.results.compare.request import CompareRequest
from robustsweep.results.compare.tables import comparison_tables
from robustsweep.results.report.comparison_files import COMPARISON_FORMATS, comparison_files
from robustsweep.results.report.json_report import report_schema

HOSTILE = "<b>&mix%_|"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompareRequest, list[UnitComparison]]:
    roots = []
    for place, fingerprint in enumerate("de"):
        builder = RunBuilder(tmp_path_factory.mktemp("compared") / "run", n=80, fingerprint=fingerprint * 64)
        for name, error, seeds in (("smoothmix", 0.3, 3), ("cutmix", 0.4, 3), (HOSTILE, 0.5, 2)):
            method(builder, name, error + 0.01 * place, seeds)
        roots.append(builder.root)
    request = CompareRequest(tuple(roots), "smoothmix", ("cutmix", HOSTILE))
    return request, compare(request.runs, request.method, request.against)


@pytest.fixture(scope="module")
def files(found: tuple[CompareRequest, list[UnitComparison]]) -> dict[str, str]:
    return {name: content.decode() for name, content in comparison_files(*found, COMPARISON_FORMATS).items()}


class Cells(HTMLParser):
    """The strings of a page's table cells, row by row, without their marks."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "wbr":
            return
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self._is_open = tag in ("td", "th")

    def handle_endtag(self, tag: str) -> None:
        self._is_open = False

    def handle_data(self, data: str) -> None:
        if self._is_open:
            self.rows[-1][-1] += data


def test_every_format_has_every_value_of_every_table(found, files: dict[str, str]) -> None:
    tables = [table for one in found[1] for table in comparison_tables(one)]
    assert [table.slug for table in tables].count("compare_errors") == 2
    html = {tuple(row) for row in Cells(files["compare.html"]).rows}
    document = json.loads(files["compare.json"])
    in_json = [table for unit in document["units"] for table in unit["tables"]]
    assert len(in_json) == len(tables)
    for number, (table, other) in enumerate(zip(tables, in_json, strict=True), 1):
        assert other["rows"] == [list(row) for row in table.rows]
        assert other["slug"].endswith(table.slug)
        raw = list(csv.reader(io.StringIO(files[f"{number}_{table.slug}.csv"])))
        leading = len(raw[0]) - len(table.columns)
        for row, written in zip(table.rows, raw[1:], strict=True):
            shown = [column.shown(value) for column, value in zip(table.columns, row, strict=True)]
            assert tuple(shown) in html
            pairs = zip(row, written[leading:], strict=True)
            assert all(float(text) == value for value, text in pairs if isinstance(value, float))
            latex = files[f"latex/{other['slug']}.tex"]
            numbers = [text for text in shown if re.fullmatch(r"-?\d+\.\d+", text)]
            assert any(all(f"| {text} " in line for text in numbers) for line in files["compare.md"].splitlines())
            assert any(all(f"{{{text}}}" in line for text in numbers) for line in latex.splitlines())


def test_the_json_fits_the_schema_of_the_report(files: dict[str, str]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    document = json.loads(files["compare.json"])
    jsonschema.Draft202012Validator(report_schema()).validate(document)
    assert document["schema_version"] == 1
    (first, second) = document["units"]
    assert first["summary"][0].startswith("smoothmix against cutmix, fog: ")
    assert first["tables"][0]["slug"] != second["tables"][0]["slug"]


def test_names_are_escaped_and_checkpoints_have_their_provenance(files: dict[str, str]) -> None:
    assert "<title>smoothmix against cutmix, &lt;b&gt;" in files["compare.html"]
    assert "<b>&mix" not in files["compare.html"]
    assert files["compare.md"].startswith("# smoothmix against cutmix, &lt;b&gt;&amp;mix%\\_\\|\n")
    assert r"\textless{}b\textgreater{}\&mix\%\_\textbar{}" in files["latex/provenance.tex"]
    rows = json.loads(files["compare.json"])["provenance"]["rows"]
    assert {row[0] for row in rows} >= {"smoothmix-0", "cutmix-2"}


def test_a_wrong_format_is_named_before_anything_is_computed(found) -> None:
    with pytest.raises(UsageError, match="Unknown format 'htm'; did you mean 'html'"):
        comparison_files(*found, ["md", "htm"])


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--format", "json"], 2, "name the folder to write to with --out"),
        (["--format", "latx", "--out", "o"], 2, "did you mean 'latex'"),
        (["--format", "json, html", "--out", "o"], 0, "Wrote o/ (2 files)"),
        (["--out", "o"], 0, "compare.md"),
    ],
)
def test_the_command_writes_the_formats_that_are_asked_for(
    found, tmp_path: Path, monkeypatch, capsys, options: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [str(root) for root in found[0].runs]
    arguments = ["compare", *runs, "--method", "smoothmix", "--against", "cutmix", *options]
    monkeypatch.setattr(sys, "argv", ["robustsweep", *arguments])
    ended = 0
    try:
        main()
    except SystemExit as error:
        ended = int(error.code or 0)
    output = "".join(capsys.readouterr())
    names = sorted(path.name for path in tmp_path.glob("o/*"))
    assert ended == code, output
    assert said in output or said in names
    assert names == ([] if code else ["compare.html", "compare.json"] if "--format" in options else names)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex is installed")
def test_the_latex_compiles(files: dict[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        if name.startswith("latex/"):
            (tmp_path / Path(name).name).write_text(text)
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "compare.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Overfull" not in (tmp_path / "compare.log").read_text(errors="replace")
