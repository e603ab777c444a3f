"""The columns of the frame of stored cells, and the rows that one cell gives."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from robustsweep.results.corruption_names import group_of, is_extra, rank_of
from robustsweep.results.stored.cells import Cell, Json, canonical_json, setting_of

UNSPECIFIED = "unspecified"
"""Shown as the method of a checkpoint whose card names none."""

DEFAULT_METHOD = "baseline"
"""The method of the checkpoint that others are compared with, if nothing else is said."""

DTYPES = {
    "key": "str",
    "checkpoint_id": "str",
    "checkpoint": "str",
    "method": "str",
    "method_parameters": "str",  # canonical JSON, or missing
    "seed": "Int64",
    "architecture": "str",
    "card": "str",  # canonical JSON
    "data": "str",
    "split": "str",
    "fingerprint": "str",
    "provenance": "str",  # "generated" or "official"
    "images_key": "str",
    "preprocessing": "str",
    "classes": "Int64",
    "class_set": "str",  # which of ImageNet's classes, or missing
    "subset": "str",  # "limit of total", or missing
    "data_notes": "object",  # tuple of sentences
    "n": "Int64",
    "protocol": "str",
    "precision": "str",
    "draw_seed": "Int64",  # of generated corruptions, windows and attacks
    "setting": "str",  # canonical JSON of all that decides the numbers but the checkpoint
    "condition": "str",
    "kind": "str",  # "clean", "shift", "corruption", "window", "sequence" or "attack"
    "corruption": "str",
    "severity": "Int64",
    "table": "str",
    "jpeg_quality": "Int64",
    "group": "str",
    "extra": "bool",
    "edge": "str",  # windows only, as filling and fraction
    "filling": "str",
    "fraction": "float64",
    "attack": "str",
    "norm": "str",
    "steps": "Int64",
    "step_ratio": "str",
    "restarts": "Int64",
    "random_start": "boolean",
    "single_step": "boolean",
    "eps": "str",  # exact text, such as "1/8/255"
    "eps_value": "float64",
    "n_right": "Int64",
    "n_top5_right": "Int64",
    "n_clean_right": "Int64",  # attacks only: right before the attack
    "median_passes": "float64",  # of attacks whose passes are counted: forward and backward, per attacked image
    "total_passes": "float64",
    "error": "float64",
    "top5_error": "float64",
    "confidence": "float64",
    "nll": "float64",  # nats
    "brier": "float64",
    "flip": "float64",  # sequences only, as the next
    "top5_distance": "float64",
    "device": "str",
    "versions": "str",  # canonical JSON, or missing
    "identity": "object",  # all that decides the numbers, as stored
    "warnings": "object",  # tuple of sentences
}
"""Columns of the frame and their types. Missing is NA, never zero."""

_FROM_CONDITION = (
    *("corruption", "severity", "table", "jpeg_quality"),
    *("edge", "filling", "fraction"),
    *("attack", "norm", "steps", "step_ratio", "restarts", "random_start", "single_step"),
)


class DescribedCheckpoints(dict[str, tuple[Json, Json]]):
    """What rows say of checkpoints: of a run's checkpoint all cells say the same."""

    def of(self, checkpoint: Json) -> Json:
        """Describe the checkpoint of a cell."""
        known = self.get(checkpoint["id"])
        if known is None or known[0] != checkpoint:
            known = self[checkpoint["id"]] = checkpoint, _describe_checkpoint(checkpoint)
        return known[1]


def _describe_checkpoint(checkpoint: Json) -> Json:
    card: Json = checkpoint["card"]
    return {
        "checkpoint_id": checkpoint["id"],
        "checkpoint": checkpoint["name"],
        "method": card.get("method") or UNSPECIFIED,
        "method_parameters": _text(card.get("method_parameters")),
        "seed": card.get("seed"),
        "architecture": card.get("architecture"),
        "card": canonical_json(card),
    }


def rows_of(cell: Cell, described: DescribedCheckpoints) -> Iterator[Json]:
    """Describe a cell: one row, or one per eps of an attack, without ``key`` and ``warnings``."""
    shared = described.of(cell.checkpoint) | _describe(cell)
    counts = cell.counts
    if cell.condition["kind"] != "attack":
        yield shared | {
            "n_right": counts.n_right,
            "n_top5_right": counts.n_top5_right,
            "error": (counts.n - counts.n_right) / counts.n,
            "top5_error": (counts.n - counts.n_top5_right) / counts.n,
            **{name: cell.means.get(name) for name in ("confidence", "nll", "brier", "flip", "top5_distance")},
        }
        return
    condition, passes = cell.condition, cell.recorded.get("passes") or {}
    for text, value, n_robust in zip(condition["eps"], condition["eps_value"], counts.n_robust, strict=True):
        yield shared | {
            "eps": text,
            "eps_value": value,
            "n_right": n_robust,
            "n_clean_right": counts.n_clean_right,
            "median_passes": passes.get("median"),
            "total_passes": passes.get("total"),
            "error": (counts.n - n_robust) / counts.n,
        }


def _describe(cell: Cell) -> Json:
    data, condition = cell.data, cell.condition
    subset = data.get("subset")
    row: Json = {
        "data": data["name"],
        "split": data.get("split"),
        "class_set": data.get("class_set"),
        "preprocessing": _text(data.get("preprocessing")),
        "subset": f"{subset['limit']} of {subset['of']}" if subset else None,
        "data_notes": tuple(data.get("notes", ())),
        "n": cell.counts.n,
        "protocol": _text(cell.identity.get("protocol")),
        "precision": _text(cell.identity.get("precision")),
        "draw_seed": cell.identity["condition"].get("seed"),
        "setting": setting_of(cell.identity),
        "condition": condition["name"],
        "kind": condition["kind"],
        "device": cell.recorded.get("device"),
        "versions": _text(cell.recorded.get("versions")),
        "identity": cell.identity,
        "extra": False,
    }
    row |= {name: data[name] for name in ("fingerprint", "provenance", "images_key", "classes")}
    row |= {name: condition.get(name) for name in _FROM_CONDITION}
    if condition["kind"] == "corruption":
        row |= {"group": group_of(condition["corruption"]), "extra": is_extra(condition["corruption"])}
    return row


def corruptions_of(rows: pd.DataFrame) -> list[str]:
    """Name the corruptions of some rows of the frame in the tables' order."""
    names = (str(name) for name in rows["corruption"].dropna().unique())
    return sorted(names, key=lambda name: (rank_of(name), name))


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else canonical_json(value)
