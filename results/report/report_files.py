"""The files of a report in their folder: an earlier report's that are no longer written go, everybody else's stay."""

import hashlib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypedDict

from robustsweep.errors import DataError
from robustsweep.results.stored.entries import has_file, write_entry
from robustsweep.results.stored.json.documents import read_document, sealed

LIST_NAME = ".files.json"
_OWNED = {
    "html": ("report.html",),
    "md": ("report.md", "figures/*.png"),
    "csv": ("tables/*.csv",),
    "latex": ("latex/*",),
    "json": ("report.json",),
    "png": ("figures/*.png",),
    "svg": ("figures/*.svg",),
    "pdf": ("figures/*.pdf",),
}


class ListFields(TypedDict):
    """The list of a report's files: the sha256 of each by its path below the folder."""

    files: dict[str, str]


def write_files(root: Path, folder: Sequence[str], contents: Mapping[str, bytes], formats: Sequence[str]) -> None:
    """Write a report, and remove what an earlier one wrote in the same formats and this one does not.

    A file that has changed since it was written is somebody's by now and stays.

    Args:
        root: What the user named; it may be a link, and nothing below it is.
        folder: Folders below it that lead to the report's.
        contents: What to write, by path below the report's folder.
        formats: Those of this report.

    Raises:
        DataError: If something that is not a plain file or folder is in the way.
        OSError: If a file cannot be written.
    """
    earlier = _earlier(root, folder)
    for name, content in contents.items():
        write_entry(root, (*folder, *name.split("/")), content)
    kept = {}
    for name, digest in earlier.items():
        if name in contents:
            continue
        if not _is_stale(name, formats):
            kept[name] = digest
        elif has_file(root, *folder, *name.split("/")):
            path = root.joinpath(*folder, name)
            if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
                path.unlink()
    written = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    write_entry(root, (*folder, LIST_NAME), sealed({"files": kept | written}))


def _is_stale(name: str, formats: Sequence[str]) -> bool:
    is_plain = not set(name.split("/")) & {"", ".", ".."} and len(name.split("/")) <= 2
    return is_plain and any(fnmatchcase(name, pattern) for chosen in formats for pattern in _OWNED[chosen])


def _earlier(root: Path, folder: Sequence[str]) -> dict[str, str]:
    """Read what an earlier report wrote; nothing if its list is gone or damaged, which leaves its files alone."""
    if not has_file(root, *folder, LIST_NAME):
        return {}
    path = root.joinpath(*folder, LIST_NAME)
    try:
        document = read_document(path, ListFields, "a report's list of files", "delete it")
    except DataError:
        return {}
    return dict(document.content["files"]) if document.is_sealed else {}
