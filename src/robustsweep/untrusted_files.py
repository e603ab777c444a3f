"""Files from elsewhere: regular ones alone, read up to a stated size, and JSON and arrays that are what they claim.

Whatever is wrong with a file becomes one DataError that names it.
"""

import io
import json
import math
import os
import re
import stat
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError

Array = npt.NDArray[Any]

DOCUMENT_BYTES = 64 << 20
"""No JSON document that is read is larger."""
TOML_BYTES = 1 << 20
"""No TOML document that is read is larger: people write them."""
ARRAYS_BYTES = 1 << 30
"""No file of arrays of a run unpacks to more."""
# Python's parser takes memory for every beginning of a dotted key. What stands before is no part of it, so that each
# part is looked at once.
_MOST_PARTS = 32
_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}""", re.ASCII
)
_ARRAY_SUFFIX = ".npy"


@contextmanager
def reading(path: Path, advice: str) -> Iterator[None]:
    """Turn any failure to read ``path`` into a DataError that names it; a DataError passes as it is.

    Args:
        path: What is read.
        advice: What to do about it, such as ``"delete it and sweep again"``.
    """
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); {advice}.") from error
    except RecursionError as error:
        raise DataError(f"{path} cannot be read (it is nested too deeply); {advice}.") from error
    except Exception as error:  # a damaged file can raise anything, MemoryError included
        raise DataError(f"{path} cannot be read ({type(error).__name__}: {error}); {advice}.") from error


def read_regular(path: Path, most_bytes: int, advice: str = "remove it") -> bytes:
    """Read a regular file whole. Links to regular files are followed; devices and pipes are never opened for long.

    Args:
        path: The file.
        most_bytes: A larger file is refused unread.
        advice: What to do about a file that cannot be read.

    Raises:
        DataError: If it is missing, not regular, larger, or cannot be read.
    """
    with reading(path, advice):
        # Opening a pipe would wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path} is not a regular file; {advice}.")
            if status.st_size > most_bytes:
                raise DataError(
                    f"{path} has {status.st_size} bytes, more than the {most_bytes} that are read; {advice}."
                )
            # One byte more than allowed, as a file may grow while it is read.
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise DataError(f"{path} grows while it is read; {advice}.")
        return content


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large for a number")
    return number


def strict_json(content: bytes | str) -> Any:
    """Parse JSON without NaN, Infinity, and numbers that overflow to one.

    Raises:
        ValueError: If it is not such JSON.
        RecursionError: If it is nested too deeply.
    """
    return json.loads(content, parse_constant=_refuse_constant, parse_float=_finite)


def parse_json(content: bytes | str, path: Path, advice: str = "remove it") -> Any:
    """Parse strict JSON: no NaN, no Infinity, no number that overflows to one, bounded depth.

    Args:
        content: The text, or its UTF-8 bytes.
        path: Where it comes from, for the error.
        advice: What to do about a file that cannot be read.

    Raises:
        DataError: If it is not such JSON.
    """
    with reading(path, advice):
        return strict_json(content)


def read_json(path: Path, advice: str = "remove it", most_bytes: int = DOCUMENT_BYTES) -> dict[str, Any]:
    """Read a file that holds one JSON object; see ``read_regular`` and ``parse_json``.

    Raises:
        DataError: If it cannot be read or holds anything else.
    """
    document = parse_json(read_regular(path, most_bytes, advice), path, advice)
    if not isinstance(document, dict):
        raise DataError(f"{path} holds a JSON {type(document).__name__}, expected an object; {advice}.")
    return document


def read_toml(path: Path, advice: str = "correct it", most_bytes: int = TOML_BYTES) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        DataError: If it cannot be read or is not TOML.
    """
    content = read_regular(path, most_bytes, advice)
    with reading(path, advice):
        if _LONG_KEY.search(content.decode("utf-8", "replace")):
            raise DataError(f"{path} has a key of more than {_MOST_PARTS} parts; {advice}.")
        try:
            return tomllib.loads(content.decode("utf-8"))
        except ValueError as error:
            raise DataError(f"{path} is not TOML ({error}); {advice}.") from error


def read_arrays(path: Path, *names: str, advice: str = "remove it", most_bytes: int = ARRAYS_BYTES) -> dict[str, Array]:
    """Read arrays of numbers from an ``npz`` file without running anything in it.

    Each array's header is read first: an array that says it is larger than the limit, or whose content does not have
    the size that its header promises, is refused before memory is taken for it.

    Args:
        path: The file.
        names: The arrays to read, all of which must be there; none: all.
        advice: What to do about a file that cannot be read.
        most_bytes: The most that the arrays read may take together.

    Raises:
        DataError: If the file or an array is missing, damaged, too large, or not of numbers.
    """
    with reading(path, advice), zipfile.ZipFile(io.BytesIO(read_regular(path, most_bytes, advice))) as archive:
        members = {info.filename.removesuffix(_ARRAY_SUFFIX): info for info in archive.infolist()}
        wanted = names or tuple(members)
        missing = [name for name in wanted if name not in members]
        if missing:
            raise DataError(f"{path} has no array {missing[0]!r}; it has {', '.join(members) or 'nothing'}; {advice}.")
        if (total := sum(members[name].file_size for name in wanted)) > most_bytes:
            raise DataError(f"{path} unpacks to {total} bytes, more than the {most_bytes} that are read; {advice}.")
        return {name: _read_array(archive, members[name]) for name in wanted}


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise ValueError(f"{info.filename} is of format version {version}")
        shape, is_fortran, dtype = readers[version](member)
        if dtype.kind not in "biufSU":
            raise ValueError(f"{info.filename} holds {dtype}, not numbers")
        if any(side < 0 for side in shape):
            raise ValueError(f"{info.filename} has shape {shape}")
        n_bytes = math.prod(shape) * dtype.itemsize
        if n_bytes > info.file_size:
            raise ValueError(f"{info.filename} promises {n_bytes} bytes and holds fewer")
        content = member.read(n_bytes + 1)
    if len(content) != n_bytes:
        raise ValueError(f"{info.filename} holds {len(content)} bytes, its header promises {n_bytes}")
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if is_fortran else "C")
    return array.copy() if array.size else array
