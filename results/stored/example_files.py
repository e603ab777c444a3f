"""The per-image arrays of a run's cells, read from their files and held against their cells."""

import hashlib
import os
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Cell, Examples
from robustsweep.results.stored.entries import has_file
from robustsweep.results.stored.files import read_npz
from robustsweep.results.stored.images import ImageFiles
from robustsweep.results.stored.json.cell_documents import read_cell_document
from robustsweep.results.stored.recounts import as_said, counted, examples_of, refuse_contradiction
from robustsweep.untrusted.arrays import ARRAYS_BYTES
from robustsweep.untrusted.files import read_regular


class ExampleFiles:
    """The files ``examples.npz`` of a run; those that were read last stay in memory.

    Args:
        run: The run folder.
        images: The labels that counts are held against.
    """

    def __init__(self, run: Path, images: ImageFiles) -> None:
        self._run, self._images = run, images
        self._last_read: tuple[tuple[object, ...], Examples] | None = None

    def _folder(self, checkpoint_id: str, key: str) -> Path:
        return self._run / "cells" / checkpoint_id / key[:16]

    def read(self, checkpoint_id: str, key: str) -> Examples:
        """Read the arrays of a finished cell.

        Raises:
            ContradictionError: If they give other counts or means than their cell says.
            DataError: If they are not the ones that the cell was written with.
        """
        folder = self._folder(checkpoint_id, key)
        stamp = (checkpoint_id, key, *(_stamp(folder / name) for name in ("examples.npz", "cell.json")))
        if self._last_read is None or self._last_read[0] != stamp:
            has_file(self._run, "cells", checkpoint_id, key[:16], "examples.npz")
            cell, document = read_cell_document(folder / "cell.json")
            self._last_read = stamp, self.read_for(cell, document.content["examples_sha256"])
        return self._last_read[1]

    def read_for(self, cell: Cell, sha256: str) -> Examples:
        """Read the arrays of a cell whose document was read already.

        Args:
            cell: What its document says.
            sha256: The hash of the arrays' file, which it says too.

        Raises:
            ContradictionError: As ``read``.
            DataError: As ``read``.
        """
        folder = self._folder(cell.checkpoint["id"], cell.key)
        path = folder / "examples.npz"
        _refuse_others(path, sha256)
        examples = examples_of(read_npz(path), path, cell.counts.n)
        images_key = cell.data["images_key"]
        labels = self._images.of(images_key).labels if self._images.has(images_key) else None
        refuse_contradiction(cell, *counted(examples, labels, *as_said(cell)), folder / "cell.json")
        return examples

    def check(self, cell: Cell) -> None:
        """Check that the arrays of a finished cell are those that it was written with, as files.

        Raises:
            DataError: If they are missing or others.
        """
        folder = self._folder(cell.checkpoint["id"], cell.key)
        has_file(self._run, "cells", cell.checkpoint["id"], cell.key[:16], "examples.npz")
        _, document = read_cell_document(folder / "cell.json")
        _refuse_others(folder / "examples.npz", document.content["examples_sha256"])


def _refuse_others(path: Path, sha256: str) -> None:
    content = read_regular(path, ARRAYS_BYTES, "delete its folder and sweep again")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{path} does not belong to its cell.json; delete both and sweep again.")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
