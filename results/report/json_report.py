"""The report as JSON for other programs; ``report.schema.json`` beside this module says what it holds."""

import json
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from robustsweep.results.report.definitions import definitions
from robustsweep.results.report.document import Report
from robustsweep.results.report.section import Section
from robustsweep.results.tables.table import Table

SCHEMA_VERSION = 1


def report_json(report: Report) -> str:
    """Render every table with raw values: fractions and counts in full precision, null if missing."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "runs": [str(run) for run in report.runs],
        "units": [_section(section) for section in report.sections],
        "training": [_table(table) for table in report.training],
        "published": [_table(table) for table in report.published],
        "cautions": [_table(table) for table in report.cautions],
        "missing": _table(report.missing) if report.missing else None,
        "provenance": _table(report.provenance),
        "definitions": [{"term": term, "meaning": meaning} for term, meaning in definitions()],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def report_schema() -> Any:
    """Read the JSON schema (draft 2020-12) of ``report_json``."""
    return json.loads(files(__package__).joinpath("report.schema.json").read_text())


def _section(section: Section) -> dict[str, Any]:
    unit = section.unit
    return {
        "scope": asdict(unit.scope),
        "split": unit.split,
        "classes": unit.classes,
        "preprocessing": unit.preprocessing,
        "explained": unit.scope.explained,
        "notes": list(unit.notes),
        "summary": list(section.summary),
        "tables": [_table(table) for table in section.tables],
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "slug": table.slug,
        "title": table.title,
        "columns": [asdict(column) for column in table.columns],
        "keys": table.keys,
        "rows": [list(row) for row in table.rows],
        "intervals": [
            {"row": row, "column": column, "low": low, "high": high}
            for (row, column), (low, high) in sorted(table.intervals.items())
        ],
        "tied_with_best": [list(place) for place in sorted(table.tied)],
        "overlapping": [list(place) for place in sorted(table.overlapping)],
        "notes": list(table.notes),
    }
