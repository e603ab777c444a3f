"""Files from elsewhere: regular ones alone, read up to a stated size, and JSON and arrays that are what they claim.

Whatever is wrong with a file becomes one DataError that names it.
"""

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
from typing import Any, BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError
from robustsweep.unpacking import check_growth, check_method, zip_pieces

Array = npt.NDArray[Any]

DOCUMENT_BYTES = 64 << 20
"""No JSON document that is read is larger."""
TOML_BYTES = 1 << 20
"""No TOML document that is read is larger: people write them."""
ARRAYS_BYTES = 1 << 30
"""No file of arrays of a run unpacks to more."""
MOST_DEPTH = 64
"""No JSON document that is read is nested deeper: whatever walks through it, or writes it again, calls itself."""
MOST_CONTAINERS = 2_000_000
"""No JSON document holds more lists and objects, which take thirty times the memory of their text."""
# Python's parser takes memory for every beginning of a dotted key. What stands before is no part of it, so that each
# part is looked at once.
_MOST_PARTS = 32
_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}""", re.ASCII
)
_ARRAY_SUFFIX = ".npy"
_MOST_REASON = 200
_MOST_DIGITS = 20


@contextmanager
def reading(path: Path | str, advice: str) -> Iterator[None]:
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
        # One line of bounded length, whatever of the file the error quotes.
        reason = " ".join(str(error).split())[:_MOST_REASON]
        raise DataError(f"{path} cannot be read ({type(error).__name__}: {reason}); {advice}.") from error


@contextmanager
def open_regular(path: Path, most_bytes: int, advice: str = "remove it") -> Iterator[BinaryIO]:
    """Open a regular file. Links to regular files are followed; devices and pipes are never opened for long.

    Args:
        path: The file.
        most_bytes: A larger file is refused unread.
        advice: What to do about a file that cannot be read.

    Raises:
        DataError: If it is missing, not regular, larger, or cannot be read, also while it is open.
    """
    # Opening a pipe would wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    with reading(path, advice), os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path} is not a regular file; {advice}.")
        if status.st_size > most_bytes:
            raise DataError(f"{path} has {status.st_size} bytes, more than the {most_bytes} that are read; {advice}.")
        yield file


def read_regular(path: Path, most_bytes: int, advice: str = "remove it") -> bytes:
    """Read a regular file whole; see ``open_regular``.

    Raises:
        DataError: If it is missing, not regular, larger, or cannot be read.
    """
    with open_regular(path, most_bytes, advice) as file:
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


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS or not -(1 << 63) <= (number := int(text)) < 1 << 63:
        raise ValueError(f"{text[:20]} is a whole number of more than 64 bits")
    return number


def strict_json(content: bytes | str) -> Any:
    """Parse JSON without NaN, Infinity, numbers beyond 64 bits, half characters, and deep nesting.

    Raises:
        ValueError: If it is not such JSON.
        RecursionError: If it is nested too deeply even to be parsed.
    """
    text = content.encode() if isinstance(content, str) else content
    if text.count(b"[") + text.count(b"{") > MOST_CONTAINERS:
        raise ValueError(f"it has more than {MOST_CONTAINERS} lists and objects")
    value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)
    if _may_be_deep(text) and _depth(value) > MOST_DEPTH:
        raise ValueError(f"it is nested more than {MOST_DEPTH} levels deep")
    if b"\\ud" in text or b"\\uD" in text:  # half of a character, which no file can be written with
        json.dumps(value, ensure_ascii=False).encode()
    return value


def parse_json(content: bytes | str, path: Path | str, advice: str = "remove it") -> Any:
    """Parse strict JSON: no NaN, no Infinity, no number beyond 64 bits, no half characters, nothing deeply nested.

    Args:
        content: The text, or its UTF-8 bytes.
        path: Where it comes from, for the error.
        advice: What to do about a file that cannot be read.

    Raises:
        DataError: If it is not such JSON.
    """
    with reading(path, advice):
        return strict_json(content)


_BRACKETS = np.zeros(256, np.int8)
_BRACKETS[list(b"[{")], _BRACKETS[list(b"]}")] = 1, -1


def _may_be_deep(text: bytes) -> bool:
    """Say whether brackets, those within texts among them, open more levels than are read."""
    if text.count(b"[") + text.count(b"{") <= MOST_DEPTH:
        return False
    steps = _BRACKETS[np.frombuffer(text, np.uint8)]
    return int(np.cumsum(steps[steps != 0], dtype=np.int32).max()) > MOST_DEPTH


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


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
    gigabytes, see ``unpacking``.

    Args:
        path: The file.
        names: The arrays to read, all of which must be there; none: all.
        optional: Arrays to read where they are there.
        advice: What to do about a file that cannot be read.
        most_bytes: The most that the arrays read may take together.

    Raises:
        DataError: If the file or an array is missing, damaged, too large, or not of numbers.
    """
    with open_regular(path, most_bytes, advice) as file, zipfile.ZipFile(file) as archive:
        members = {info.filename.removesuffix(_ARRAY_SUFFIX): info for info in archive.infolist()}
        wanted = (*names, *(name for name in optional if name in members)) or tuple(members)
        missing = [name for name in wanted if name not in members]
        if missing:
            raise DataError(f"{path} has no array {missing[0]!r}; it has {', '.join(members) or 'nothing'}; {advice}.")
        if (total := sum(members[name].file_size for name in wanted)) > most_bytes:
            raise DataError(f"{path} unpacks to {total} bytes, more than the {most_bytes} that are read; {advice}.")
        check_growth(str(path), os.fstat(file.fileno()).st_size, total, advice)
        return {name: _read_array(archive, members[name]) for name in wanted}


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
    return _filled(archive, info, n_header, n_bytes).view(dtype).reshape(shape, order="F" if is_fortran else "C")


def _filled(archive: zipfile.ZipFile, info: zipfile.ZipInfo, n_header: int, n_bytes: int) -> npt.NDArray[np.uint8]:
    """Read what follows the header into memory that is taken once, and touched only as far as there is content."""
    content = np.empty(n_bytes, np.uint8)
    place = -n_header
    for piece in zip_pieces(archive, info):
        kept = np.frombuffer(piece, np.uint8)[max(-place, 0) :]
        content[max(place, 0) : max(place, 0) + len(kept)] = kept
        place += len(piece)
    if place != n_bytes:
        raise ValueError(f"{info.filename} holds {place} bytes, its header promises {n_bytes}")
    return content
