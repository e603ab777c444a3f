"""A table as data: raw values with units and directions, ready to be rendered to any format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from robustsweep.printable import printable
from robustsweep.results.comparable.scope import Scope
from robustsweep.results.method_names import written_name

Value = str | int | float | None

MISSING = "–"
_SMALLEST_P = 0.001
INTERVALS_NOTE = "[a, b]: 95 % interval"
"""How a note begins that explains intervals."""

MAX_CHECKPOINT_COLUMNS = 6
"""With more checkpoints a matrix has them as rows."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Header in CSV files.
        title: Header for people.
        unit: ``"percent"`` holds fractions and shows percent with two decimals; ``"number"`` shows three decimals, and
            ``"p_value"`` as well, but never 0.000; ``"method"`` holds codes and shows names as papers write them.
        higher_is_better: Direction, or None where there is none.
    """

    name: str
    title: str
    unit: Literal["text", "method", "count", "percent", "number", "p_value"] = "text"
    higher_is_better: bool | None = None

    @property
    def is_text(self) -> bool:
        """Whether it holds words and no numbers."""
        return self.unit in ("text", "method")

    def shown(self, value: Value) -> str:
        """Format one value for people; None is ``–``."""
        if value is None:
            return MISSING
        if self.unit == "percent":
            return f"{100 * float(value):.2f}"
        if self.unit == "p_value" and float(value) < _SMALLEST_P:
            return f"< {_SMALLEST_P}"
        if self.unit in ("number", "p_value"):
            return f"{float(value):.3f}"
        return printable(written_name(str(value)) if self.unit == "method" else str(value))


METHOD = Column("method", "method", "method")
"""The column of methods, which shows a code as papers write the name."""


@dataclass(frozen=True, slots=True)
class Table:
    """Raw values, never rounded.

    Attributes:
        slug: File name without ending.
        title: What is shown, with unit and direction.
        scope: Whose numbers these are; None for tables across units.
        columns: The columns; the first ``keys`` of them name a row.
        rows: One tuple per row, a value or None (missing) per column.
        notes: Sentences below the table.
        keys: Leading columns that identify a row.
        best_along: Whether the best of a row, or of a column, is marked; None for neither.
        intervals: Low and high end of the 95 % interval of values, by (row, column), in the unit of the column.
        tied: (row, column) of values that cannot be told apart from the best of their row or column, as ``best_along``.
        scores: Which score of which checkpoint (its position in the unit) a value is, by (row, column), where the
            answers per image can say how sure it is.
        subject: What the scores are of, checkpoints or methods.
        depth: ``"summary"`` is shown everywhere, ``"detail"`` not in the terminal and folded in HTML, ``"data"`` in CSV
            and JSON alone.
    """

    slug: str
    title: str
    scope: Scope | None
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()
    keys: int = 1
    best_along: Literal["row", "column"] | None = None
    depth: Literal["summary", "detail", "data"] = "summary"
    intervals: Mapping[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    tied: frozenset[tuple[int, int]] = frozenset()
    scores: Mapping[tuple[int, int], tuple[str, int]] = field(default_factory=dict)
    subject: Literal["checkpoint", "method"] = "checkpoint"

    def best(self) -> set[tuple[int, int]]:
        """Return (row, column) of each best value; a line with a missing value, or of equal ones, has none."""
        width, height = len(self.columns), len(self.rows)
        if self.best_along == "row":
            lines = [[(r, c) for c in range(self.keys, width)] for r in range(height)]
        elif self.best_along == "column":
            lines = [[(r, c) for r in range(height)] for c in range(self.keys, width)]
        else:
            lines = []
        return {place for line in lines for place in self._best_of(line)}

    def _best_of(self, line: list[tuple[int, int]]) -> list[tuple[int, int]]:
        directions = {self.columns[c].higher_is_better for _, c in line}
        values = [self.rows[r][c] for r, c in line]
        numbers = [value for value in values if isinstance(value, float)]
        if len(directions) != 1 or None in directions or len(numbers) < len(values) or len(set(numbers)) < 2:
            return []
        best = max(numbers) if directions.pop() else min(numbers)
        return [place for place, value in zip(line, values, strict=True) if value == best]

    def shown_interval(self, row: int, column: int) -> str:
        """Format the interval of a value; empty where there is none."""
        ends = self.intervals.get((row, column))
        return "[{}, {}]".format(*map(self.columns[column].shown, ends)) if ends else ""

    @property
    def has_missing(self) -> bool:
        """Whether some measured quantity is missing; counts such as a seed may simply not exist."""
        measured = [c for c, column in enumerate(self.columns) if c >= self.keys and column.unit != "count"]
        return any(row[c] is None for row in self.rows for c in measured)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a matrix: a name within a group, and one value per checkpoint.

    Attributes:
        group: First key.
        name: Second key.
        values: Fractions, by checkpoint.
        score: Name of the score that they are, or whose complement they are; empty where they are none.
    """

    group: str
    name: str
    values: tuple[float | None, ...]
    score: str = ""


def matrix(
    table: Table, nouns: tuple[str, str], labels: Sequence[str], lines: Sequence[Line], *, higher_is_better: bool
) -> Table:
    """Fill ``table`` with percentages of lines by checkpoints: checkpoints are columns while few, else rows.

    Args:
        table: Slug, title, scope, notes, subject and depth; its columns and rows are replaced.
        nouns: What a line's group and name are, such as ``("attack", "eps")``.
        labels: Checkpoint labels.
        lines: The lines in order.
        higher_is_better: Direction of every value.
    """
    if len(labels) <= MAX_CHECKPOINT_COLUMNS:
        columns = [Column(noun, noun) for noun in nouns]
        titles = map(written_name, labels) if table.subject == "method" else labels
        columns += [
            Column(label, title, "percent", higher_is_better) for label, title in zip(labels, titles, strict=True)
        ]
        rows = tuple((line.group, line.name, *line.values) for line in lines)
        scores = {(r, 2 + k): (line.score, k) for r, line in enumerate(lines) if line.score for k in range(len(labels))}
        return replace(table, columns=tuple(columns), rows=rows, keys=2, best_along="row", scores=scores)
    columns = [Column(table.subject, table.subject, "method" if table.subject == "method" else "text")]
    names = [f"{line.group} {line.name}" if nouns[0] == "attack" else line.name for line in lines]
    columns += [Column(name, name, "percent", higher_is_better) for name in names]
    by_checkpoint = zip(*(line.values for line in lines), strict=True)
    rows = tuple((label, *values) for label, values in zip(labels, by_checkpoint, strict=True))
    scores = {(k, 1 + c): (line.score, k) for c, line in enumerate(lines) if line.score for k in range(len(labels))}
    return replace(table, columns=tuple(columns), rows=rows, keys=1, best_along="column", scores=scores)


def footnotes(table: Table) -> Table:
    """Append what the marks of a finished table mean."""
    notes = list(table.notes)
    if table.best():
        line = "row" if table.best_along == "row" else "column"
        known = f"Bold: best of its {line}"
        notes.append(f"{known}." if table.intervals else f"{known}; this table has no intervals, a gap may be chance.")
    if table.has_missing:
        notes.append(f"{MISSING}: not measured, undefined, or a mean of cells that are not all measured.")
    return replace(table, notes=tuple(notes))


def value_of(number: Any) -> float | None:
    """Return a float, or None for any kind of missing."""
    return None if pd.isna(number) else float(number)
