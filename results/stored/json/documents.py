"""The JSON documents of a run: each carries a checksum of all that it says, and is read field by field.

A document is ``{"schema_version": 2, ..., "sha256": HASH}``; the hash is that of the canonical JSON of everything else.
Documents of version 1 had none. They are read as well, and whoever reads them says so.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Json, identity_key
from robustsweep.results.stored.json.typed_json import MisfitError, check_of
from robustsweep.untrusted.files import DOCUMENT_BYTES, read_json, reading

SCHEMA_VERSION = 2
SCHEMA_VERSION_UNSEALED = 1


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says.

    Attributes:
        content: Its entries but the version and the checksum.
        is_sealed: Whether it has a checksum, which then fits.
    """

    content: Json
    is_sealed: bool


def sealed(content: Json, indent: int | None = 1) -> bytes:
    """Return the file of a document.

    Args:
        content: Its entries, without a version and a checksum.
        indent: As of ``json.dumps``; None for a document that people do not read.
    """
    document = {"schema_version": SCHEMA_VERSION, **content}
    document["sha256"] = identity_key(document)
    return (json.dumps(document, indent=indent, allow_nan=False) + "\n").encode()


def read_document(path: Path, fields: Any, what: str, advice: str, most_bytes: int = DOCUMENT_BYTES) -> Document:
    """Read a document.

    Args:
        path: The file.
        fields: The TypedDict of its entries.
        what: What it should be, such as ``"a cell"``.
        advice: How to go on without it.
        most_bytes: A larger file is refused unread.

    Raises:
        DataError: If it cannot be read, has another version or another checksum than its content, or an entry is
            missing or of another type.
    """
    document = opened(read_json(path, advice, most_bytes), path, advice)
    fitting(document.content, fields, path, what, advice)
    return document


def opened(values: Json, path: Path, advice: str) -> Document:
    """Take the version and the checksum off what was parsed; see ``read_document``."""
    content = dict(values)
    version = content.pop("schema_version", SCHEMA_VERSION_UNSEALED)
    if not has_checksum(version, path):
        return Document(content, is_sealed=False)
    checksum = content.pop("sha256", None)
    with reading(path, advice):
        if identity_key({"schema_version": version, **content}) != checksum:
            raise DataError(f"{path} was damaged or changed: its checksum is not that of what it says; {advice}.")
    return Document(content, is_sealed=True)


def has_checksum(version: object, path: Path) -> bool:
    """Say whether a file of some schema version carries a checksum.

    Raises:
        DataError: If this robustsweep does not read that version.
    """
    if type(version) is not int or version not in (SCHEMA_VERSION, SCHEMA_VERSION_UNSEALED):
        raise DataError(f"{path} has schema version {version!r}; this robustsweep reads {SCHEMA_VERSION}.")
    return version == SCHEMA_VERSION


def fitting(content: Json, fields: Any, path: Path, what: str, advice: str) -> None:
    """Check the types of a document's entries; see ``read_document``."""
    try:
        check_of(fields)(content)
    except MisfitError as misfit:
        raise DataError(f"{path} is not {what} ({str(misfit).strip()}); {advice}.") from None


def unsealed_note(run: Path, paths: Iterable[Path]) -> str | None:
    """Say that some documents of a run have no checksum; None if there are none."""
    found = sorted(set(paths))
    if not found:
        return None
    return (
        f"{run} has {len(found)} file(s) without a checksum, as earlier versions wrote them, such as {found[0]}: what "
        "they say was checked only as far as the stored predictions tell it."
    )
