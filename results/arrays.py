"""Arrays in one ``npz`` file, without pickles."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.cells import Array


def npz_bytes(arrays: dict[str, Array]) -> bytes:
    """Return the content of a compressed ``npz`` file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_npz(path: Path, *names: str) -> dict[str, Array]:
    """Read the named arrays of a file, or all of them.

    Raises:
        DataError: If the file, or one of the arrays, cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in names or archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); delete it and sweep again.") from error
