"""The folder that is written: finished items under their names, the unfinished ones out of every reader's sight."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.writing.layouts import Layout
from robustsweep.benchmark.writing.manifest import Manifest
from robustsweep.benchmark.writing.plan import Writing
from robustsweep.errors import UsageError
from robustsweep.results.stored.files import write_atomically

CHECKSUMS_NAME = "SHA256SUMS"
# Readers skip hidden folders.
_UNFINISHED = ".unfinished"
_DIGEST_AND_SPACES = 64 + 2


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep other processes from writing the folder.

    Raises:
        UsageError: If one is writing it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"Another process is writing {folder}; wait for it, or give another folder.") from None
        yield
    finally:
        os.close(handle)


class OutputFolder:
    """A folder of corrupted images while it is written.

    An item (a file, or the folder of one severity) is written below ``.unfinished`` and moved to its place when it is
    whole and its checksums are in ``SHA256SUMS``.

    Args:
        root: The folder, which must be there.
        writing: What is wanted.

    Raises:
        UsageError: If the folder holds anything else.
        DataError: If its manifest cannot be read.
    """

    def __init__(self, root: Path, writing: Writing) -> None:
        self.root = root
        self._layout: Layout = writing.layout
        self._n = len(writing.source.positions)
        self._manifest = Manifest.continued(root, writing.made_with())
        self._libraries = writing.libraries()
        self.items: dict[str, list[Corrupted]] = {}
        for condition in writing.conditions:
            self.items.setdefault(self._layout.item(condition), []).append(condition)

    def start(self) -> None:
        """Save the manifest and what does not depend on the conditions, and settle what an interruption has left."""
        for item in self.items:
            self._settle(item)
        self._manifest.libraries |= self._libraries
        self._manifest.save()
        for name, content in self._layout.fixed.items():
            if not (self.root / name).is_file():
                write_atomically(self.root / _UNFINISHED / name, content)
                self._note_checksums(name, [name])
                self._publish(name)

    def is_finished(self, item: str) -> bool:
        """Say whether the item is whole and in its place."""
        return self._is_written(item) and (self.root / item).exists()

    def n_written(self, condition: Corrupted) -> int:
        """Return how many images of the condition, from the first on, are on disk."""
        return self._manifest.written.get(condition.name, 0)

    def path(self, condition: Corrupted) -> Path:
        """Return where the images of the condition go; the folder around it is there."""
        path = self.root / _UNFINISHED / self._layout.item(condition)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, condition: Corrupted, n_written: int) -> None:
        """Note how many images of the condition are on disk, and finish the item with its last image."""
        item = self._layout.item(condition)
        before = self._manifest.written
        self._manifest.written = {**before, condition.name: n_written}
        if self._is_written(item):
            # Should this be interrupted, the manifest on disk still asks for the last images once more.
            self._note_checksums(item, self._layout.files(item))
        self._manifest.save()
        if self._is_written(item):
            self._publish(item)

    def _is_written(self, item: str) -> bool:
        return all(self.n_written(condition) == self._n for condition in self.items[item])

    def _settle(self, item: str) -> None:
        names = [condition.name for condition in self.items[item]]
        changed = [name for name in names if self._manifest.libraries.get(name, {}) != self._libraries[name]]
        if self.is_finished(item):
            self._leave(item)
            if changed:
                was, now = (kind[changed[0]] for kind in (self._manifest.libraries, self._libraries))
                raise UsageError(
                    f"{self.root} was made with other libraries: {changed[0]} with {was}, now {now}. "
                    "Give another folder."
                )
            return
        if (self.root / item).exists():
            raise UsageError(
                f"{self.root / item} is there, but was not finished by robustsweep corrupt; move it away and run again."
            )
        if changed or not (self.root / _UNFINISHED / item).exists():
            self._manifest.written = {name: n for name, n in self._manifest.written.items() if name not in names}
        elif self._is_written(item):
            self._publish(item)

    def _publish(self, item: str) -> None:
        unfinished = self.root / _UNFINISHED / item
        (self.root / item).parent.mkdir(exist_ok=True)
        unfinished.rename(self.root / item)
        self._leave(item)

    def _leave(self, item: str) -> None:
        """Remove the folders that an item which is in its place was written in."""
        unfinished = self.root / _UNFINISHED / item
        for parent in unfinished.relative_to(self.root).parents[:-1]:
            with suppress(OSError):  # other items are still in it
                (self.root / parent).rmdir()

    def _note_checksums(self, item: str, files: list[str]) -> None:
        """Put the checksums of an unfinished item's files in the place of earlier ones."""
        path, where = self.root / CHECKSUMS_NAME, self.root / _UNFINISHED

        def lines() -> Iterator[bytes]:
            if path.is_file():
                with path.open("rb") as old:
                    yield from (line for line in old if not _is_of(line, item))
            with ThreadPoolExecutor() as pool:
                yield from pool.map(lambda name: _checksum_line(where, name), files)

        write_atomically(path, lines())


def _checksum_line(where: Path, name: str) -> bytes:
    """Write one line as ``sha256sum`` does, which marks a name with escapes by a backslash in front."""
    with (where / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return f"{mark}{digest}  {escaped}\n".encode()


def _is_of(line: bytes, item: str) -> bool:
    name = line.rstrip(b"\n").lstrip(b"\\")[_DIGEST_AND_SPACES:]
    return name == item.encode() or name.startswith(f"{item}/".encode())
