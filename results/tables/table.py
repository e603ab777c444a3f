"""A table as data: raw values with units and directions, ready to be rendered to any format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from robustsweep.printable import printable
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.scope import Scope
from robustsweep.results.method_names import written_name
from robustsweep.results.metrics.scores import Score

Value = str | int | float | None

MISSING = "–"
OVERLAPPING = "‡"
_SMALLEST_P = 0.001
INTERVALS_NOTE = "[a, b]: 95% interval"
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
        higher_is_better: Direction, or None if there is none.
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
        intervals: Low and high end of the 95% interval of values, by (row, column), in the unit of the column.
        tied: (row, column) of values that do not differ significantly from the best of their row or column, as
            ``best_along``.
        scores: Which score of which checkpoint (its position in the unit) a value is, by (row, column).
        turned_rows: Rows in which the other direction is the better one than their columns say.
        overlapping: (row, column) of errors under corruptions that the training overlaps.
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
    scores: Mapping[tuple[int, int], tuple[Score, int]] = field(default_factory=dict)
    subject: Literal["checkpoint", "method"] = "checkpoint"
    turned_rows: frozenset[int] = frozenset()
    overlapping: frozenset[tuple[int, int]] = frozenset()

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
        is_turned = self.best_along == "row" and line[0][0] in self.turned_rows
        best = max(numbers) if directions.pop() != is_turned else min(numbers)
        return [place for place, value in zip(line, values, strict=True) if value == best]

    def shown_interval(self, row: int, column: int) -> str:
        """Format the interval of a value; empty if there is none."""
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
        score: The score that they are, if any.
    """

    group: str
    name: str
    values: tuple[float | None, ...]
    score: Score | None = None


def subject_column(unit: Unit) -> Column:
    """Return the column that names checkpoints or methods."""
    return Column(unit.subject, unit.subject, "method" if unit.subject == "method" else "text")


def matrix(
    unit: Unit,
    slug: str,
    title: str,
    nouns: tuple[str, str],
    lines: Sequence[Line],
    notes: Sequence[str] = (),
    *,
    higher_is_better: bool = False,
    depth: Literal["summary", "detail", "data"] = "summary",
) -> Table:
    """Build a table of percentages of lines by checkpoints: checkpoints are columns while few, else rows.

    Args:
        unit: Whose checkpoints or methods these are.
        slug: As in ``Table``, like ``title``, ``notes`` and ``depth``.
        title: Likewise.
        nouns: What a line's group and name are, such as ``("attack", "eps")``.
        lines: The lines in order.
        notes: Likewise.
        higher_is_better: Direction of every value, but of a score that says otherwise.
        depth: Likewise.
    """
    labels, is_method = list(unit.checkpoints["label"]), unit.subject == "method"
    turned = [line.score is not None and line.score.is_accuracy != higher_is_better for line in lines]
    table = Table(slug, title, unit.scope, (), (), tuple(notes), subject=unit.subject, depth=depth)
    if len(labels) <= MAX_CHECKPOINT_COLUMNS:
        titles = map(written_name, labels) if is_method else labels
        columns = [Column(noun, noun) for noun in nouns]
        columns += [
            Column(name, shown, "percent", higher_is_better) for name, shown in zip(labels, titles, strict=True)
        ]
        rows = tuple((line.group, line.name, *line.values) for line in lines)
        scores = {(r, 2 + k): (line.score, k) for r, line in enumerate(lines) if line.score for k in range(len(labels))}
        rising = frozenset(row for row, is_turned in enumerate(turned) if is_turned)
        filled = replace(table, columns=tuple(columns), rows=rows, keys=2, best_along="row")
        return replace(filled, scores=scores, turned_rows=rising)
    names = [f"{line.group} {line.name}" if nouns[0] == "attack" else line.name for line in lines]
    directions = [higher_is_better != is_turned for is_turned in turned]
    columns = [Column(name, name, "percent", rises) for name, rises in zip(names, directions, strict=True)]
    return score_table(table, [subject_column(unit)], [(label,) for label in labels], columns, lines)


def score_table(
    table: Table,
    leading_columns: Sequence[Column],
    leading: Sequence[tuple[Value, ...]],
    columns: Sequence[Column],
    lines: Sequence[Line],
) -> Table:
    """Fill ``table`` with a row per checkpoint or method, and a column per score.

    Args:
        table: All but columns and rows.
        leading_columns: What names a row.
        leading: Their values.
        columns: One for each of ``lines``.
        lines: What is shown.
    """
    start = len(leading_columns)
    values = zip(*(line.values for line in lines), strict=True)
    rows = tuple((*first, *mine) for first, mine in zip(leading, values, strict=True))
    scores = {(k, start + c): (line.score, k) for c, line in enumerate(lines) if line.score for k in range(len(rows))}
    return replace(table, columns=(*leading_columns, *columns), rows=rows, keys=1, best_along="column", scores=scores)


def footnotes(table: Table) -> Table:
    """Append what the marks of a finished table mean."""
    notes = list(table.notes)
    if table.best():
        line = "row" if table.best_along == "row" else "column"
        known = f"Bold: best of its {line}"
        notes.append(f"{known}." if table.intervals else f"{known}; this table has no intervals, a gap may be chance.")
    if table.overlapping:
        notes.append(f"{OVERLAPPING}: overlapped by operations of the training, and so not unseen.")
    if table.has_missing:
        notes.append(f"{MISSING}: not measured, undefined, or a mean of cells that are not all measured.")
    return replace(table, notes=tuple(notes))
