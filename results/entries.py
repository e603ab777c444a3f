"""The entries of a folder that may come from elsewhere: plain files and folders, never links to places outside it.

The folder itself is what a person named, and may be a link.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from robustsweep.errors import DataError
from robustsweep.results.files import write_atomically

CHECKPOINT_ID = re.compile(r"[0-9a-f]{12}")
SHORT_KEY = re.compile(r"[0-9a-f]{16}")
_ADVICE = "such folders hold plain files and folders alone; remove it."


def _kind(path: str) -> Literal["file", "folder"] | None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    what = "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
    raise DataError(f"{path} is {what}; {_ADVICE}")


def _found(root: Path, names: tuple[str, ...]) -> Literal["file", "folder"] | None:
    """Return what an entry is, having looked at every folder on the way to it; None where it is not there."""
    path, kind = str(root), None
    for place, name in enumerate(names, 1):
        path = f"{path}/{name}"
        kind = _kind(path)
        if kind is None or place == len(names):
            return kind
        if kind == "file":
            raise DataError(f"{path} is a file, expected a folder; remove it.")
    return kind


def has_file(root: Path, *names: str) -> bool:
    """Say whether an entry is there, which then is a regular file.

    Args:
        root: The folder.
        names: Folders below it, then the file.

    Raises:
        DataError: If it is something else, or a folder on the way to it is.
    """
    kind = _found(root, names)
    if kind == "folder":
        raise DataError(f"{root.joinpath(*names)} is a folder, expected a file; remove it.")
    return kind == "file"


def has_folder(root: Path, *names: str) -> bool:
    """Say whether an entry is there, which then is a folder; as ``has_file`` otherwise."""
    kind = _found(root, names)
    if kind == "file":
        raise DataError(f"{root.joinpath(*names)} is a file, expected a folder; remove it.")
    return kind == "folder"


def names_in(root: Path, *folder: str, suffix: str = "", pattern: re.Pattern[str]) -> list[str]:
    """List the entries of a folder without their suffix, sorted; none where the folder is not there.

    Hidden entries, and those that end otherwise, are nobody's.

    Args:
        root: The outermost folder.
        folder: Folders below it.
        suffix: How the entries end, such as ``".npz"``; empty: those that are folders.
        pattern: What their names must be without the suffix, as they become part of paths.

    Raises:
        DataError: If a name is otherwise, or the folder is something else.
    """
    if not has_folder(root, *folder):
        return []
    found = []
    for entry in sorted(os.listdir(root.joinpath(*folder))):
        if entry.startswith(".") or not entry.endswith(suffix):
            continue
        kind = _found(root, (*folder, entry))
        if not suffix and kind == "file":
            continue
        name = entry.removesuffix(suffix)
        if (suffix and kind == "folder") or not pattern.fullmatch(name):
            raise DataError(
                f"{root.joinpath(*folder, entry)} is no name of a run's own, expected "
                f"{pattern.pattern}{suffix or '/'}; remove it."
            )
        found.append(name)
    return found


def write_entry(root: Path, names: Iterable[str], content: bytes) -> None:
    """Write a file below a folder as ``write_atomically`` does, never through a link.

    Raises:
        DataError: If the file, or a folder on the way to it, is something else.
        OSError: If it cannot be written.
    """
    names = tuple(names)
    has_file(root, *names)
    write_atomically(root.joinpath(*names), content)


def remove_folder(root: Path, *names: str) -> None:
    """Remove a folder with all that it holds, as far as that is possible.

    Raises:
        DataError: If it, or a folder on the way to it, is something else.
    """
    if has_folder(root, *names):
        shutil.rmtree(root.joinpath(*names), ignore_errors=True)
