"""Trees of files, read alike from a folder and from an archive.

Archives are read in place and never unpacked, so nothing can be written outside (or inside) any folder.
"""

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from robustsweep.benchmark.data.files.archives import ARCHIVE_SUFFIXES, MEMBER_BYTES, is_archive, list_archive
from robustsweep.errors import DataError
from robustsweep.untrusted.files import read_regular


@dataclass(frozen=True)
class FileTree:
    """Regular files below one root.

    Attributes:
        root: The folder or the archive, for messages.
        sizes: Bytes by relative POSIX path, in the order of the paths, hidden files left out.
        read: Returns the bytes of a name; safe to call from several threads.
        stamp: Changes whenever the tree's files may have changed.
        empty: Folders in which there is no file, hidden ones left out.
    """

    root: Path
    sizes: Mapping[str, int]
    read: Callable[[str], bytes]
    stamp: str
    empty: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The relative POSIX paths, sorted."""
        return tuple(self.sizes)

    def place(self, name: str) -> str:
        """Say where a file is, for messages."""
        return f"{self.root}: {name}"

    def below(self, folder: str) -> "FileTree":
        """Return the part of the tree below ``folder``, with names relative to it."""
        prefix = f"{folder}/"
        sizes = {name[len(prefix) :]: size for name, size in self.sizes.items() if name.startswith(prefix)}
        empty = tuple(name[len(prefix) :] for name in self.empty if name.startswith(prefix))
        return FileTree(self.root, sizes, lambda name: self.read(prefix + name), f"{self.stamp}|{folder}", empty)

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


def open_tree(path: Path) -> FileTree:
    """Open a folder or an archive (``.tar``, compressed tar, ``.zip``).

    Raises:
        DataError: If it is missing or unreadable, holds a link that leads nowhere or back up or anything but regular
            files, or is an archive with unsafe member names or one that unpacks to far more than its size.
    """
    if path.is_dir():
        return _open_folder(path)
    suffixes = ", ".join(ARCHIVE_SUFFIXES)
    if not path.exists():
        raise DataError(f"{path} does not exist; give a folder or an archive ({suffixes}).")
    if not path.is_file():
        raise DataError(f"{path} is neither a folder nor a regular file; give a folder or an archive ({suffixes}).")
    if not is_archive(path):
        raise DataError(f"{path} is neither a folder nor an archive ({suffixes}).")
    status = path.stat()
    sizes, folders, read = list_archive(path)
    return _tree(path, sizes, folders, read, f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}")


def _tree(
    root: Path, sizes: Mapping[str, int], folders: Iterable[str], read: Callable[[str], bytes], stamp: str
) -> FileTree:
    visible = {name: sizes[name] for name in sorted(sizes) if _is_visible(name)}
    for name in visible:
        _check_name(name, root)
    parents = {name.rpartition("/")[0] for name in visible}
    filled = {
        "/".join(parts[:depth]) for parts in (name.split("/") for name in parents) for depth in range(1, len(parts) + 1)
    }
    empty = sorted({name for name in folders if name != "." and _is_visible(name)} - filled)
    return FileTree(root, visible, read, stamp, tuple(empty))


def _is_visible(name: str) -> bool:
    return not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _check_name(name: str, root: Path) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{root} holds {ascii(name)}, whose name is not UTF-8; rename it.") from None


def _refuse_unlisted(error: OSError) -> NoReturn:
    raise DataError(f"{error.filename} cannot be listed ({error.strerror}); allow it or remove it.") from error


def _open_folder(path: Path) -> FileTree:
    """List a folder; links are followed, because subsets of large sets are commonly made of them."""
    sizes, folders, stamps = {}, [], []
    for folder, inner, files in os.walk(path, onerror=_refuse_unlisted, followlinks=True):
        for link in (Path(folder, name) for name in inner if Path(folder, name).is_symlink()):
            if Path(folder).resolve().is_relative_to(link.resolve()):
                raise DataError(f"{link} links back to a folder above it; remove the link.")
        folders += [Path(folder, name).relative_to(path).as_posix() for name in inner]
        for file in files:
            full = Path(folder, file)
            name = full.relative_to(path).as_posix()
            if not _is_visible(name):
                continue
            _check_name(name, path)
            status = _regular(full)
            sizes[name] = status.st_size
            stamps.append(f"{name}\0{status.st_size}\0{status.st_mtime_ns}")

    def read(name: str) -> bytes:
        return read_regular(path / name, MEMBER_BYTES, "replace or remove it")

    return _tree(path, sizes, folders, read, "\n".join([str(path.resolve()), *sorted(stamps)]))


def _regular(path: Path) -> os.stat_result:
    """Look at a file without opening it, which could wait for ever."""
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); fix or remove it.") from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path} is a pipe, a socket or a device and not a regular file; remove it.")
    return status


def select(names: Iterable[str], suffixes: tuple[str, ...]) -> list[str]:
    """Keep the names that end in one of ``suffixes``, in any case of letters."""
    return [name for name in names if name.lower().endswith(suffixes)]
