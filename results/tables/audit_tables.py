"""Tables of warnings and audits: what to know before a robust accuracy is believed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from robustsweep.results.stored.audit_records import AuditRecord, read_audits
from robustsweep.results.stored.cells import canonical_json
from robustsweep.results.tables.table import Column, Table, Value

Flags = Mapping[str, Sequence[str]]
"""Names of the checks that warn, by checkpoint id; checkpoints without a warning are absent."""


def load_audits(runs: Sequence[Path]) -> list[AuditRecord]:
    """Read the audit records of some run folders, each key once, a checkpoint's own audit before its transfers."""
    records = {record.key: record for run in runs for record in read_audits(run)}
    return sorted(records.values(), key=_order)


def _order(record: AuditRecord) -> tuple[str, str, str]:
    return record.checkpoint["name"], record.checkpoint["id"], record.source["name"] if record.source else ""


def flags_of(audits: Sequence[AuditRecord], fingerprint: str) -> Flags:
    """Collect what warns about checkpoints on one data set."""
    flags: dict[str, dict[str, None]] = {}
    for record in audits:
        if record.data["fingerprint"] == fingerprint and record.warnings:
            flags.setdefault(record.checkpoint["id"], {}).update((check["name"], None) for check in record.warnings)
    return {identifier: list(names) for identifier, names in flags.items()}


def audit_tables(audits: Sequence[AuditRecord]) -> list[Table]:
    """Build one row per audited checkpoint and data set, and for CSV one per check with its numbers."""
    return [_summary(audits), _checks(audits)] if audits else []


def _summary(audits: Sequence[AuditRecord]) -> Table:
    grouped: dict[tuple[str, str], list[AuditRecord]] = {}
    for record in audits:
        grouped.setdefault((record.checkpoint["id"], record.data["fingerprint"]), []).append(record)
    rows = []
    for records in grouped.values():
        first, counts = records[0], Counter(check["status"] for record in records for check in record.checks)
        findings = " ".join(_finding(record) for record in records if record.warnings)
        numbers = (counts["ok"], counts["warning"], counts["not-applicable"])
        rows.append((first.checkpoint["name"], first.data["name"], *numbers, findings or "none"))
    columns = (
        *(Column(name, name) for name in ("checkpoint", "data")),
        *(Column(name, name, "count") for name in ("ok", "warnings", "not applicable")),
        Column("findings", "findings"),
    )
    note = (
        "Checks of the attacks on up to 200 images, for signs that a robust accuracy is overstated (masked gradients, "
        "a saturated loss, too few steps). A warning is not proof, and none is not proof of the contrary."
    )
    return Table("audits", "Audits of the attacks", None, columns, tuple(rows), (note,), keys=2, depth="detail")


def _finding(record: AuditRecord) -> str:
    borrowed = f" from {record.source['name']}" if record.source else ""
    return " ".join(f"[{check['name']}{borrowed}] {check['sentence']}" for check in record.warnings)


def _checks(audits: Sequence[AuditRecord]) -> Table:
    names = ("checkpoint", "id", "data", "adversarial images of", "check", "status", "numbers", "finding")
    rows: list[tuple[Value, ...]] = []
    for record in audits:
        who = (record.checkpoint["name"], record.checkpoint["id"], record.data["name"])
        source = record.source["name"] if record.source else record.checkpoint["name"]
        for check in record.checks:
            numbers = canonical_json(check["numbers"])
            rows.append((*who, source, check["name"], check["status"], numbers, check["sentence"]))
    columns = tuple(Column(name, name) for name in names)
    return Table("audit_checks", "Every check of the audits", None, columns, tuple(rows), keys=5, depth="data")


def warnings_table(frame: pd.DataFrame) -> Table | None:
    """One row per checkpoint and warning, with the number of cells that carry it; None if there is none."""
    cells: Counter[tuple[str, str, str]] = Counter()
    once = frame.drop_duplicates("key")
    for name, data, warnings in zip(once["checkpoint"], once["data"], once["warnings"], strict=True):
        cells.update((name, data, warning) for warning in warnings)
    if not cells:
        return None
    columns = (
        *(Column(name, name) for name in ("checkpoint", "data", "warning")),
        Column("cells", "cells", "count"),
    )
    rows = tuple((*key, n) for key, n in cells.items())
    return Table("warnings", "Warnings", None, columns, rows, keys=3, depth="detail")
