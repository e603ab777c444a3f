"""Files from elsewhere: regular ones alone, read up to a stated size, and JSON and TOML that are what they claim.

Whatever is wrong with a file becomes one DataError that names it.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from robustsweep.errors import DataError
from robustsweep.untrusted.json import strict_json

DOCUMENT_BYTES = 64 << 20
"""No JSON document that is read is larger."""
TOML_BYTES = 1 << 20
"""No TOML document that is read is larger: people write them."""
# Python's parser takes memory for every beginning of a dotted key. What stands before is not part of it, so that each
# part is looked at once.
_MOST_PARTS = 32
_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}""", re.ASCII
)
_MOST_REASON = 200


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


def parse_json(content: bytes | str, path: Path | str, advice: str = "remove it") -> Any:
    """Parse what ``strict_json`` takes, and name the file otherwise.

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
