"""Tables as Markdown and CSV, with every name escaped."""

import csv
import io
import re

from robustsweep.printable import printable
from robustsweep.results.tables.csv_text import csv_text
from robustsweep.results.tables.table import OVERLAPPING, Table

_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {character: f"\\{character}" for character in "\\`*[]|~#$"}
)
TIED = " ≈"
"""Follows a value that does not differ significantly from the best of its line."""


def escape_markdown(text: str) -> str:
    """Escape ``text`` so that Markdown shows it literally, in table cells as well."""
    escaped = printable(text).translate(_MARKDOWN)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)  # inside a word an underscore is literal already


def shown_rows(table: Table) -> list[list[str]]:
    """Format every value; a key is blank if the row above has the same one."""
    shown: list[list[str]] = []
    above: tuple[object, ...] | None = None
    for row in table.rows:
        texts = [column.shown(value) for column, value in zip(table.columns, row, strict=True)]
        if table.keys > 1 and above is not None and above[0] == row[0]:
            texts[0] = ""
        shown.append(texts)
        above = row
    return shown


def to_markdown(table: Table, level: int = 3) -> str:
    """Render a heading, the scope, the table and its notes."""
    best = table.best()
    lines = [f"{'#' * level} {escape_markdown(table.title)}", ""]
    if table.scope:
        lines += [f"_{escape_markdown(table.scope.title)}_", ""]
    lines.append("| " + " | ".join(escape_markdown(column.title) for column in table.columns) + " |")
    lines.append("|" + "|".join("---" if column.is_text else "--:" for column in table.columns) + "|")
    for r, texts in enumerate(shown_rows(table)):
        cells = [f"**{text}**" if (r, c) in best else escape_markdown(text) for c, text in enumerate(texts)]
        cells = [f"{cell}{_mark(table, r, c)}" for c, cell in enumerate(cells)]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- {escape_markdown(note)}" for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def _mark(table: Table, row: int, column: int) -> str:
    interval = table.shown_interval(row, column)
    marks = (TIED if (row, column) in table.tied else "") + (OVERLAPPING if (row, column) in table.overlapping else "")
    return marks + (f" {interval}" if interval else "")


def to_csv(table: Table) -> str:
    """Render raw values: fractions and counts in full precision, empty if missing, the scope in leading columns.

    A column with intervals is followed by their ends, ``NAME_low`` and ``NAME_high``. Texts are written by
    ``csv_text``, so that a spreadsheet takes none of them for a formula.
    """
    scope = table.scope
    leading: dict[str, object] = {}
    if scope:
        leading = {"data": scope.data, "fingerprint": scope.fingerprint, "provenance": scope.provenance}
        leading |= {"images": scope.n, "subset": scope.subset, "severity_table": scope.table}
        leading |= {"jpeg_quality": scope.jpeg_quality, "draw_seed": scope.draw_seed}
        leading |= {"training": scope.training or None}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    bounded = {column for _, column in table.intervals}
    names = [[column.name, *_ends_of(column.name, c in bounded)] for c, column in enumerate(table.columns)]
    writer.writerow([*leading, *(csv_text(name) for group in names for name in group)])
    for r, row in enumerate(table.rows):
        cells = [*leading.values()]
        for c, value in enumerate(row):
            cells += [value, *(table.intervals.get((r, c), (None, None)) if c in bounded else ())]
        writer.writerow([csv_text(cell) if isinstance(cell, str) else cell for cell in cells])
    return file.getvalue()


def _ends_of(name: str, bounded: bool) -> list[str]:
    return [f"{name}_low", f"{name}_high"] if bounded else []
