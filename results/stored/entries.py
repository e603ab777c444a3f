"""The entries of a folder that may come from elsewhere: plain files and folders, never links to places outside it.

The folder itself is what a person named, and may be a link.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.stored.files import write_atomically

CHECKPOINT_ID = re.compile(r"[0-9a-f]{12}")
SHORT_KEY = re.compile(r"[0-9a-f]{16}")
_ADVICE = "such folders hold plain files and folders alone; remove it."


def _status(path: str) -> os.stat_result | None:
    """Look at an entry, which must be a plain file or folder; None if it is not there."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        what = "a link" if stat.S_ISLNK(status.st_mode) else "neither a file nor a folder"
        raise DataError(f"{path} is {what}; {_ADVICE}")
    return status


def _found(root: Path, names: tuple[str, ...]) -> os.stat_result | None:
    """Look at an entry, and before it at every folder on the way to it; None if it is not there."""
    path = str(root)
    for name in names[:-1]:
        path = f"{path}/{name}"
        status = _status(path)
        if status is None:
            return None
        if stat.S_ISREG(status.st_mode):
            raise DataError(f"{path} is a file, expected a folder; remove it.")
    return _status(f"{path}/{names[-1]}")


def file_status(root: Path, *names: str) -> os.stat_result | None:
    """Look at an entry, which must be a regular file; None if it is not there.

    Args:
        root: The folder.
        names: Folders below it, then the file.

    Raises:
        DataError: If it is something else, or a folder on the way to it is.
    """
    status = _found(root, names)
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise DataError(f"{root.joinpath(*names)} is a folder, expected a file; remove it.")
    return status


def has_file(root: Path, *names: str) -> bool:
    """Say whether an entry is there, which then is a regular file; as ``file_status``."""
    return file_status(root, *names) is not None


def has_folder(root: Path, *names: str) -> bool:
    """Say whether an entry is there, which then is a folder; as ``has_file`` otherwise."""
    status = _found(root, names)
    if status is not None and stat.S_ISREG(status.st_mode):
        raise DataError(f"{root.joinpath(*names)} is a file, expected a folder; remove it.")
    return status is not None


def names_in(root: Path, *folder: str, suffix: str = "", pattern: re.Pattern[str]) -> list[str]:
    """List the entries of a folder without their suffix, sorted; none if the folder is not there.

    Hidden entries, and those that end otherwise, belong to no run.

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
        status = _found(root, (*folder, entry))
        is_folder = status is not None and stat.S_ISDIR(status.st_mode)
        if not suffix and not is_folder:
            continue
        name = entry.removesuffix(suffix)
        if (suffix and is_folder) or not pattern.fullmatch(name):
            raise DataError(
                f"{root.joinpath(*folder, entry)} is not a name of a run's own, expected "
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


def write_unless_there(root: Path, names: tuple[str, ...], content: bytes) -> None:
    """Write a file unless it holds the same already, as in a folder that is finished and read-only."""
    path = root.joinpath(*names)
    if has_file(root, *names) and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    write_entry(root, names, content)
