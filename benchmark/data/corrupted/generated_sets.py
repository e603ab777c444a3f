"""``corrupt.json``: what says of images in a published layout that they were generated here, and how."""

from pathlib import Path
from typing import Any, TypedDict

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Json
from robustsweep.results.stored.json.cell_fields import SubsetFields
from robustsweep.results.stored.json.documents import fitting, opened
from robustsweep.untrusted.files import parse_json

MANIFEST_NAME = "corrupt.json"


class WrittenDataFields(TypedDict):
    """The data set that images were made from; further entries are kept as they are."""

    name: str
    fingerprint: str
    preprocessing: str
    subset: SubsetFields | None


class MadeWithFields(TypedDict):
    """What all files of a folder have in common, see ``Writing.made_with``."""

    robustsweep: str
    protocol: int
    layout: str
    seed: int
    table: str | None
    jpeg_quality: int | None
    data: WrittenDataFields


class ManifestFields(TypedDict):
    """The manifest's document: further, library versions and the number of images written, by condition."""

    made_with: MadeWithFields
    libraries: dict[str, dict[str, Any]]
    written: dict[str, int]


def manifest_content(text: bytes, path: Path, advice: str) -> Json:
    """Read a manifest.

    Args:
        text: Its file.
        path: Where that lies, for the error.
        advice: How to go on without it.

    Raises:
        DataError: If it cannot be read, or its checksum is not that of its content.
    """
    values = parse_json(text, path, advice)
    if not isinstance(values, dict):
        raise DataError(f"{path} holds no JSON object; {advice}.")
    content = opened(values, path, advice).content
    fitting(content, ManifestFields, path, "a manifest of written images", advice)
    return content
