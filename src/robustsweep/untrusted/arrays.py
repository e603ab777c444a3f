"""Arrays of numbers from files that may come from elsewhere."""

import math
import os
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError
from robustsweep.untrusted.files import open_regular
from robustsweep.untrusted.growth import check_growth, check_method, pieces_of

Array = npt.NDArray[Any]

ARRAYS_BYTES = 1 << 30
"""No file of arrays of a run unpacks to more."""
_ARRAY_SUFFIX = ".npy"


def read_arrays(
    path: Path,
    *names: str,
    optional: tuple[str, ...] = (),
    advice: str = "remove it",
    most_bytes: int = ARRAYS_BYTES,
) -> dict[str, Array]:
    """Read arrays of numbers from an ``npz`` file without running anything in it.

    Each array's header is read first: an array that says it is larger than the limit, or whose content does not have
    the size that its header promises, is refused before memory is taken for it. So is a small file that unpacks to
    gigabytes, see ``growth``.

    Args:
        path: The file.
        names: The arrays to read, all of which must be there; none: all.
        optional: Arrays to read if they are there.
        advice: What to do about a file that cannot be read.
        most_bytes: The most that the arrays read may take together.

    Raises:
        DataError: If the file or an array is missing, damaged, too large, or not of numbers.
    """
    with open_regular(path, most_bytes, advice) as file, _opened(file, path, advice) as archive:
        members = {info.filename.removesuffix(_ARRAY_SUFFIX): info for info in archive.infolist()}
        wanted = (*names, *(name for name in optional if name in members)) or tuple(members)
        missing = [name for name in wanted if name not in members]
        if missing:
            raise DataError(f"{path} has no array {missing[0]!r}; it has {', '.join(members) or 'nothing'}; {advice}.")
        if (total := sum(members[name].file_size for name in wanted)) > most_bytes:
            raise DataError(f"{path} unpacks to {total} bytes, more than the {most_bytes} that are read; {advice}.")
        check_growth(str(path), os.fstat(file.fileno()).st_size, total, advice)
        return {name: _read_array(archive, members[name]) for name in wanted}


def _opened(file: IO[bytes], path: Path, advice: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} cannot be read (it is not a whole npz file); {advice}.") from error


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    check_method(info)
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise ValueError(f"{info.filename} is of format version {version}")
        shape, is_fortran, dtype = readers[version](member)
        n_header = member.tell()
        if dtype.kind not in "biufSU":
            raise ValueError(f"{info.filename} holds {dtype}, not numbers")
        if any(side < 0 for side in shape):
            raise ValueError(f"{info.filename} has shape {shape}")
        n_bytes = math.prod(shape) * dtype.itemsize
        if n_bytes != info.file_size - n_header:
            raise ValueError(f"{info.filename} promises {n_bytes} bytes and holds {info.file_size - n_header}")
        content = _filled(member, info, n_bytes)
    return content.view(dtype).reshape(shape, order="F" if is_fortran else "C")


def _filled(member: IO[bytes], info: zipfile.ZipInfo, n_bytes: int) -> npt.NDArray[np.uint8]:
    """Read what follows the header into memory that is taken once, and touched only as far as there is content."""
    content = np.empty(n_bytes, np.uint8)
    place = 0
    for piece in pieces_of(member):
        content[place : place + len(piece)] = np.frombuffer(piece, np.uint8)
        place += len(piece)
    if place != n_bytes:
        raise ValueError(f"{info.filename} holds {place} bytes, its header promises {n_bytes}")
    return content
