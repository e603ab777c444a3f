"""Plans of the sweeps of a run: the cells and audits that must not be missing unnoticed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NotRequired, TypedDict

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Json, identity_key
from robustsweep.results.stored.entries import CHECKPOINT_ID
from robustsweep.results.stored.json.documents import SCHEMA_VERSION, SCHEMA_VERSION_UNSEALED, read_document, sealed

_ADVICE = "delete it and sweep again"
_KEY = re.compile(r"[0-9a-f]{64}")


class EntryFields(TypedDict):
    """One planned cell or audit."""

    key: str
    checkpoint_id: str
    checkpoint: str
    condition: str


class AuditFields(TypedDict):
    """A checkpoint whose attacks are to be audited."""

    key: str
    checkpoint_id: str
    checkpoint: str


class CompareFields(TypedDict):
    """A comparison that was declared before there was a result, as the [compare] table of a TOML plan does."""

    methods: list[str]
    metrics: list[str]
    reference: str | None


class CheckpointCells(TypedDict):
    """The planned cells of one checkpoint: a condition and a key each."""

    checkpoint_id: str
    checkpoint: str
    conditions: list[str]
    keys: list[str]


class PlanFields(TypedDict):
    """A plan's document; in earlier versions it listed each cell by itself, as ``wanted``."""

    checkpoints: NotRequired[list[CheckpointCells]]
    wanted: NotRequired[list[EntryFields]]
    audits: NotRequired[list[AuditFields]]
    compare: NotRequired[CompareFields]


@dataclass(frozen=True, slots=True)
class WantedPlan:
    """What one sweep was asked for.

    Attributes:
        wanted: Per cell its ``key``, ``checkpoint_id``, ``checkpoint`` (a name) and ``condition`` (a name).
        audits: Per checkpoint to be audited its audit's ``key``, ``checkpoint_id`` and ``checkpoint``.
        compare: A declared comparison, see ``CompareFields``; None: none.
    """

    wanted: Sequence[Json]
    audits: Sequence[Json] = ()
    compare: Json | None = None

    @property
    def name(self) -> str:
        """The 16 hexadecimal digits that its file is named by: the first ones of the hash of what it asks for."""
        return identity_key({"schema_version": SCHEMA_VERSION, "wanted": list(self.wanted), **self._others()})[:16]

    def _others(self) -> Json:
        declared = {"compare": self.compare} if self.compare else {}
        return {"audits": list(self.audits), **declared}

    def file(self) -> bytes:
        """Return the file of the plan."""
        groups = groupby(self.wanted, key=lambda entry: (entry["checkpoint_id"], entry["checkpoint"]))
        return sealed({"checkpoints": [_together(*group) for group in groups], **self._others()}, indent=None)


def _together(checkpoint: tuple[str, str], entries: Iterator[Json]) -> CheckpointCells:
    conditions, keys = zip(*((entry["condition"], entry["key"]) for entry in entries), strict=True)
    return {
        "checkpoint_id": checkpoint[0],
        "checkpoint": checkpoint[1],
        "conditions": list(conditions),
        "keys": list(keys),
    }


def _apart(group: CheckpointCells, path: Path) -> Iterator[Json]:
    if len(group["conditions"]) != len(group["keys"]):
        raise DataError(f"{path} is not a plan (a checkpoint has other numbers of conditions and keys); {_ADVICE}.")
    for condition, key in zip(group["conditions"], group["keys"], strict=True):
        named = {"checkpoint_id": group["checkpoint_id"], "checkpoint": group["checkpoint"]}
        yield {"key": key, **named, "condition": condition}


def read_wanted(path: Path) -> WantedPlan:
    """Read ``plans/<name>.json``.

    Raises:
        DataError: If it cannot be read, or is not the plan that its name says.
    """
    document = read_document(path, PlanFields, "a plan", _ADVICE)
    content = document.content
    version = SCHEMA_VERSION if document.is_sealed else SCHEMA_VERSION_UNSEALED
    if ("wanted" in content) == ("checkpoints" in content):
        raise DataError(f"{path} is not a plan (it needs either wanted or checkpoints); {_ADVICE}.")
    if "checkpoints" in content:
        content["wanted"] = [entry for group in content.pop("checkpoints") for entry in _apart(group, path)]
    if identity_key({"schema_version": version, **content})[:16] != path.stem:
        raise DataError(f"{path} is not the plan that its name says; {_ADVICE}.")
    plan = WantedPlan(content["wanted"], content.get("audits", ()), content.get("compare"))
    for entry in (*plan.wanted, *plan.audits):
        if not _KEY.fullmatch(entry["key"]) or not CHECKPOINT_ID.fullmatch(entry["checkpoint_id"]):
            raise DataError(f"{path} is not a plan (an entry's key or checkpoint_id is not a hash); {_ADVICE}.")
    if plan.compare and not plan.compare["methods"]:
        raise DataError(f"{path} is not a plan (its comparison names no method); {_ADVICE}.")
    return plan
