"""Audit records: what was checked of an attacked checkpoint, stored beside the cells.

Layout below a run folder::

    audits/<checkpoint id, 12 hex>/<key, first 16 hex>.json   one audit, or one ordered pair of a transfer
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.cells import Json, identity_key
from robustsweep.results.files import write_atomically

SCHEMA_VERSION = 1


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
        n_robust: Images that withstood PGD-20 at 8/255 on the checkpoint; None for a transfer or without a gradient.
        recorded: What is kept but decides nothing: device, seconds.
    """

    kind: str
    identity: Json
    checkpoint: Json
    source: Json | None
    data: Json
    checks: tuple[Json, ...]
    n_robust: int | None = None
    recorded: Json = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The 64 hexadecimal digits that name this record."""
        return identity_key(self.identity)

    @property
    def warnings(self) -> tuple[Json, ...]:
        """The checks that warn."""
        return tuple(check for check in self.checks if check["status"] == "warning")


def _path(root: Path, checkpoint_id: str, key: str) -> Path:
    return root / "audits" / checkpoint_id / f"{key[:16]}.json"


def write_audit(root: Path, record: AuditRecord) -> None:
    """Store a record in the run folder ``root``; writing the same one twice is harmless."""
    document = {"schema_version": SCHEMA_VERSION, "key": record.key, **asdict(record)}
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    write_atomically(_path(root, record.checkpoint["id"], record.key), text.encode())


def read_audit(root: Path, checkpoint_id: str, identity: Json) -> AuditRecord | None:
    """Read the record of that identity, or None where it is not stored.

    Raises:
        DataError: If the file is not an audit record of this version.
    """
    path = _path(root, checkpoint_id, identity_key(identity))
    return _read(path) if path.is_file() else None


def read_audits(root: Path) -> Iterator[AuditRecord]:
    """Read every record of a run folder, in a stable order.

    Raises:
        DataError: If a file is not an audit record of this version.
    """
    for path in sorted(root.glob("audits/*/*.json")):
        yield _read(path)


def _read(path: Path) -> AuditRecord:
    try:
        document = json.loads(path.read_text())
        version = document["schema_version"]
        if version != SCHEMA_VERSION:
            raise DataError(f"{path} has schema version {version}; this robustsweep reads {SCHEMA_VERSION}.")
        known = {f.name: document[f.name] for f in fields(AuditRecord)}
        known["checks"] = tuple(known["checks"])
        for check in known["checks"]:
            check["name"], check["status"], check["numbers"], check["sentence"]
        return AuditRecord(**known)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not an audit record ({error!r}); delete it and sweep again.") from error
