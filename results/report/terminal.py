"""Tables as terminal text, as wide as the terminal allows, with every name escaped."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from robustsweep.printable import printable
from robustsweep.results.comparable.notes import of_kind
from robustsweep.results.report.section import Section
from robustsweep.results.statistics.seeds import FEWEST_SEEDS
from robustsweep.results.tables.formats import TIED, shown_rows
from robustsweep.results.tables.table import MISSING, OVERLAPPING, Table

_FIRST = ("headline", "natural_shift", "robust_accuracy")
_KEY_WIDTH = 26
# Width at which headers break, and blanks between columns: the first that gives the fewest parts.
_DENSITIES = ((14, 2), (12, 2), (12, 1), (10, 1))


def to_rich(table: Table, width: int, *, brief: bool = False) -> RenderableType:
    """Render for a terminal of ``width`` characters.

    Columns that do not fit follow in further parts with the keys repeated. The first score of a row has its interval,
    others as long as that makes no more parts; if the values of a row are compared, all have theirs or none.

    Args:
        table: What to show.
        width: Characters per line.
        brief: Leave out the scope and the notes.
    """
    layout = _layout(table, width)
    shown: list[RenderableType] = [Text(printable(table.title), style="bold")]
    if table.scope and not brief:
        shown.append(Text(printable(table.scope.title), style="cyan"))
    for position, part in enumerate(layout.parts(width)):
        shown += [Text()] if position else []
        shown.append(_rich_part(layout, part))
    if not brief:
        about_intervals = of_kind(table.notes, "intervals")
        notes = [note for note in table.notes if layout.intervals or note not in about_intervals]
        shown += [Padding(Text(printable(note), style="dim"), (0, 0, 0, 2), expand=False) for note in notes]
    return Group(*shown)


def first_tables(section: Section) -> list[Table]:
    """Return the tables that come first, of methods if there are any.

    They are the headline, a natural shift beside clean images, and accuracies under attack. If a section has none, the
    first of its tables that is not folded.
    """
    # Tables of methods stand before those of checkpoints.
    ends = [[table for table in section.tables if table.slug.endswith(slug)] for slug in _FIRST]
    found = [tables[0] for tables in ends if tables]
    return found or [table for table in section.tables if table.depth == "summary"][:1]


def marks(tables: Sequence[Table], width: int) -> str:
    """Say in one sentence what the marks of some tables mean as they are shown at ``width``; empty without any."""
    said = []
    if any(table.best() for table in tables):
        said.append("bold: the best of its line")
    if any(table.tied for table in tables):
        few = any(
            isinstance(n_seeds := row[c], int) and n_seeds < FEWEST_SEEDS
            for table in tables
            for c, column in enumerate(table.columns)
            for row in table.rows
            if table.subject == "method" and column.name == "seeds"
        )
        untested = f" (methods with fewer than {FEWEST_SEEDS} seeds are not tested)" if few else ""
        said.append(f"≈: no significant difference from the best{untested}")
    if any(_layout(table, width).intervals for table in tables):
        said.append("[a, b]: 95% interval")
    if any(table.overlapping for table in tables):
        said.append(f"{OVERLAPPING}: overlapped by the training")
    if any(table.has_missing for table in tables):
        said.append(f"{MISSING}: not measured")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How densely a table is set.

    Attributes:
        table: The table.
        rows: Its values as text, without marks.
        header_width: Width at which headers break.
        gap: Blanks between columns.
        intervals: Columns whose intervals are shown.
    """

    table: Table
    rows: list[list[str]]
    header_width: int
    gap: int
    intervals: frozenset[int] = frozenset()

    def parts(self, width: int) -> Iterator[list[int]]:
        """Split the columns so that each part fits ``width`` beside the keys."""
        keys = list(range(self.table.keys))
        used = taken = sum(self._width(c) + self.gap for c in keys)
        part = list(keys)
        for c in range(self.table.keys, len(self.table.columns)):
            wanted = self._width(c)
            if taken + wanted > width and len(part) > len(keys):
                yield part
                part, taken = list(keys), used
            part.append(c)
            taken += wanted + self.gap
        yield part

    def n_parts(self, width: int) -> int:
        """Count the parts."""
        return sum(1 for _ in self.parts(width))

    def header(self, c: int) -> list[str]:
        """Break a column's title into lines."""
        return _wrapped(printable(self.table.columns[c].title), self.header_width)

    def cell(self, r: int, c: int) -> list[str]:
        """Return the lines of a cell, with its marks."""
        table, text = self.table, self.rows[r][c]
        lines = _wrapped(text, _KEY_WIDTH) if c < table.keys else [text]
        interval = table.shown_interval(r, c) if c in self.intervals else ""
        # Between a value and its interval an absent mark leaves a blank, so that values stay below each other.
        marked = interval and any(column == c for _, column in table.tied)
        lines[-1] += TIED if (r, c) in table.tied else " " * len(TIED) if marked else ""
        lines[-1] += OVERLAPPING if (r, c) in table.overlapping else ""
        lines[-1] += f" {interval}" if interval else ""
        return lines

    def _width(self, c: int) -> int:
        body = (len(line) for r in range(len(self.rows)) for line in self.cell(r, c))
        return max(*map(len, self.header(c)), *body, 0)


def _layout(table: Table, width: int) -> _Layout:
    bounded = sorted({c for _, c in table.intervals})
    by_column = table.best_along == "column"
    rows, always = shown_rows(table), frozenset(bounded[:1] if by_column else ())
    chosen = min(
        (_Layout(table, rows, *density, always) for density in _DENSITIES), key=lambda layout: layout.n_parts(width)
    )
    n_parts = chosen.n_parts(width)
    for group in [{c} for c in bounded[1:]] if by_column else [set(bounded)]:
        wider = replace(chosen, intervals=chosen.intervals | group)
        if wider.n_parts(width) > n_parts:
            break
        chosen = wider
    return chosen


def _rich_part(layout: _Layout, chosen: list[int]) -> RichTable:
    table, best = layout.table, layout.table.best()
    separate = table.keys > 1 and any(not texts[0] for texts in layout.rows)
    rendered = RichTable(box=None, padding=(0, layout.gap, 0, 0), header_style="bold", show_edge=False, pad_edge=False)
    for c in chosen:
        column = table.columns[c]
        justify: Literal["left", "right"] = "left" if column.is_text else "right"
        title = Text("\n".join(layout.header(c)))
        rendered.add_column(title, justify=justify, vertical="top", no_wrap=not column.is_text, overflow="fold")
    for r, texts in enumerate(layout.rows):
        if r and separate and texts[0]:
            rendered.add_row()
        styles = {c: "bold green" if (r, c) in best else "" for c in chosen}
        rendered.add_row(*(Text("\n".join(layout.cell(r, c)), style=styles[c]) for c in chosen))
    return rendered


def _wrapped(text: str, width: int) -> list[str]:
    """Break ``text`` after spaces, hyphens, underscores, dots or slashes, and anywhere in a piece that is too long."""
    lines = [""]
    for piece in re.findall(rf"[^ _\-./]{{1,{width - 1}}}[ _\-./]?|[ _\-./]", text):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip(" ") for line in lines]
