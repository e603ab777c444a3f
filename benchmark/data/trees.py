"""Trees of files, read alike from a folder and from an archive.

Archives are read in place and never unpacked, so nothing can be written outside (or inside) any folder.
"""

import os
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterable, Mapping
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
        sizes: Bytes by relative POSIX path, in the order of the paths, hidden files left out.
        read: Returns the bytes of a name; safe to call from several threads.
        stamp: Changes whenever the tree's files may have changed.
    """

    root: Path
    sizes: Mapping[str, int]
    read: Callable[[str], bytes]
    stamp: str

    @property
    def names(self) -> tuple[str, ...]:
        """The relative POSIX paths, sorted."""
        return tuple(self.sizes)

    def below(self, folder: str) -> "FileTree":
        """Return the part of the tree below ``folder``, with names relative to it."""
        prefix = f"{folder}/"
        sizes = {name[len(prefix) :]: size for name, size in self.sizes.items() if name.startswith(prefix)}
        return FileTree(self.root, sizes, lambda name: self.read(prefix + name), f"{self.stamp}|{folder}")

    def folders(self) -> tuple[str, ...]:
        """List the folders at the top, sorted."""
        return tuple(sorted({name.split("/", 1)[0] for name in self.names if "/" in name}))

    def without_wrapper(self, keep: Iterable[str] = ()) -> "FileTree":
        """Skip a single folder of folders, however deep, with whatever files lie beside it.

        Args:
            keep: Folders that mean something and are no wrappers.
        """
        tree, kept = self, set(keep)
        while len(tree.folders()) == 1 and tree.folders()[0] not in kept:
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
        DataError: If it is missing or unreadable, holds a link that leads nowhere or back up, or is an archive with
            unsafe member names.
    """
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist; give a folder or an archive ({', '.join(ARCHIVE_SUFFIXES)}).")
    if not is_archive(path):
        raise DataError(f"{path} is neither a folder nor an archive ({', '.join(ARCHIVE_SUFFIXES)}).")
    try:
        return _open_zip(path) if path.name.lower().endswith(".zip") else _open_tar(path)
    except DataError:
        raise
    except Exception as error:  # a damaged archive can raise anything
        raise DataError(f"{path} is not a readable archive ({error}); fetch or copy it again.") from error


def _is_visible(name: str) -> bool:
    return not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _checked_name(name: str, root: Path) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{root} holds {ascii(name)}, whose name is not UTF-8; rename it.") from None
    return name


def _open_folder(path: Path) -> FileTree:
    """List a folder; links are followed, because subsets of large sets are commonly made of them."""
    sizes, stamps = {}, []
    for folder, inner, files in os.walk(path, followlinks=True):
        for link in (Path(folder, name) for name in inner if Path(folder, name).is_symlink()):
            if Path(folder).resolve().is_relative_to(link.resolve()):
                raise DataError(f"{link} links back to a folder above it; remove the link.")
        for file in files:
            full = Path(folder, file)
            name = _checked_name(full.relative_to(path).as_posix(), path)
            if not _is_visible(name):
                continue
            try:
                status = full.stat()
            except OSError as error:
                raise DataError(f"{full} cannot be read ({error.strerror}); mend or remove it.") from error
            sizes[name] = status.st_size
            stamps.append(f"{name}\0{status.st_size}\0{status.st_mtime_ns}")

    def read(name: str) -> bytes:
        try:
            return (path / name).read_bytes()
        except OSError as error:
            raise DataError(f"{path / name} cannot be read ({error.strerror}).") from error

    return FileTree(path, dict(sorted(sizes.items())), read, "\n".join([str(path.resolve()), *sorted(stamps)]))


def _archive_stamp(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"


def _safe_name(name: str, archive: Path) -> str:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or (len(name) > 1 and name[1] == ":"):
        raise DataError(f"{archive} holds the unsafe member name {name!r}; it is refused, and nothing was written.")
    return _checked_name(parts.as_posix(), archive)


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
        return FileTree(path, {name: offsets[name][1] for name in sorted(offsets)}, read_plain, stamp)
    return FileTree(path, {name: len(contents[name]) for name in sorted(contents)}, contents.__getitem__, stamp)


def _open_zip(path: Path) -> FileTree:
    archive = zipfile.ZipFile(path)
    lock = threading.Lock()
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = _safe_name(info.filename, path)
        if info.is_dir() or not _is_visible(name):
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(f"{path} holds {name!r}, which is a link; only regular files are read.")
        members[name] = info

    def read(name: str) -> bytes:
        try:
            with lock:
                return archive.read(members[name])
        except Exception as error:  # damaged, encrypted, or of an unknown method
            raise DataError(f"{path}: {name} cannot be read ({error}).") from error

    sizes = {name: members[name].file_size for name in sorted(members)}
    return FileTree(path, sizes, read, _archive_stamp(path))


def select(names: Iterable[str], suffixes: tuple[str, ...]) -> list[str]:
    """Keep the names that end in one of ``suffixes``, in any case of letters."""
    return [name for name in names if name.lower().endswith(suffixes)]
