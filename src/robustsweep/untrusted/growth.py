"""Limits for packed files: what is small on disk and unpacks to gigabytes is refused."""

import zipfile
from collections.abc import Iterator
from typing import IO

from robustsweep.errors import DataError

FREE_BYTES = 256 << 20
"""Whatever unpacks to no more is read."""
MOST_GROWTH = 200
"""Beyond that, a file may unpack to this many times its own size: photos reach 2, flat drawings 50."""
_PIECE_BYTES = 1 << 20


def most_unpacked(packed_bytes: int, free_bytes: int = FREE_BYTES) -> int:
    """Return the bytes that a file of ``packed_bytes`` may unpack to."""
    return max(free_bytes, MOST_GROWTH * packed_bytes)


def check_growth(what: str, packed_bytes: int, unpacked_bytes: int, advice: str, free_bytes: int = FREE_BYTES) -> None:
    """Refuse what unpacks to far more than its own size.

    Args:
        what: The file, for the error.
        packed_bytes: Its size.
        unpacked_bytes: What it says that it unpacks to.
        advice: What to do about it.
        free_bytes: What any file may unpack to.

    Raises:
        DataError: If it is large and grows more than ``MOST_GROWTH`` times.
    """
    if unpacked_bytes > most_unpacked(packed_bytes, free_bytes):
        raise DataError(
            f"{what} has {packed_bytes} bytes and unpacks to {unpacked_bytes}, more than {MOST_GROWTH} times as many, "
            f"which is refused above {free_bytes >> 20} MiB; {advice}."
        )


def check_method(info: zipfile.ZipInfo) -> None:
    """Refuse a zip member packed by another method than deflate: zipfile unpacks at once what a few bytes grow to.

    Raises:
        ValueError: If it is.
    """
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is packed by zip's method {info.compress_type}; pack it with deflate")


def zip_pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of a zip member piece by piece, no more of it than its entry promises.

    Raises:
        ValueError: See ``check_method``.
    """
    check_method(info)
    with archive.open(info) as member:
        yield from pieces_of(member)


def pieces_of(member: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of an open file piece by piece."""
    while piece := member.read(_PIECE_BYTES):
        yield piece
