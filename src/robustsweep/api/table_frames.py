"""Tables of a report as pandas frames, and as HTML for notebooks."""

from collections.abc import Iterable
from html import escape

import pandas as pd

from robustsweep.printable import printable
from robustsweep.results.tables.table import Table


def table_frame(table: Table) -> pd.DataFrame:
    """Return a table's raw values.

    Errors are fractions, and what is missing is NA. A column with intervals is followed by their ends, ``NAME_low`` and
    ``NAME_high``. ``attrs`` holds the title, the scope and the notes.
    """
    bounded = {column for _, column in table.intervals}
    names: list[str] = []
    columns: list[pd.Series] = []
    for c, column in enumerate(table.columns):
        names.append(column.name)
        values = pd.Series([row[c] for row in table.rows], dtype=None if table.rows else "object")
        columns.append(values.astype("Int64") if column.unit == "count" and table.rows else values)
        if c in bounded:
            ends = [table.intervals.get((r, c), (None, None)) for r in range(len(table.rows))]
            names += [f"{column.name}_low", f"{column.name}_high"]
            columns += [pd.Series([end[k] for end in ends], dtype="float64") for k in (0, 1)]
    frame = pd.concat(columns, axis=1)
    frame.columns = pd.Index(names)
    frame.attrs = {
        "title": table.title,
        "scope": table.scope.title if table.scope else "",
        "notes": list(table.notes),
    }
    return frame


def tables_html(tables: Iterable[Table]) -> str:
    """Show tables as a report shows them, every text escaped."""
    parts = []
    for table in tables:
        shown = [[column.shown(value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
        frame = pd.DataFrame(shown, columns=[printable(column.title) for column in table.columns])
        scope = f"<p>{escape(printable(table.scope.title))}</p>" if table.scope else ""
        title = f"<h4>{escape(printable(table.title))}</h4>"
        parts += [title, scope, frame.to_html(index=False, border=0), list_html(table.notes)]
    return "".join(parts)


def list_html(sentences: Iterable[str]) -> str:
    """Show sentences as a list, escaped; nothing if there are none."""
    items = "".join(f"<li>{escape(printable(sentence))}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""
