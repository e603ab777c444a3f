"""Stored cells as one tidy table: a row per cell, and per eps where an attack climbed several."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from robustsweep.errors import DataError
from robustsweep.process.cycle_collector import collector_paused
from robustsweep.results.corruption_names import group_of, is_extra
from robustsweep.results.stored.cells import Cell, Json, canonical_json
from robustsweep.results.stored.plans import WantedPlan
from robustsweep.results.stored.store import CellStore
from robustsweep.values import require_kind

UNSPECIFIED = "unspecified"
"""Shown as the method of a checkpoint whose card names none."""

DEFAULT_METHOD = "baseline"
"""The method of the checkpoint that others are compared with, where nothing else is said."""

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
    "subset": "str",  # "limit of total", or missing
    "data_notes": "object",  # tuple of sentences
    "n": "Int64",
    "protocol": "str",
    "precision": "str",
    "draw_seed": "Int64",  # of generated corruptions, windows and attacks
    "setting": "str",  # canonical JSON of all that decides the numbers but the checkpoint
    "condition": "str",
    "kind": "str",  # "clean", "corruption", "window" or "attack"
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
    "error": "float64",
    "top5_error": "float64",
    "confidence": "float64",
    "nll": "float64",  # nats
    "brier": "float64",
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


Runs = Sequence[Path | str] | Path | str
"""Run folders, or a single one."""


def run_folders(runs: Runs) -> list[Path]:
    """Return run folders as paths.

    Raises:
        UsageError: If one is neither a path nor a text.
    """
    expected = "Run folders must be paths or texts"
    found = [runs] if isinstance(runs, str | PathLike) else runs
    require_kind(found, Iterable, expected)
    for run in found:
        require_kind(run, str | PathLike, expected)
    return [Path(run) for run in found]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What some run folders hold.

    Attributes:
        frame: One row per cell and eps, see ``load_frame``.
        notes: Sentences about the folders: files without a checksum, plans that are gone.
        missing: The cells that some run planned and none holds, as ``WantedPlan`` describes them.
        audits: The audits that some run planned, likewise.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    missing: tuple[Json, ...]
    audits: tuple[Json, ...]


def load_frame(runs: Runs) -> pd.DataFrame:
    """Read every finished cell of some run folders.

    A cell that several runs hold counts once. Where its counts differ between runs (devices may round differently), the
    first run's are used and the row carries a warning.

    Args:
        runs: Run folders, or a single one; paths or texts.

    Returns:
        One row per cell and eps with the columns of ``DTYPES``; ``error`` is ``(n - n_right) / n``. For an attack
        ``n_right`` is the number of images still right at that eps, and the quantities that its cell stores for one
        point only (top-5, confidence, nll, brier) are missing.

    Raises:
        DataError: If a folder does not exist or holds a cell that cannot be read.
        UsageError: As ``run_folders``.
    """
    return read_runs(runs).frame


@collector_paused()
def read_runs(runs: Runs) -> Measured:
    """Read every finished cell of some run folders, and what is to be known of the folders; see ``load_frame``."""
    cells: dict[str, Cell] = {}
    warnings: dict[str, list[str]] = {}
    notes: list[str] = []
    plans: list[WantedPlan] = []
    for run in run_folders(runs):
        if not run.is_dir():
            raise DataError(f"{run} is not a folder; give the folders that a sweep wrote its cells to.")
        store, named = CellStore(run), Counter[str]()
        for cell in store.cells():
            key = cell.key
            named[str(cell.recorded.get("plan", ""))] += 1
            first = cells.setdefault(key, cell)
            found = warnings.setdefault(key, list(cell.warnings))
            if first.counts != cell.counts:
                found.append(
                    f"Two runs measured {cell.condition['name']} of {cell.checkpoint['name']} and differ: "
                    f"{first.counts.n_right} and {cell.counts.n_right} of {cell.counts.n} right; the first is used."
                )
        planned = store.plans()
        plans += planned.values()
        notes += [*store.notes, *_lost_plans(run, named, set(planned), is_old=bool(store.notes))]
    described = _Checkpoints()
    rows = [
        row | {"key": key, "warnings": tuple(warnings[key])}
        for key, cell in cells.items()
        for row in _rows(cell, described)
    ]
    frame = pd.DataFrame(rows, columns=list(DTYPES)).astype(DTYPES)
    wanted = {entry["key"]: entry for plan in plans for entry in plan.wanted}
    missing = tuple(entry for key, entry in wanted.items() if key not in cells)
    audits = {entry["key"]: entry for plan in plans for entry in plan.audits}
    return Measured(frame, tuple(dict.fromkeys(notes)), missing, tuple(audits.values()))


def _lost_plans(run: Path, named: Counter[str], found: set[str], *, is_old: bool) -> Iterator[str]:
    """Say which plans are gone, since what they asked for and lacks is then unknown."""
    for name, n in named.items():
        if name and name not in found:
            yield (
                f"{run / 'plans' / name}.json is gone, for which {n} cells were computed: which cells it planned and "
                "are missing cannot be told. Run the same sweep again to write it."
            )
    if is_old and not found:
        yield f"{run / 'plans'} holds no plan: which planned cells are missing cannot be told."


class _Checkpoints(dict[str, tuple[Json, Json]]):
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


def _rows(cell: Cell, described: _Checkpoints) -> Iterator[Json]:
    shared = described.of(cell.checkpoint) | _describe(cell)
    counts = cell.counts
    if cell.condition["kind"] != "attack":
        yield shared | {
            "n_right": counts.n_right,
            "n_top5_right": counts.n_top5_right,
            "error": (counts.n - counts.n_right) / counts.n,
            "top5_error": (counts.n - counts.n_top5_right) / counts.n,
            **{name: cell.means.get(name) for name in ("confidence", "nll", "brier")},
        }
        return
    condition = cell.condition
    for text, value, n_robust in zip(condition["eps"], condition["eps_value"], counts.n_robust, strict=True):
        yield shared | {
            "eps": text,
            "eps_value": value,
            "n_right": n_robust,
            "n_clean_right": counts.n_clean_right,
            "error": (counts.n - n_robust) / counts.n,
        }


def _describe(cell: Cell) -> Json:
    data, condition = cell.data, cell.condition
    subset = data.get("subset")
    row: Json = {
        "data": data["name"],
        "split": data.get("split"),
        "preprocessing": _text(data.get("preprocessing")),
        "subset": f"{subset['limit']} of {subset['of']}" if subset else None,
        "data_notes": tuple(data.get("notes", ())),
        "n": cell.counts.n,
        "protocol": _text(cell.identity.get("protocol")),
        "precision": _text(cell.identity.get("precision")),
        "draw_seed": cell.identity["condition"].get("seed"),
        "setting": canonical_json({name: value for name, value in cell.identity.items() if name != "checkpoint"}),
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


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else canonical_json(value)
