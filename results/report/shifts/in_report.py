"""Natural shifts in a report: beside each, clean images of the same classes, which are a set of their own."""

from collections.abc import Sequence
from dataclasses import replace

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.report.section import Section
from robustsweep.results.report.shifts.shift_table import shift_table
from robustsweep.results.tables.intervals_and_ties import HEADLINE
from robustsweep.results.tables.table import footnotes


def with_shifts(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Let the table that joins a natural shift and clean images follow the headlines of the shift's set."""
    units = [section.unit for section in sections]
    return tuple(_with_shift(section, units) for section in sections)


def _with_shift(section: Section, units: Sequence[Unit]) -> Section:
    table = shift_table(section.unit, units)
    if table is None:
        return section
    tables = list(section.tables)
    headlines = [place for place, one in enumerate(tables) if one.slug.endswith(HEADLINE)]
    tables.insert(headlines[-1] + 1, footnotes(replace(table, slug=f"{section.prefix}{table.slug}")))
    return replace(section, tables=tuple(tables))
