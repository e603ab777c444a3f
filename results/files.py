"""Files that are written whole or not at all, and arrays in one ``npz`` file without pickles."""

import io
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from robustsweep.results.cells import Array
from robustsweep.untrusted_files import read_arrays

_MOST_BYTES = 256 << 20  # 78 cells of 1 000 000 images take 20 MB


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

    Raises:
        OSError: If it cannot be written; the error names a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile's: its files are readable by nobody else, and a run folder may be shared.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with naming(path), temporary.open("xb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
