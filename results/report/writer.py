"""Write the report of one or several runs from stored cells alone: HTML, Markdown, CSV, LaTeX, JSON and figures."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from robustsweep.errors import UsageError
from robustsweep.process.cycle_collector import collector_paused
from robustsweep.process.freed_memory import keep_freed_memory
from robustsweep.registry import unknown_name
from robustsweep.results.comparable.rows import DTYPES
from robustsweep.results.figures.picture import ImageFormat
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.html.page import report_html
from robustsweep.results.report.json_report import report_json
from robustsweep.results.report.latex import latex_files
from robustsweep.results.report.markdown import report_markdown
from robustsweep.results.report.paper.paper_latex import paper_latex
from robustsweep.results.report.paper.paper_table import paper_tables
from robustsweep.results.report.paper.request import PaperRequest
from robustsweep.results.report.report_files import write_files
from robustsweep.results.stored.cells import canonical_json
from robustsweep.results.tables.csv_text import csv_text
from robustsweep.results.tables.formats import to_csv

FORMATS = ("html", "md", "csv", "latex", "json")
FIGURE_FORMATS: tuple[ImageFormat, ...] = ("png", "svg", "pdf")
DEFAULT_FORMATS = ("html", "md", "csv")


@collector_paused()
def write_report(
    runs: Sequence[Path],
    out: Path | None = None,
    formats: Sequence[str] = DEFAULT_FORMATS,
    reference: str | None = None,
    paper: PaperRequest | None = None,
    status: str = "",
) -> Report:
    """Compute the report of ``runs`` and write it; an earlier report's files of these formats do not stay.

    Args:
        runs: Run folders.
        out: Folder to write to; None: ``report`` in the first run folder.
        formats: ``"html"`` writes ``report.html``, one file that holds all; ``"md"`` writes ``report.md`` and its
            figures; ``"csv"`` writes ``tables/*.csv`` with raw values and ``tables/cells.csv`` with every measured
            cell; ``"latex"`` writes ``latex/*.tex``, one per table, ``latex/paper_table.tex`` with methods in rows, and
            ``latex/report.tex``, which inputs them and the figures beside it; ``"json"`` writes ``report.json``;
            ``"png"``, ``"svg"`` and ``"pdf"`` write the figures alone.
        reference: As in ``build_report``.
        paper: The shape of the paper's table, which is written as ``"latex"`` alone; None: the default one.
        status: As in ``build_report``.

    Raises:
        NothingToCompareError: If no run holds a finished cell, and no sweep goes on.
        UsageError: If a format, the reference or a column of the paper's table is unknown.
    """
    for name in formats:
        if name not in (*FORMATS, *FIGURE_FORMATS):
            raise unknown_name("format", name, [*FORMATS, *FIGURE_FORMATS])
    if paper is not None and "latex" not in formats:
        raise UsageError(
            "--columns, --digits, --spread and --against shape the paper's table; add latex to --format to write it."
        )
    keep_freed_memory()
    report = build_report(runs, reference, status)
    contents = dict(_contents(report, formats, paper or PaperRequest()))
    root, folder = (out, ()) if out is not None else (runs[0], ("report",))
    write_files(root, folder, contents, formats)
    return replace(report, files=tuple(root.joinpath(*folder, name) for name in contents))


def _contents(report: Report, formats: Sequence[str], paper: PaperRequest) -> Iterator[tuple[str, bytes]]:
    """Yield the path of each file below the report's folder, and what it holds."""
    pictures = [picture for section in report.sections for picture in section.pictures]
    if "html" in formats:
        yield "report.html", report_html(report).encode()
    if "md" in formats:
        yield "report.md", report_markdown(report).encode()
    for file_format in FIGURE_FORMATS:
        if file_format in formats or (file_format == "png" and "md" in formats):
            yield from ((f"figures/{p.slug}.{file_format}", p.rendered(file_format)) for p in pictures)
    if "csv" in formats:
        yield from ((f"tables/{table.slug}.csv", to_csv(table).encode()) for table in report.tables)
        yield "tables/cells.csv", _cells_csv(report.frame).encode()
    if "latex" in formats:
        papers = {f"{table.slug}.tex": paper_latex(table) for table in paper_tables(report, paper)}
        yield from ((f"latex/{name}", text.encode()) for name, text in latex_files(report, papers).items())
        yield from ((f"latex/{picture.slug}.pdf", picture.rendered("pdf")) for picture in pictures)
    if "json" in formats:
        yield "report.json", report_json(report).encode()


def _cells_csv(frame: pd.DataFrame) -> str:
    """Every measured cell, one row per eps, as ``load_frame`` returns it."""
    text = frame.assign(
        identity=[canonical_json(identity) for identity in frame["identity"]],
        data_notes=[" ".join(notes) for notes in frame["data_notes"]],
        warnings=[" ".join(warnings) for warnings in frame["warnings"]],
    )
    for name in (name for name, kind in DTYPES.items() if kind in ("str", "object")):
        # Most strings stand in many rows.
        text[name] = text[name].map({one: csv_text(one) for one in text[name].dropna().unique()})
    return text.to_csv(index=False, lineterminator="\n")
