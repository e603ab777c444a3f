"""The content of a report, before it takes any format."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.results.comparable.comparable_sets import Unit, split_units
from robustsweep.results.comparable.frame import read_runs
from robustsweep.results.comparable.sides import refuse_unknown
from robustsweep.results.report.attribution.in_report import with_maps
from robustsweep.results.report.declared import with_declared
from robustsweep.results.report.section import Section, section_of
from robustsweep.results.report.shifts.in_report import with_shifts
from robustsweep.results.stored.audit_records import audit_notes, missing_audits
from robustsweep.results.tables.audit_tables import audit_tables, flags_of, load_audits, warnings_table
from robustsweep.results.tables.provenance_tables import missing_table, provenance_table
from robustsweep.results.tables.published_tables import published_tables
from robustsweep.results.tables.table import Table, footnotes
from robustsweep.results.tables.training_tables import equal_compute, training_cost


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report says.

    Attributes:
        runs: The run folders.
        sections: One per unit of comparable measurements.
        training: What the training runs cost, and the methods at equal cost.
        published: Published numbers of the same data and architectures; empty if none are known.
        missing: Planned cells that are not measured, or None.
        provenance: Checkpoints, data and versions.
        cautions: Warnings of cells, and audits; empty if there are none.
        frame: The cells behind it, as ``load_frame`` returns them.
        title: What it is.
        status: How far the sweep is that goes on; empty: none does.
        reference: What was named to divide CE and mCE; None: nothing.
        files: What was written; empty before that.
    """

    runs: tuple[Path, ...]
    sections: tuple[Section, ...]
    training: tuple[Table, ...]
    published: tuple[Table, ...]
    missing: Table | None
    provenance: Table
    cautions: tuple[Table, ...]
    frame: pd.DataFrame
    title: str = "Robustness report"
    status: str = ""
    reference: str | None = None
    files: tuple[Path, ...] = ()

    @property
    def n_missing(self) -> int:
        """Planned cells that are not measured."""
        return sum(int(str(row[1])) for row in self.missing.rows) if self.missing else 0

    @property
    def tables(self) -> list[Table]:
        """All tables in reading order."""
        tables = [table for section in self.sections for table in section.tables]
        missing = [self.missing] if self.missing else []
        return [*tables, *self.training, *self.published, *self.cautions, *missing, self.provenance]


def build_report(runs: Sequence[Path], reference: str | None = None, status: str = "") -> Report:
    """Read the cells of ``runs`` and compute every table.

    Args:
        runs: Run folders.
        reference: Checkpoint or method whose errors divide the others'; None: the checkpoint of method ``baseline``
            if there is exactly one.
        status: How far the sweep is that goes on; the report may then be without a cell.

    Raises:
        NothingToCompareError: If no run holds a finished cell, and no sweep goes on.
        UsageError: If ``reference`` names nothing, or several checkpoints.
    """
    measured = read_runs(runs)
    frame = measured.frame
    if frame.empty and not status:
        listed = ", ".join(str(run) for run in runs)
        raise NothingToCompareError(f"No finished cell in {listed}; run robustsweep sweep first.")
    audits = load_audits(runs)
    notes = (*measured.notes, *audit_notes(runs, audits))
    units = [replace(unit, notes=(*unit.notes, *notes)) for unit in split_units(frame)]
    refuse_unknown(units, [reference] if reference else [], "reference")
    sections = tuple(
        section_of(unit, prefix, runs, reference, flags_of(audits, unit.scope.fingerprint))
        for unit, prefix in zip(units, prefixes_of(units), strict=True)
    )
    warnings = warnings_table(frame)
    return Report(
        tuple(runs),
        with_maps(with_declared(with_shifts(sections), measured.declared, runs), runs),
        training=_training_tables(frame),
        published=tuple(published_tables(units)),
        missing=missing_table([*measured.missing, *missing_audits(measured.audits, audits)]),
        provenance=provenance_table(frame),
        cautions=(*([warnings] if warnings else []), *audit_tables(audits)),
        frame=frame,
        reference=reference,
        status=status,
    )


def _training_tables(frame: pd.DataFrame) -> tuple[Table, ...]:
    cost, equal = training_cost(frame), equal_compute(split_units(frame, by_training=False))
    numbered = [replace(t, slug=f"{t.slug}_{n}") if len(equal) > 1 else t for n, t in enumerate(equal, 1)]
    return tuple(footnotes(table) for table in [*numbered, *([cost] if cost else [])])


def prefixes_of(units: Sequence[Unit]) -> list[str]:
    """Name files by unit if there are several units."""
    if len(units) == 1:
        return [""]
    prefixes: list[str] = []
    for unit in units:
        scope = unit.scope
        parts = [scope.data, scope.provenance, scope.table, f"jpeg{scope.jpeg_quality}" if scope.jpeg_quality else None]
        parts.append(f"seed{scope.draw_seed}" if scope.draw_seed else None)
        parts.append(f"subset{scope.n}" if scope.subset else None)
        name = re.sub(r"[^a-z0-9]+", "-", "-".join(part for part in parts if part).lower()).strip("-")
        again = sum(prefix.rstrip("0123456789_-") == name.rstrip("0123456789_-") for prefix in prefixes)
        prefixes.append(f"{name}-{again + 1}_" if again else f"{name}_")
    return prefixes
