"""Trees of files, read alike from a folder and from an archive.

Archives are read in place and never unpacked, so nothing can be written outside (or inside) any folder.
"""

import os
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from robustsweep.errors import DataError

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz", ".zip")
# A compressed tar has no index: its files are held in memory, up to this many bytes.
_MEMORY_LIMIT_BYTES = 4 << 30


@dataclass(frozen=True)
class FileTree:
    """Regular files below one root.

    Attributes:
        root: The folder or the archive, for messages.
        names: Relative POSIX paths, sorted, hidden files left out.
        read: Returns the bytes of a name; safe to call from several threads.
        stamp: Changes whenever the tree's files may have changed.
    """

    root: Path
    names: tuple[str, ...]
    read: Callable[[str], bytes]
    stamp: str

    def below(self, folder: str) -> "FileTree":
        """Return the part of the tree below ``folder``, with names relative to it."""
        prefix = f"{folder}/"
        names = tuple(name[len(prefix) :] for name in self.names if name.startswith(prefix))
        return FileTree(self.root, names, lambda name: self.read(prefix + name), f"{self.stamp}|{folder}")

    def folders(self) -> tuple[str, ...]:
        """List the folders at the top, sorted."""
        return tuple(sorted({name.split("/", 1)[0] for name in self.names if "/" in name}))

    def without_wrapper(self) -> "FileTree":
        """Skip single folders that wrap everything else."""
        tree = self
        while len(tree.folders()) == 1 and all("/" in name for name in tree.names):
            inner = tree.below(tree.folders()[0])
            if not inner.folders():
                return tree
            tree = inner
        return tree


def is_archive(path: Path) -> bool:
    """Say whether the name is that of a supported archive."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def open_tree(path: Path) -> FileTree:
    """Open a folder or an archive (``.tar``, compressed tar, ``.zip``).

    Raises:
        DataError: If it is missing, unreadable, or an archive with unsafe member names.
    """
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist; give a folder or an archive ({', '.join(ARCHIVE_SUFFIXES)}).")
    if not is_archive(path):
        raise DataError(f"{path} is neither a folder nor an archive ({', '.join(ARCHIVE_SUFFIXES)}).")
    try:
        return _open_zip(path) if path.name.lower().endswith(".zip") else _open_tar(path)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(f"{path} is not a readable archive ({error}); fetch or copy it again.") from error


def _is_visible(name: str) -> bool:
    return not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _open_folder(path: Path) -> FileTree:
    names, stamps = [], []
    for folder, _, files in os.walk(path):
        for file in files:
            full = Path(folder, file)
            name = full.relative_to(path).as_posix()
            if _is_visible(name):
                status = full.stat()
                names.append(name)
                stamps.append(f"{name}\0{status.st_size}\0{status.st_mtime_ns}")
    return FileTree(path, tuple(sorted(names)), lambda name: (path / name).read_bytes(), "\n".join(sorted(stamps)))


def _archive_stamp(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"


def _safe_name(name: str, archive: Path) -> str:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or (len(name) > 1 and name[1] == ":"):
        raise DataError(f"{archive} holds the unsafe member name {name!r}; it is refused, and nothing was written.")
    return parts.as_posix()


def _open_tar(path: Path) -> FileTree:
    is_plain = path.name.lower().endswith(".tar")
    offsets: dict[str, tuple[int, int]] = {}
    contents: dict[str, bytes] = {}
    with tarfile.open(path, "r:" if is_plain else "r:*") as archive:
        total = 0
        for member in archive:
            name = _safe_name(member.name, path)
            if member.isdir():
                continue
            if not member.isreg():
                raise DataError(f"{path} holds {name!r}, which is a link or a device; only regular files are read.")
            if not _is_visible(name):
                continue
            total += member.size
            if is_plain:
                offsets[name] = (member.offset_data, member.size)
            elif total > _MEMORY_LIMIT_BYTES:
                raise DataError(f"{path} holds more than 4 GiB and is compressed; unpack it and give the folder.")
            else:
                file = archive.extractfile(member)
                contents[name] = file.read() if file else b""

    def read_plain(name: str) -> bytes:
        offset, size = offsets[name]
        with path.open("rb") as file:
            content = os.pread(file.fileno(), size, offset)
        if len(content) != size:
            raise DataError(f"{path} is truncated: {name} should have {size} bytes, {len(content)} are there.")
        return content

    stamp = _archive_stamp(path)
    if is_plain:
        return FileTree(path, tuple(sorted(offsets)), read_plain, stamp)
    return FileTree(path, tuple(sorted(contents)), contents.__getitem__, stamp)


def _open_zip(path: Path) -> FileTree:
    archive = zipfile.ZipFile(path)
    lock = threading.Lock()
    members: dict[str, str] = {}
    for info in archive.infolist():
        name = _safe_name(info.filename, path)
        if info.is_dir() or not _is_visible(name):
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(f"{path} holds {name!r}, which is a link; only regular files are read.")
        members[name] = info.filename

    def read(name: str) -> bytes:
        try:
            with lock:
                return archive.read(members[name])
        except (zipfile.BadZipFile, RuntimeError, EOFError) as error:
            raise DataError(f"{path}: {name} cannot be read ({error}).") from error

    return FileTree(path, tuple(sorted(members)), read, _archive_stamp(path))


def select(names: Iterable[str], suffixes: tuple[str, ...]) -> list[str]:
    """Keep the names that end in one of ``suffixes``, in any case of letters."""
    return [name for name in names if name.lower().endswith(suffixes)]
