"""Audit records: what was checked of an attacked checkpoint, stored beside the cells.

Layout below a run folder::

    audits/<checkpoint id, 12 hex>/<key, first 16 hex>.json   one audit, or one ordered pair of a transfer
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypedDict

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Json, identity_key
from robustsweep.results.stored.entries import CHECKPOINT_ID, SHORT_KEY, has_file, names_in, write_entry
from robustsweep.results.stored.json.cell_fields import DataFields
from robustsweep.results.stored.json.documents import read_document, sealed, unsealed_note

_ADVICE = "delete it and sweep again"
_MOST_BYTES = 4 << 20


class SideFields(TypedDict):
    """A checkpoint of an audit."""

    id: str
    name: str


class CheckFields(TypedDict):
    """One check."""

    name: str
    status: Literal["ok", "warning", "not-applicable"]
    numbers: dict[str, Any]
    sentence: str


class RecordFields(TypedDict):
    """An audit's document."""

    key: str
    kind: Literal["model", "transfer"]
    identity: dict[str, Any]
    checkpoint: SideFields
    source: SideFields | None
    data: DataFields
    checks: list[CheckFields]
    n_robust: int | None
    recorded: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One finished audit.

    Attributes:
        kind: ``"model"``, or ``"transfer"`` for another checkpoint's adversarial images judged on this one.
        identity: All that decides what is found; its hash is the key.
        checkpoint: ``id`` (12 hex) and ``name`` of the audited checkpoint.
        source: The same of the checkpoint whose adversarial images were borrowed; None for ``"model"``.
        data: Fields of the data set, as in a cell.
        checks: Each with ``name``, ``status`` (``"ok"``, ``"warning"``, ``"not-applicable"``), ``numbers`` and
            ``sentence``.
        n_robust: Images of the checkpoint that withstood PGD at 8/255 with twice the steps that are judged; None for a
            transfer or without a gradient.
        recorded: What is kept but decides nothing: device, seconds.
        unsealed: The file that it was read from, if that has no checksum; else None. It is not stored.
    """

    kind: str
    identity: Json
    checkpoint: Json
    source: Json | None
    data: Json
    checks: tuple[Json, ...]
    n_robust: int | None = None
    recorded: Json = field(default_factory=dict)
    unsealed: Path | None = None

    @property
    def key(self) -> str:
        """The 64 hexadecimal digits that name this record."""
        return identity_key(self.identity)

    @property
    def warnings(self) -> tuple[Json, ...]:
        """The checks that warn."""
        return tuple(check for check in self.checks if check["status"] == "warning")


def write_audit(root: Path, record: AuditRecord) -> None:
    """Store a record in the run folder ``root``; writing the same one twice is harmless."""
    content = {name: value for name, value in asdict(record).items() if name != "unsealed"}
    names = ("audits", record.checkpoint["id"], f"{record.key[:16]}.json")
    write_entry(root, names, sealed({"key": record.key, **content}))


def read_audit(root: Path, checkpoint_id: str, identity: Json) -> AuditRecord | None:
    """Read the record of that identity, or None if it is not stored.

    Raises:
        DataError: If the file is not an audit record of this version.
    """
    name = identity_key(identity)[:16]
    return _read(root, checkpoint_id, name) if has_file(root, "audits", checkpoint_id, f"{name}.json") else None


def read_audits(root: Path) -> Iterator[AuditRecord]:
    """Read every record of a run folder, in a stable order.

    Raises:
        DataError: If a file is not an audit record of this version.
    """
    for checkpoint_id in names_in(root, "audits", pattern=CHECKPOINT_ID):
        for name in names_in(root, "audits", checkpoint_id, suffix=".json", pattern=SHORT_KEY):
            yield _read(root, checkpoint_id, name)


def _read(root: Path, checkpoint_id: str, name: str) -> AuditRecord:
    path = root / "audits" / checkpoint_id / f"{name}.json"
    has_file(root, "audits", checkpoint_id, path.name)
    document = read_document(path, RecordFields, "an audit record", _ADVICE, _MOST_BYTES)
    content = document.content
    values = {field.name: content[field.name] for field in fields(AuditRecord) if field.name != "unsealed"}
    values["checks"] = tuple(values["checks"])
    record = AuditRecord(**values, unsealed=None if document.is_sealed else path)
    found = (content["key"], record.key[:16], record.checkpoint["id"])
    if found != (record.key, name, checkpoint_id):
        raise DataError(f"{path} is the audit {record.key[:16]} of checkpoint {found[2][:40]}; {_ADVICE}.")
    _refuse_contradictions(record, path)
    return record


def _refuse_contradictions(record: AuditRecord, path: Path) -> None:
    sides = [(record.checkpoint, "checkpoint")] + ([(record.source, "source")] if record.source else [])
    for side, name in sides:
        identity = record.identity.get(name)
        if not isinstance(identity, dict) or identity_key(identity)[:12] != side["id"]:
            raise DataError(f"{path} is not an audit record ({name} is not that of its identity); {_ADVICE}.")
    if (record.kind == "transfer") != (record.source is not None) or (record.n_robust or 0) < 0:
        raise DataError(f"{path} is not an audit record ({record.kind}, {record.n_robust} robust); {_ADVICE}.")


def audit_notes(runs: Sequence[Path], records: Sequence[AuditRecord]) -> list[str]:
    """Say which records of some runs have no checksum."""
    paths = [record.unsealed for record in records if record.unsealed is not None]
    notes = [unsealed_note(run, [path for path in paths if run in path.parents]) for run in runs]
    return [note for note in notes if note]


def missing_audits(plans: Iterable[Sequence[Json]], records: Sequence[AuditRecord]) -> Iterator[Json]:
    """List the audits that were planned and are not stored, each once, as a plan lists cells.

    If the attack has a gradient on several audited checkpoints of a plan, each is also judged on the images of the
    others; checkpoints that were swept apart are not.

    Args:
        plans: What each plan has as ``WantedPlan.audits``.
        records: What is stored.
    """
    found = [entry for planned in plans for entry in _missing_of_plan(planned, records)]
    yield from {(entry["key"], entry["condition"]): entry for entry in found}.values()


def _missing_of_plan(planned: Sequence[Json], records: Sequence[AuditRecord]) -> Iterator[Json]:
    models = {record.key: record for record in records if record.source is None}
    yield from ({**entry, "condition": "audit"} for entry in planned if entry["key"] not in models)
    attacked = [models[entry["key"]] for entry in planned if entry["key"] in models]
    attacked = [record for record in attacked if record.n_robust is not None]
    made = {(r.checkpoint["id"], r.source["id"], r.data["fingerprint"]) for r in records if r.source}
    for record in attacked:
        for other in attacked:
            place = record.checkpoint["id"], other.checkpoint["id"], record.data["fingerprint"]
            alike = other.data["images_key"] == record.data["images_key"]
            if place[0] != place[1] and alike and place not in made:
                who = {"checkpoint_id": place[0], "checkpoint": record.checkpoint["name"]}
                yield {**who, "key": record.key, "condition": f"audit on images of {other.checkpoint['name']}"}
