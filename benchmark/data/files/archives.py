"""Archives that are read in place: which members they have, and how much they may unpack to."""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from robustsweep.errors import DataError
from robustsweep.untrusted.growth import MOST_GROWTH, check_growth, most_unpacked, zip_pieces

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz", ".zip")
MEMBER_BYTES = 256 << 20
"""No file of a data set, in a folder or an archive, is larger; CIFAR's largest has 155 MB."""
# A compressed tar has no index: its files are held in memory, up to this many bytes.
_MEMORY_LIMIT_BYTES = 4 << 30
_UNPACK = "unpack it and give the folder"

Sizes = dict[str, int]
ReadMember = Callable[[str], bytes]
Listing = tuple[Sizes, tuple[str, ...], ReadMember]
"""Bytes of each file by its path, the folders that the archive names, and what returns the bytes of a path."""


def is_archive(path: Path) -> bool:
    """Say whether the name is that of a supported archive."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def list_archive(path: Path) -> Listing:
    """List an archive (``.tar``, compressed tar, ``.zip``).

    Raises:
        DataError: If it cannot be read, has unsafe or special members, or unpacks to far more than its size.
    """
    try:
        return _list_zip(path) if path.name.lower().endswith(".zip") else _list_tar(path)
    except DataError:
        raise
    except Exception as error:  # a damaged archive can raise anything
        raise DataError(f"{path} is not a readable archive ({error}); fetch or copy it again.") from error


def _safe_name(name: str, archive: Path) -> str:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or (len(name) > 1 and name[1] == ":"):
        raise DataError(f"{archive} holds the unsafe member name {name!r}; it is refused, and nothing was written.")
    return parts.as_posix()


class _Unpacked:
    """The content of a compressed file for tarfile, which may neither go beyond a limit nor ask for all at once."""

    def __init__(self, file: IO[bytes], path: Path, limit: int) -> None:
        self._file, self._path, self._limit = file, path, limit

    def read(self, size: int) -> bytes:
        self._check(self._file.tell() + size)
        if size > MEMBER_BYTES:
            raise DataError(f"{self._path} holds a member of {size} bytes, more than the {MEMBER_BYTES} that are read.")
        return self._file.read(size)

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        self._check(place)
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def _check(self, place: int) -> None:
        # tarfile asks for one record beyond the last member.
        if place > self._limit + tarfile.RECORDSIZE:
            raise DataError(
                f"{self._path} unpacks to more than {self._limit} bytes; a compressed tar is read up to "
                f"{_MEMORY_LIMIT_BYTES >> 20} MiB, and to {MOST_GROWTH} times its size; {_UNPACK}."
            )


_DECOMPRESSORS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x5d\x00\x00": lzma.open,
}
"""By the first bytes: what a file is called says nothing."""


def _list_tar(path: Path) -> Listing:
    with path.open("rb") as packed:
        magic = packed.read(6)
        packed.seek(0)
        decompress = next((opener for start, opener in _DECOMPRESSORS.items() if magic.startswith(start)), None)
        if decompress is None:
            with tarfile.open(fileobj=packed, mode="r:") as archive:
                return _list_plain(path, archive)
        limit = min(most_unpacked(path.stat().st_size), _MEMORY_LIMIT_BYTES)
        with decompress(packed) as content:
            unpacked: Any = _Unpacked(content, path, limit)
            with tarfile.open(fileobj=unpacked, mode="r:") as archive:
                return _list_compressed(path, archive)


def _list_plain(path: Path, archive: tarfile.TarFile) -> Listing:
    folders: list[str] = []
    places = {name: (member.offset_data, member.size) for name, member in _members(path, archive, folders)}

    def read(name: str) -> bytes:
        offset, size = places[name]
        _check_member(path, name, size)
        with path.open("rb") as file:
            content = os.pread(file.fileno(), size, offset)
        if len(content) != size:
            raise DataError(f"{path} is truncated: {name} should have {size} bytes, {len(content)} are there.")
        return content

    return {name: size for name, (_, size) in places.items()}, tuple(folders), read


def _list_compressed(path: Path, archive: tarfile.TarFile) -> Listing:
    folders: list[str] = []
    contents: dict[str, bytes] = {}
    for name, member in _members(path, archive, folders):
        _check_member(path, name, member.size)
        file = archive.extractfile(member)
        contents[name] = file.read() if file else b""
    return {name: len(content) for name, content in contents.items()}, tuple(folders), contents.__getitem__


def _members(path: Path, archive: tarfile.TarFile, folders: list[str]) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield the regular files; the folders are added to a list."""
    for member in archive:
        name = _safe_name(member.name, path)
        if member.isdir():
            folders.append(name)
        elif not member.isreg():
            raise DataError(f"{path} holds {name!r}, which is a link or a device; only regular files are read.")
        elif member.issparse():
            raise DataError(f"{path} holds {name!r}, which is a sparse file; pack it again without tar's --sparse.")
        else:
            yield name, member


def _check_member(path: Path, name: str, size: int) -> None:
    if size > MEMBER_BYTES:
        raise DataError(f"{path}: {name} has {size} bytes, more than the {MEMBER_BYTES} of a file that is read.")


def _list_zip(path: Path) -> Listing:
    archive = zipfile.ZipFile(path)
    lock = threading.Lock()
    folders: list[str] = []
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = _safe_name(info.filename, path)
        if info.is_dir():
            folders.append(name)
        elif stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(f"{path} holds {name!r}, which is a link; only regular files are read.")
        else:
            members[name] = info
    check_growth(str(path), path.stat().st_size, _total(members.values()), _UNPACK)

    def read(name: str) -> bytes:
        _check_member(path, name, members[name].file_size)
        try:
            with lock:
                return b"".join(zip_pieces(archive, members[name]))
        except Exception as error:  # damaged, encrypted, or of an unknown method
            raise DataError(f"{path}: {name} cannot be read ({error}).") from error

    return {name: info.file_size for name, info in members.items()}, tuple(folders), read


def _total(members: Iterable[zipfile.ZipInfo]) -> int:
    return sum(info.file_size for info in members)
