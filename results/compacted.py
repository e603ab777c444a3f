"""The compacted checkpoints of one run, each read once for as long as its file stays the same."""

import os
from pathlib import Path

from robustsweep.results.cells import Cell
from robustsweep.results.compact import Summaries, Summary, read_cells, read_keys

Stamp = tuple[int, int, int]


class CompactCheckpoints:
    """What the folder ``compact`` of a run answers for.

    A file answers for a cell that it holds unless the cell's own folder is there, and newer or without its document.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        # Texts, because paths are put together for every cell of a run.
        self._cells, self._files = str(run / "cells"), run / "compact"
        self._keys: dict[str, tuple[Stamp, dict[str, str]]] = {}
        self._summaries: tuple[str, Stamp, Summaries] | None = None

    def ids(self) -> set[str]:
        """Name the checkpoints that have a file."""
        return {path.stem for path in self._files.glob("*.npz")}

    def _path(self, checkpoint_id: str) -> Path:
        return self._files / f"{checkpoint_id}.npz"

    def _stamp(self, checkpoint_id: str) -> Stamp | None:
        try:
            found = os.stat(f"{self._files}/{checkpoint_id}.npz")
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _known(self, checkpoint_id: str) -> tuple[Stamp, dict[str, str]] | None:
        """Return when a checkpoint's file was written, and its keys by the names of their folders."""
        stamp, known = self._stamp(checkpoint_id), self._keys.get(checkpoint_id)
        if stamp is None:
            return None
        if known is None or known[0] != stamp:
            known = stamp, {key[:16]: key for key in read_keys(self._path(checkpoint_id))}
            self._keys[checkpoint_id] = known
        return known

    def has(self, checkpoint_id: str, key: str) -> bool:
        """Say whether a checkpoint's file answers for a cell."""
        return self._answering(checkpoint_id, key) is not None

    def _answering(self, checkpoint_id: str, key: str) -> Stamp | None:
        """Return when the file was written that answers for a cell; None where none does."""
        known = self._known(checkpoint_id)
        if known is None or known[1].get(key[:16]) != key or not self._counts(checkpoint_id, key[:16], known[0]):
            return None
        return known[0]

    def served(self, checkpoint_id: str) -> set[str]:
        """Name the folders of the cells that a checkpoint's file answers for, whether or not they are there."""
        known = self._known(checkpoint_id)
        return {name for name in known[1] if self._counts(checkpoint_id, name, known[0])} if known else set()

    def _counts(self, checkpoint_id: str, folder: str, written: Stamp) -> bool:
        path = f"{self._cells}/{checkpoint_id}/{folder}"
        try:
            return not os.path.isdir(path) or os.stat(f"{path}/cell.json").st_mtime_ns <= written[0]
        except FileNotFoundError:
            return False

    def cells(self, checkpoint_id: str) -> dict[str, Cell]:
        """Read the cells that a checkpoint's file answers for, by the names of their folders."""
        served = self.served(checkpoint_id)
        held = read_cells(self._path(checkpoint_id)) if served else {}
        return {key[:16]: cell for key, cell in held.items() if key[:16] in served}

    def summary(self, checkpoint_id: str, key: str) -> Summary | None:
        """Read what a checkpoint's file keeps of a cell; None where it does not answer for that.

        The file that was read last stays in memory.
        """
        stamp, last = self._answering(checkpoint_id, key), self._summaries
        if stamp is None:
            return None
        if last is None or last[:2] != (checkpoint_id, stamp):
            self._summaries = last = checkpoint_id, stamp, Summaries(self._path(checkpoint_id))
        return last[2].of(key)
