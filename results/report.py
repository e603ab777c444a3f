"""Write the report of one or several runs: Markdown, CSV tables and figures, from stored cells alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from robustsweep.registry import unknown_name
from robustsweep.results.cells import canonical_json
from robustsweep.results.document import Report, build_report
from robustsweep.results.frame import DTYPES
from robustsweep.results.markdown import report_markdown
from robustsweep.results.rendering import to_csv
from robustsweep.results.store import write_atomically
from robustsweep.results.tables import printable

FORMATS = ("md", "csv")


def write_report(
    runs: Sequence[Path], out: Path | None = None, formats: Sequence[str] = FORMATS, reference: str | None = None
) -> Report:
    """Compute the report of ``runs`` and write it.

    Args:
        runs: Run folders.
        out: Folder to write to; None: ``report`` in the first run folder.
        formats: ``"md"`` writes ``report.md`` and its figures, ``"csv"`` writes ``tables/*.csv`` with raw values and
            ``tables/cells.csv`` with every measured cell.
        reference: As in ``build_report``.

    Raises:
        NothingToCompareError: If no run holds a finished cell.
        UsageError: If a format or the reference is unknown.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown_name("format", name, list(FORMATS))
    report = build_report(runs, reference)
    contents: dict[str, bytes] = {}
    if "md" in formats:
        contents["report.md"] = report_markdown(report).encode()
        contents |= {f"figures/{p.name}": p.png for section in report.sections for p in section.pictures}
    if "csv" in formats:
        contents |= {f"tables/{table.slug}.csv": to_csv(table).encode() for table in report.tables}
        contents["tables/cells.csv"] = _cells_csv(report.frame).encode()
    folder = out if out is not None else runs[0] / "report"
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return replace(report, files=tuple(folder / name for name in contents))


def _cells_csv(frame: pd.DataFrame) -> str:
    """Every measured cell, one row per eps, as ``load_frame`` returns it."""
    text = frame.assign(
        identity=[canonical_json(identity) for identity in frame["identity"]],
        data_notes=[" ".join(notes) for notes in frame["data_notes"]],
        warnings=[" ".join(warnings) for warnings in frame["warnings"]],
    )
    for name in (name for name, kind in DTYPES.items() if kind in ("str", "object")):
        text[name] = text[name].map(printable, na_action="ignore")
    return text.to_csv(index=False, lineterminator="\n")
