"""What a report says, before it takes any format."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.results.attack_curves import attack_curves_png, fooling_distributions
from robustsweep.results.attack_tables import attack_tables
from robustsweep.results.audit_tables import Flags, audit_tables, flags_of, load_audits, warnings_table
from robustsweep.results.corruption_tables import corruption_tables
from robustsweep.results.figures import error_per_corruption_png
from robustsweep.results.frame import load_frame, missing_cells
from robustsweep.results.provenance import missing_table, provenance_table
from robustsweep.results.references import references_of, refuse_unknown_reference
from robustsweep.results.tables import Table, footnotes
from robustsweep.results.training_tables import equal_compute, training_cost
from robustsweep.results.units import Unit, split_units
from robustsweep.results.window_tables import window_tables


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of one unit.

    Attributes:
        name: File name.
        alt: What it shows, for those who cannot see it.
        png: The file.
        table_slug: The table that it follows.
    """

    name: str
    alt: str
    png: bytes
    table_slug: str


@dataclass(frozen=True, slots=True)
class Section:
    """One unit's part of the report.

    Attributes:
        unit: The measurements.
        tables: Their tables.
        pictures: Their figures.
    """

    unit: Unit
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report says.

    Attributes:
        runs: The run folders.
        sections: One per unit of comparable measurements.
        training: What the trainings cost, and the methods at equal cost.
        missing: Planned cells that are not measured, or None.
        provenance: Checkpoints, data and versions.
        cautions: Warnings of cells, and audits; empty where there are none.
        frame: The cells behind it, as ``load_frame`` returns them.
        files: What was written; empty before that.
    """

    runs: tuple[Path, ...]
    sections: tuple[Section, ...]
    training: tuple[Table, ...]
    missing: Table | None
    provenance: Table
    cautions: tuple[Table, ...]
    frame: pd.DataFrame
    files: tuple[Path, ...] = ()

    @property
    def tables(self) -> list[Table]:
        """All tables in reading order."""
        tables = [table for section in self.sections for table in section.tables]
        missing = [self.missing] if self.missing else []
        return [*tables, *self.training, *self.cautions, *missing, self.provenance]


def build_report(runs: Sequence[Path], reference: str | None = None) -> Report:
    """Read the cells of ``runs`` and compute every table.

    Args:
        runs: Run folders.
        reference: Checkpoint or method whose errors divide the others'; None: the checkpoint of method ``baseline``
            where there is exactly one.

    Raises:
        NothingToCompareError: If no run holds a finished cell.
        UsageError: If ``reference`` names nothing, or several checkpoints.
    """
    frame = load_frame(runs)
    if frame.empty:
        listed = ", ".join(str(run) for run in runs)
        raise NothingToCompareError(f"No finished cell in {listed}; run robustsweep sweep first.")
    units = split_units(frame)
    refuse_unknown_reference(units, reference)
    audits = load_audits(runs)
    sections = tuple(
        _section(unit, prefix, runs, reference, flags_of(audits, unit.scope.fingerprint))
        for unit, prefix in zip(units, _prefixes(units), strict=True)
    )
    warnings = warnings_table(frame)
    return Report(
        tuple(runs),
        sections,
        training=_training_tables(units, frame),
        missing=missing_table(missing_cells(runs, frame)),
        provenance=provenance_table(frame),
        cautions=(*([warnings] if warnings else []), *audit_tables(audits)),
        frame=frame,
    )


def _training_tables(units: Sequence[Unit], frame: pd.DataFrame) -> tuple[Table, ...]:
    cost, equal = training_cost(frame), equal_compute(units)
    numbered = [replace(t, slug=f"{t.slug}_{n}") if len(equal) > 1 else t for n, t in enumerate(equal, 1)]
    return tuple(footnotes(table) for table in [*numbered, *([cost] if cost else [])])


def _section(unit: Unit, prefix: str, runs: Sequence[Path], reference: str | None, flags: Flags) -> Section:
    tables = [*corruption_tables(unit, references_of(unit, reference)), *attack_tables(unit, flags)]
    tables += [*fooling_distributions(unit), *window_tables(unit, runs)]
    named = tuple(footnotes(replace(table, slug=f"{prefix}{table.slug}")) for table in tables)
    return Section(unit, named, tuple(_pictures(unit, prefix)))


def _pictures(unit: Unit, prefix: str) -> Iterator[Picture]:
    if png := error_per_corruption_png(unit):
        slug = f"{prefix}error_per_corruption"
        yield Picture(f"{slug}.png", "Error per corruption and method", png, slug)
    if png := attack_curves_png(unit):
        alt = "Accuracy under attack against eps, per method"
        yield Picture(f"{prefix}attack_curves.png", alt, png, f"{prefix}robust_accuracy")


def _prefixes(units: Sequence[Unit]) -> list[str]:
    """Name files by unit where there are several units."""
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
