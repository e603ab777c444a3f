"""Verdicts as Markdown for a CI system's step summary, which has a size limit."""

from dataclasses import replace

from robustsweep.results.gate.outcome import Outcome, verdict_table
from robustsweep.results.tables.formats import escape_markdown, to_markdown
from robustsweep.results.tables.table import Table

LIMIT_BYTES = 1_000_000
"""A step summary above 1 MiB is refused as a whole."""


def step_summary(outcome: Outcome, limit_bytes: int = LIMIT_BYTES) -> str:
    """Render the verdicts, what failed first, with as many rows as fit ``limit_bytes`` of UTF-8."""
    table = verdict_table(outcome)
    text = _rendered(outcome, table, len(table.rows))
    if len(text.encode()) <= limit_bytes:
        return text
    fits, too_many = 0, len(table.rows)
    while too_many - fits > 1:
        tried = (fits + too_many) // 2
        if len(_rendered(outcome, table, tried).encode()) <= limit_bytes:
            fits = tried
        else:
            too_many = tried
    return _rendered(outcome, table, fits)


def _rendered(outcome: Outcome, table: Table, rows: int) -> str:
    left_out = len(table.rows) - rows
    note = (f"{left_out} rows are left out here, for the size limit of a step summary.",) if left_out else ()
    shown = replace(table, rows=table.rows[:rows], notes=(*note, *table.notes))
    names = f" ({len(outcome.without_partner)} without baseline)" if outcome.without_partner else ""
    counts = ", ".join(f"**{outcome.count(verdict)} {verdict}**" for verdict in ("FAIL", "INCONCLUSIVE", "PASS"))
    networks = f"{escape_markdown(outcome.networks)}\n\n" if outcome.networks else ""
    return f"## Robustness gate\n\n{counts}{names}\n\n{networks}{to_markdown(shown)}"
