"""Files that are written whole or not at all, and arrays in one ``npz`` file without pickles."""

import errno
import fcntl
import io
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from robustsweep.results.stored.cells import Array
from robustsweep.untrusted.arrays import read_arrays

_MOST_BYTES = 256 << 20  # 78 cells of 1 000 000 images take 20 MB

_TEMPORARY = re.compile(r"\..+\.robustsweep-[0-9a-f]{16}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name ``path`` in an OSError that names no file, as that of a full disk does."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write ``content``, whole or in pieces, to ``path`` so that readers see the old file or the whole new one.

    When it returns, the file outlives a loss of power. Beside ``path`` lies a hidden temporary until then, which its
    writer keeps locked; those that killed processes have left in the folder are removed first.

    Raises:
        OSError: If it cannot be written; the error names a file.
    """
    _make_folder(path.parent)
    remove_abandoned(path.parent)
    temporary, file = _open_temporary(path)
    try:
        with file, naming(path):
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes were writing in ``folder``, and leave what is being written.

    A temporary is abandoned if its lock can be taken: the lock ends with its process, on whatever machine that ran.
    """
    # Nothing depends on it, so a folder that cannot be read or changed is left as it is.
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_if_abandoned(entry.path)


def _remove_if_abandoned(path: str) -> None:
    with suppress(OSError):
        # Network file systems lock only what is open for writing.
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(handle)


def _open_temporary(path: Path) -> tuple[Path, BinaryIO]:
    """Open a file that no other process writes or removes while it is open."""
    while True:
        # Not tempfile's: its files are readable by nobody else, and a run folder may be shared.
        temporary = path.with_name(f".{path.name}.robustsweep-{secrets.token_hex(8)}")
        with naming(path):
            file = temporary.open("xb")
        # A file system without locks has none that could be taken for abandoned.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, file
        file.close()  # another process found it before it was locked


def _make_folder(folder: Path) -> None:
    new = list(takewhile(lambda each: not each.exists(), (folder, *folder.parents)))
    folder.mkdir(parents=True, exist_ok=True)
    for each in reversed(new):
        _sync_folder(each.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # one that may be written but not read
        return
    try:
        with naming(folder):
            os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of file systems that sync files alone
            raise
    finally:
        os.close(handle)


def npz_bytes(arrays: dict[str, Array]) -> bytes:
    """Return the content of a compressed ``npz`` file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_npz(path: Path, *names: str, advice: str = "delete it and sweep again") -> dict[str, Array]:
    """Read the named arrays of a file, or all of them.

    Raises:
        DataError: If the file, or one of the arrays, cannot be read.
    """
    return read_arrays(path, *names, advice=advice, most_bytes=_MOST_BYTES)
