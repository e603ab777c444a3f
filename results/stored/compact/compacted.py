"""The compacted checkpoints of one run, each read once for as long as its file stays the same."""

from pathlib import Path

from robustsweep.results.stored.cells import Cell
from robustsweep.results.stored.compact.layout import Summary
from robustsweep.results.stored.compact.reader import CompactFile
from robustsweep.results.stored.entries import CHECKPOINT_ID, file_status, has_folder, names_in

Stamp = tuple[int, int, int]


class CompactCheckpoints:
    """What the folder ``compact`` of a run stands in for.

    A file stands in for a cell that it holds unless the cell's own folder is there, and newer or without its document.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._keys: dict[str, tuple[Stamp, dict[str, str]]] = {}
        self._last: tuple[str, Stamp, CompactFile] | None = None

    def ids(self) -> set[str]:
        """Name the checkpoints that have a file."""
        return set(names_in(self._run, "compact", suffix=".npz", pattern=CHECKPOINT_ID))

    def path_of(self, checkpoint_id: str) -> Path:
        """Return where the file of a checkpoint is or would be."""
        return self._run / "compact" / f"{checkpoint_id}.npz"

    def _stamp(self, checkpoint_id: str) -> Stamp | None:
        found = file_status(self._run, "compact", f"{checkpoint_id}.npz")
        return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)

    def _file(self, checkpoint_id: str, stamp: Stamp) -> CompactFile:
        """Return a checkpoint's file; the one that was read last stays in memory."""
        if self._last is None or self._last[:2] != (checkpoint_id, stamp):
            self._last = checkpoint_id, stamp, CompactFile.read(self.path_of(checkpoint_id))
        return self._last[2]

    def _known(self, checkpoint_id: str) -> tuple[Stamp, dict[str, str]] | None:
        """Return when a checkpoint's file was written, and its keys by the names of their folders."""
        stamp, known = self._stamp(checkpoint_id), self._keys.get(checkpoint_id)
        if stamp is None:
            return None
        if known is None or known[0] != stamp:
            known = stamp, {key[:16]: key for key in self._file(checkpoint_id, stamp).keys}
            self._keys[checkpoint_id] = known
        return known

    def has(self, checkpoint_id: str, key: str) -> bool:
        """Say whether a checkpoint's file stands in for a cell."""
        return self._answering(checkpoint_id, key) is not None

    def _answering(self, checkpoint_id: str, key: str) -> Stamp | None:
        """Return when the file was written that stands in for a cell; None if none does."""
        known = self._known(checkpoint_id)
        if known is None or known[1].get(key[:16]) != key or not self._counts(checkpoint_id, key[:16], known[0]):
            return None
        return known[0]

    def served(self, checkpoint_id: str) -> set[str]:
        """Name the folders of the cells that a checkpoint's file stands in for, whether or not they are there."""
        known = self._known(checkpoint_id)
        return {name for name in known[1] if self._counts(checkpoint_id, name, known[0])} if known else set()

    def _counts(self, checkpoint_id: str, folder: str, written: Stamp) -> bool:
        names = ("cells", checkpoint_id, folder)
        if not has_folder(self._run, *names):
            return True
        document = file_status(self._run, *names, "cell.json")
        return document is not None and document.st_mtime_ns <= written[0]

    def cells(self, checkpoint_id: str) -> dict[str, Cell]:
        """Read the cells that a checkpoint's file stands in for, by the names of their folders."""
        served = self.served(checkpoint_id)
        if not served:
            return {}
        held = self._file(checkpoint_id, self._keys[checkpoint_id][0]).cells(checkpoint_id)
        return {key[:16]: cell for key, cell in held.items() if key[:16] in served}

    def is_sealed(self, checkpoint_id: str) -> bool:
        """Say whether the file of a checkpoint, which must be there, has a checksum."""
        known = self._known(checkpoint_id)
        return known is None or self._file(checkpoint_id, known[0]).is_sealed

    def is_current(self, checkpoint_id: str) -> bool:
        """Say whether the file of a checkpoint, which must be there, has today's layout, or no checksum.

        Without one, writing it again would vouch for what nothing vouches for.
        """
        known = self._known(checkpoint_id)
        return known is None or (file := self._file(checkpoint_id, known[0])).is_current or not file.is_sealed

    def summary(self, checkpoint_id: str, key: str) -> Summary | None:
        """Read what a checkpoint's file keeps of a cell; None if it does not stand in for that."""
        stamp = self._answering(checkpoint_id, key)
        return None if stamp is None else self._file(checkpoint_id, stamp).summary_of(key)
