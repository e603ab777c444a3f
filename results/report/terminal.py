"""Tables as terminal text, with every name escaped."""

import re
from collections.abc import Iterator
from typing import Literal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from robustsweep.printable import printable
from robustsweep.results.comparable.notes import of_kind
from robustsweep.results.tables.formats import TIED, shown_rows
from robustsweep.results.tables.table import Table

_HEADER_WIDTH = 14
_KEY_WIDTH = 26
_GAP = 2


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
    best, shown = table.best(), shown_rows(table)
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
            text += TIED if (r, c) in table.tied else ""
            cells.append(Text(text, style="bold green" if (r, c) in best else ""))
        rendered.add_row(*cells)
    return rendered


def _chunks(table: Table, width: int) -> Iterator[list[int]]:
    """Split the columns so that each part fits ``width`` beside the keys."""
    shown = shown_rows(table)
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
    marked = len(TIED) if any(column == c for _, column in table.tied) else 0
    return max(header, body + marked) + _GAP


def _wrapped(text: str, width: int) -> list[str]:
    """Break ``text`` after spaces, hyphens, underscores, dots or slashes, and anywhere in a piece that is too long."""
    lines = [""]
    for piece in re.findall(rf"[^ _\-./]{{1,{width - 1}}}[ _\-./]?|[ _\-./]", text):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip(" ") for line in lines]
