"""The cell store: one folder per finished cell, readable while other processes write beside it.

Layout below a run folder::

    cells/<checkpoint id, 12 hex>/<key, first 16 hex>/examples.npz   per-image arrays
    cells/<checkpoint id, 12 hex>/<key, first 16 hex>/cell.json      written last, by rename: its presence means done
    compact/<checkpoint id, 12 hex>.npz                              all cells of a finished checkpoint, see ``layout``
    checkpoints/<checkpoint id, 12 hex>.json                         name and card, as the last sweep gave them
    images/<first 16 hex of the images' key>.npz                     ids and labels, once per data set and subset
    plans/<16 hex>.json                                              what each sweep of this run was asked for
    samples/<first 16 hex of the hash of the setting>.npz            two images as one condition shows them
    samples/<first 16 hex of the images' key>.json                   names of classes
    parts/<checkpoint id>/<key, first 16 hex>/<block>.npz            blocks of an unfinished cell

A compacted checkpoint stands in for its cells whether or not their folders are still there, but not for a cell whose
folder is newer, or is there without its document. Every file carries a checksum; links are never followed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.stored.card_files import CardFiles
from robustsweep.results.stored.cells import Array, Cell, Examples, Json
from robustsweep.results.stored.compact.compacted import CompactCheckpoints
from robustsweep.results.stored.compact.layout import Summary
from robustsweep.results.stored.entries import (
    CHECKPOINT_ID,
    SHORT_KEY,
    has_file,
    has_folder,
    names_in,
    remove_folder,
    write_entry,
    write_unless_there,
)
from robustsweep.results.stored.example_files import ExampleFiles
from robustsweep.results.stored.files import npz_bytes, remove_abandoned
from robustsweep.results.stored.images import ImageFiles
from robustsweep.results.stored.json.cell_documents import cell_document, read_cell_document
from robustsweep.results.stored.json.documents import unsealed_note
from robustsweep.results.stored.parts import PartFiles
from robustsweep.results.stored.plans import WantedPlan, read_wanted
from robustsweep.results.stored.sample_images import SampleFiles

NEEDS_EXAMPLES = "needs the per-image predictions, which compacted runs do not hold; keep the folder cells."


class CellStore:
    """The cells of one run folder. Several processes may use one at once.

    Args:
        root: The run folder; it is created by the first write.

    Attributes:
        root: Likewise.
        parts: The blocks of cells that are not finished.
        samples: Two images as each condition shows them, to be looked at; compacted runs keep them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._compact = CompactCheckpoints(root)
        self._cards = CardFiles(root)
        self._images = ImageFiles(root)
        self._arrays = ExampleFiles(root, self._images)
        self.parts = PartFiles(root)
        self.samples = SampleFiles(root)
        self._unsealed: set[Path] = set()

    def has(self, checkpoint_id: str, key: str) -> bool:
        """Say whether the cell is finished."""
        return self.has_examples(checkpoint_id, key) or self._compact.has(checkpoint_id, key)

    def has_examples(self, checkpoint_id: str, key: str) -> bool:
        """Say whether the per-image arrays of a finished cell are there, and not its summary alone."""
        return has_file(self.root, "cells", checkpoint_id, key[:16], "cell.json")

    def write(self, cell: Cell, examples: Examples) -> None:
        """Store a finished cell; writing the same cell twice is harmless."""
        content = npz_bytes(examples.arrays())
        document = cell_document(cell, hashlib.sha256(content).hexdigest())
        self.write_files(cell.checkpoint["id"], cell.key, content, document)

    def write_files(self, checkpoint_id: str, key: str, content: bytes, document: bytes) -> None:
        """Store a finished cell that another store has written.

        Args:
            checkpoint_id: As in its document.
            key: Likewise.
            content: Its ``examples.npz``.
            document: Its ``cell.json``.
        """
        write_entry(self.root, ("cells", checkpoint_id, key[:16], "examples.npz"), content)
        write_entry(self.root, ("cells", checkpoint_id, key[:16], "cell.json"), document)
        remove_folder(self.root, "parts", checkpoint_id, key[:16])

    def cells(self) -> Iterator[Cell]:
        """Read every finished cell, in a stable order.

        Raises:
            DataError: If one cannot be read, or contradicts itself, its folder or its images.
        """
        ids = names_in(self.root, "cells", pattern=CHECKPOINT_ID)
        for checkpoint_id in sorted({*ids, *self._compact.ids()}):
            yield from self.cells_of(checkpoint_id)

    def cells_of(self, checkpoint_id: str) -> Iterator[Cell]:
        """Read the finished cells of a checkpoint, from its compacted file if that stands in for them."""
        compact, named = self._compact.cells(checkpoint_id), self._cards.of(checkpoint_id)
        if compact and not self._compact.is_sealed(checkpoint_id):
            self._unsealed.add(self._compact.path_of(checkpoint_id))
        for name in sorted(compact.keys() | self._folders(checkpoint_id)):
            cell = compact.get(name) or self._read(checkpoint_id, name)
            self._images.refuse_others(cell.data, cell.counts.n)
            yield cell if named in (None, cell.checkpoint) else replace(cell, checkpoint=named)

    def _read(self, checkpoint_id: str, name: str) -> Cell:
        path = self.root / "cells" / checkpoint_id / name / "cell.json"
        cell, document = read_cell_document(path)
        if not document.is_sealed:
            self._unsealed.add(path)
            if has_file(self.root, "cells", checkpoint_id, name, "examples.npz"):
                self._arrays.read_for(cell, document.content["examples_sha256"])
        return cell

    @property
    def notes(self) -> list[str]:
        """Sentences about the files that were read so far: which have no checksum."""
        note = unsealed_note(self.root, [*self._unsealed, *self._cards.unsealed, *self._images.unsealed])
        return [note] if note else []

    def _folders(self, checkpoint_id: str) -> set[str]:
        names = names_in(self.root, "cells", checkpoint_id, pattern=SHORT_KEY)
        return {name for name in names if has_file(self.root, "cells", checkpoint_id, name, "cell.json")}

    def summary_of(self, checkpoint_id: str, key: str) -> Summary | None:
        """Read what a compacted checkpoint keeps of a cell; None if the cell's own folder is to be read."""
        return self._compact.summary(checkpoint_id, key)

    def is_compacted(self, checkpoint_id: str) -> bool:
        """Say whether one file, of today's layout, stands in for all finished cells of a checkpoint."""
        is_complete = self._folders(checkpoint_id) <= self._compact.served(checkpoint_id)
        return is_complete and self._compact.is_current(checkpoint_id)

    def write_compacted(self, checkpoint_id: str, content: bytes) -> None:
        """Store the file that stands in for the cells of a checkpoint, see ``layout``."""
        write_entry(self.root, ("compact", f"{checkpoint_id}.npz"), content)

    def write_checkpoint(self, checkpoint: Json) -> None:
        """Note a checkpoint's ``id``, ``name`` and ``card``; these stand in for what its older cells say.

        Name, method and seed decide no number, so giving them later must not ask for a new sweep.
        """
        self._cards.write(checkpoint)

    def examples(self, cell: Cell) -> Examples:
        """Read the per-image arrays of ``cell``; see ``examples_of``."""
        return self.examples_of(cell.checkpoint["id"], cell.key)

    def examples_of(self, checkpoint_id: str, key: str) -> Examples:
        """Read the per-image arrays of a finished cell; those that were read last stay in memory.

        Raises:
            ContradictionError: If they give other counts or means than their cell says.
            DataError: If they are not the ones that the cell was written with, or the cell is compacted alone.
        """
        if not has_folder(self.root, "cells", checkpoint_id, key[:16]) and self._compact.has(checkpoint_id, key):
            raise DataError(f"This use of cell {key[:16]} {NEEDS_EXAMPLES}")
        return self._arrays.read(checkpoint_id, key)

    def check_examples(self, cell: Cell) -> None:
        """Check that the per-image arrays of a finished cell are those that it was written with, as files.

        Raises:
            DataError: If they are missing or others.
        """
        self._arrays.check(cell)

    def remove_leftovers(self) -> None:
        """Remove what killed sweeps have left: blocks of cells that are finished, and what was being written."""
        for checkpoint_id in names_in(self.root, "parts", pattern=CHECKPOINT_ID):
            for name in names_in(self.root, "parts", checkpoint_id, pattern=SHORT_KEY):
                if has_file(self.root, "cells", checkpoint_id, name, "cell.json"):
                    remove_folder(self.root, "parts", checkpoint_id, name)
        for folder in ("checkpoints", "compact", "images", "plans", "samples"):
            if has_folder(self.root, folder):
                remove_abandoned(self.root / folder)

    def write_images(self, images_key: str, ids: Array, labels: Array) -> None:
        """Store the ids (int64) and labels (int64) that the rows of examples belong to, unless they are there.

        Raises:
            DataError: If others are there.
        """
        self._images.write(images_key, ids, labels)

    def images(self, images_key: str) -> tuple[Array, Array]:
        """Read the ids and labels of one images' key, from the file once."""
        found = self._images.of(images_key)
        return found.ids, found.labels

    def write_plan(self, wanted: Sequence[Json], audits: Sequence[Json] = (), compare: Json | None = None) -> str:
        """Note what a sweep was asked for, as in ``WantedPlan``; return the plan's name."""
        plan = WantedPlan(wanted, audits, compare)
        write_unless_there(self.root, ("plans", f"{plan.name}.json"), plan.file())
        return plan.name

    def plans(self) -> dict[str, WantedPlan]:
        """Read what the sweeps of this run were asked for, by the names of their plans."""
        names = names_in(self.root, "plans", suffix=".json", pattern=SHORT_KEY)
        return {name: read_wanted(self.root / "plans" / f"{name}.json") for name in names}

    def wanted(self) -> list[Json]:
        """List the planned cells, each once, as a plan lists them."""
        return list({entry["key"]: entry for plan in self.plans().values() for entry in plan.wanted}.values())

    def missing(self) -> list[Json]:
        """List the planned cells that are not finished."""
        return [entry for entry in self.wanted() if not self.has(entry["checkpoint_id"], entry["key"])]
