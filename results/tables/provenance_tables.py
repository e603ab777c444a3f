"""Provenance of the numbers: checkpoints, data, versions, and what is still to be measured."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from robustsweep.results.corruption_names import SEVERITIES
from robustsweep.results.stored.cells import Json
from robustsweep.results.tables.table import Column, Table, Value

_ID_DIGITS = 12
_MOST_ROWS = 100
_MOST_CONDITIONS = 120
"""Bounds of what the table of missing cells shows, as a received plan may ask for any number of them."""


def provenance_table(frame: pd.DataFrame) -> Table:
    """One row per checkpoint and data set: identity, method with its parameters, fingerprint, versions, cells."""
    names = ("checkpoint", "id", "architecture", "method", "parameters", "seed", "data", "fingerprint", "preprocessing")
    columns = [Column(name, name) for name in names]
    columns += [Column("devices", "devices"), Column("versions", "versions"), Column("cells", "cells", "count")]
    rows = [
        _provenance(str(name), str(identifier), same)
        for (name, identifier, _, _), same in frame.groupby(
            ["checkpoint", "checkpoint_id", "fingerprint", "provenance"], sort=True
        )
    ]
    return Table("provenance", "Checkpoints and data", None, tuple(columns), tuple(rows), keys=2, depth="detail")


def _provenance(name: str, identifier: str, rows: pd.DataFrame) -> tuple[Value, ...]:
    first = rows.iloc[0]
    return (
        name,
        identifier,
        first["architecture"],
        first["method"],
        pairs_text(first["method_parameters"]),
        _known(first["seed"]),
        f"{first['data']} ({first['provenance']})",
        str(first["fingerprint"])[:_ID_DIGITS],
        _joined(rows["preprocessing"]),
        _joined(rows["device"]),
        _joined(rows["versions"].map(pairs_text, na_action="ignore")),
        int(rows["key"].nunique()),
    )


def _known(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def pairs_text(text: object) -> str | None:
    """Write the JSON object in ``text`` as ``alpha 1.0, prob 0.5``; None for none and for an empty one."""
    values = json.loads(text) if isinstance(text, str) else {}
    pairs = values.items() if isinstance(values, dict) else [("", values)]
    return ", ".join(f"{name} {value}".strip() for name, value in pairs if value is not None) or None


def _joined(values: "pd.Series[str]") -> str | None:
    return "; ".join(dict.fromkeys(values.dropna())) or None


def missing_table(missing: Sequence[Json]) -> Table | None:
    """One row per checkpoint that lacks planned cells, or None if nothing is missing."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for entry in missing:
        wanted.setdefault((entry["checkpoint"], entry["checkpoint_id"]), []).append(entry["condition"])
    if not wanted:
        return None
    columns = (
        Column("checkpoint", "checkpoint"),
        Column("cells", "cells", "count"),
        Column("conditions", "conditions"),
    )
    shown = list(wanted.items())[:_MOST_ROWS]
    rows = [(name, len(conditions), _condensed(conditions)) for (name, _), conditions in shown]
    if left := len(wanted) - len(shown):
        n_cells = sum(map(len, wanted.values())) - sum(n for _, n, _ in rows)
        rows.append((f"{left} more checkpoints", n_cells, "not listed"))
    notes = ("Planned and not measured. Run the same sweep again to compute them; nothing above counts them as zero.",)
    return Table("missing_cells", "Missing cells", None, columns, tuple(rows), notes)


def _condensed(conditions: Sequence[str]) -> str:
    """Write ``fog@1-5`` if all severities of a corruption are in the list."""
    severities: dict[str, list[str]] = {}
    for condition in conditions:
        name, _, severity = condition.partition("@")
        severities.setdefault(name, []).append(severity)
    everything = sorted(str(s) for s in SEVERITIES)
    shown = []
    for name, found in severities.items():
        if sorted(found) == everything:
            shown.append(f"{name}@{SEVERITIES[0]}-{SEVERITIES[-1]}")
        else:
            shown += [f"{name}@{severity}" if severity else name for severity in found]
    left = len(shown) - _MOST_CONDITIONS
    return ", ".join([*shown[:_MOST_CONDITIONS], *([f"and {left} more"] if left > 0 else [])])
