"""Tables as Markdown, CSV and terminal text, with every name escaped."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Literal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from robustsweep.printable import printable
from robustsweep.results.comparable.notes import of_kind
from robustsweep.results.tables.csv_text import csv_text
from robustsweep.results.tables.table import Table

_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {character: f"\\{character}" for character in "\\`*[]|~#$"}
)
_HEADER_WIDTH = 14
_KEY_WIDTH = 26
_GAP = 2
_TIED = " ≈"


def escape_markdown(text: str) -> str:
    """Escape ``text`` so that Markdown shows it literally, in table cells as well."""
    escaped = printable(text).translate(_MARKDOWN)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)  # inside a word an underscore is literal already


def _shown_rows(table: Table) -> list[list[str]]:
    """Format every value; a key is blank where the row above has the same one."""
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
    for r, texts in enumerate(_shown_rows(table)):
        cells = [f"**{text}**" if (r, c) in best else escape_markdown(text) for c, text in enumerate(texts)]
        cells = [f"{cell}{_mark(table, r, c)}" for c, cell in enumerate(cells)]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- {escape_markdown(note)}" for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def _mark(table: Table, row: int, column: int) -> str:
    interval = table.shown_interval(row, column)
    return (_TIED if (row, column) in table.tied else "") + (f" {interval}" if interval else "")


def to_csv(table: Table) -> str:
    """Render raw values: fractions and counts in full precision, empty where missing, the scope in leading columns.

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


def to_rich(table: Table, width: int) -> RenderableType:
    """Render for a terminal of ``width`` characters, without intervals.

    Columns that do not fit follow below with the keys repeated.
    """
    parts: list[RenderableType] = [Text(printable(table.title), style="bold")]
    if table.scope:
        parts.append(Text(printable(table.scope.title), style="cyan"))
    for position, chunk in enumerate(_chunks(table, width)):
        parts += [Text()] if position else []
        parts.append(_rich_chunk(table, chunk))
    about_intervals = of_kind(table.notes, "intervals")
    notes = [printable(note) for note in table.notes if note not in about_intervals]
    parts += [Padding(Text(note, style="dim"), (0, 0, 0, 2), expand=False) for note in notes]
    return Group(*parts)


def _rich_chunk(table: Table, chosen: list[int]) -> RichTable:
    best, shown = table.best(), _shown_rows(table)
    separate = table.keys > 1 and any(not texts[0] for texts in shown)
    rendered = RichTable(box=None, padding=(0, _GAP, 0, 0), header_style="bold", show_edge=False)
    for c in chosen:
        column = table.columns[c]
        justify: Literal["left", "right"] = "left" if column.is_text else "right"
        title = Text("\n".join(_wrapped(printable(column.title), _HEADER_WIDTH)))
        rendered.add_column(title, justify=justify, vertical="top", no_wrap=not column.is_text, overflow="fold")
    for r, texts in enumerate(shown):
        if r and separate and texts[0]:
            rendered.add_row()
        cells = []
        for c in chosen:
            text = "\n".join(_wrapped(texts[c], _KEY_WIDTH)) if c < table.keys else texts[c]
            text += _TIED if (r, c) in table.tied else ""
            cells.append(Text(text, style="bold green" if (r, c) in best else ""))
        rendered.add_row(*cells)
    return rendered


def _chunks(table: Table, width: int) -> Iterator[list[int]]:
    """Split the columns so that each part fits ``width`` beside the keys."""
    shown = _shown_rows(table)
    keys = list(range(table.keys))
    used = taken = sum(_width(table, shown, c) for c in keys)
    chunk = list(keys)
    for c in range(table.keys, len(table.columns)):
        wanted = _width(table, shown, c)
        if taken + wanted > width and len(chunk) > len(keys):
            yield chunk
            chunk, taken = list(keys), used
        chunk.append(c)
        taken += wanted
    yield chunk


def _width(table: Table, shown: list[list[str]], c: int) -> int:
    limit = _KEY_WIDTH if c < table.keys else 10**6
    header = max(map(len, _wrapped(printable(table.columns[c].title), _HEADER_WIDTH)))
    body = max((len(line) for texts in shown for line in _wrapped(texts[c], limit)), default=0)
    marked = len(_TIED) if any(column == c for _, column in table.tied) else 0
    return max(header, body + marked) + _GAP


def _wrapped(text: str, width: int) -> list[str]:
    """Break ``text`` after spaces, hyphens, underscores, dots or slashes, and anywhere in a piece that is too long."""
    lines = [""]
    for piece in re.findall(rf"[^ _\-./]{{1,{width - 1}}}[ _\-./]?|[ _\-./]", text):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip(" ") for line in lines]
