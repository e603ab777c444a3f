"""Comparisons in the formats of the report."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from robustsweep.registry import unknown_name
from robustsweep.results.compare.comparison import UnitComparison
from robustsweep.results.compare.overview import main_findings
from robustsweep.results.compare.request import CompareRequest
from robustsweep.results.compare.tables import comparison_tables
from robustsweep.results.report.document import Report, prefixes_of
from robustsweep.results.report.html.page import report_html
from robustsweep.results.report.json_report import report_json
from robustsweep.results.report.latex import latex_files
from robustsweep.results.report.markdown import report_markdown
from robustsweep.results.report.section import Section
from robustsweep.results.tables.formats import to_csv
from robustsweep.results.tables.provenance_tables import provenance_table
from robustsweep.results.tables.table import Table

COMPARISON_FORMATS = ("md", "csv", "latex", "html", "json")
DEFAULT_COMPARISON_FORMATS = ("md", "csv")


def refuse_unknown_formats(formats: Sequence[str]) -> None:
    """Check that comparisons are written in every format.

    Raises:
        UsageError: If they are not, listing those in which they are.
    """
    for name in formats:
        if name not in COMPARISON_FORMATS:
            raise unknown_name("format", name, list(COMPARISON_FORMATS))


def comparison_files(
    request: CompareRequest, found: Sequence[UnitComparison], formats: Sequence[str]
) -> dict[str, bytes]:
    """Render comparisons, by file name.

    Args:
        request: What was compared.
        found: As ``compare`` returns it.
        formats: ``"md"``, ``"html"`` and ``"json"`` are one file each, ``compare.FORMAT``; the JSON is that of the
            report, with its schema. ``"csv"`` is one file per table, numbered; ``"latex"`` is ``latex/*.tex``, one per
            table, and ``latex/compare.tex``, which inputs them.

    Raises:
        UsageError: If a format is unknown.
    """
    refuse_unknown_formats(formats)
    tables = [comparison_tables(one) for one in found]
    return dict(_contents(comparison_report(request, found, tables), [t for same in tables for t in same], formats))


def comparison_report(
    request: CompareRequest, found: Sequence[UnitComparison], tables: Sequence[Sequence[Table]]
) -> Report:
    """Put comparisons into the form of a report, with their checkpoints' provenance.

    Args:
        request: What was compared.
        found: As ``compare`` returns it.
        tables: Those of each set, as ``comparison_tables`` returns them.
    """
    prefixes = prefixes_of([one.unit for one in found])
    sections = tuple(
        Section(
            one.unit,
            tuple(replace(t, slug=f"{prefix}{t.slug}") for t in same),
            (),
            tuple(main_findings(one, request.metrics)),
        )
        for one, same, prefix in zip(found, tables, prefixes, strict=True)
    )
    frame = pd.concat([_compared_rows(one) for one in found])
    title = f"{request.method} against {', '.join(request.against)}"
    return Report(
        request.runs,
        sections,
        training=(),
        published=(),
        missing=None,
        provenance=provenance_table(frame),
        cautions=(),
        frame=frame,
        title=title,
    )


def _compared_rows(one: UnitComparison) -> pd.DataFrame:
    rows = one.unit.everything
    ids = {identifier for pair in one.pairs for side in pair for identifier in side.checkpoint_ids}
    return rows[rows["checkpoint_id"].isin(ids)]


def _contents(report: Report, tables: Sequence[Table], formats: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    if "md" in formats:
        yield "compare.md", report_markdown(report).encode()
    if "csv" in formats:
        yield from ((f"{number}_{table.slug}.csv", to_csv(table).encode()) for number, table in enumerate(tables, 1))
    if "latex" in formats:
        for name, text in latex_files(report).items():
            yield f"latex/{'compare.tex' if name == 'report.tex' else name}", text.encode()
    if "html" in formats:
        yield "compare.html", report_html(report).encode()
    if "json" in formats:
        yield "compare.json", report_json(report).encode()
