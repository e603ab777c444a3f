"""The cell store: one folder per finished cell, readable while other processes write beside it.

Layout below a run folder::

    cells/<checkpoint id, 12 hex>/<key, first 16 hex>/examples.npz   per-image arrays
    cells/<checkpoint id, 12 hex>/<key, first 16 hex>/cell.json      written last, by rename: its presence means done
    compact/<checkpoint id, 12 hex>.npz                              all cells of a finished checkpoint, see ``compact``
    checkpoints/<checkpoint id, 12 hex>.json                         name and card, as the last sweep gave them
    images/<first 16 hex of the images' key>.npz                     ids and labels, once per data set and subset
    plans/<16 hex>.json                                              what each sweep of this run was asked for
    parts/<checkpoint id>/<key, first 16 hex>/<block>.npz            blocks of an unfinished cell
    parts/<checkpoint id>/<key, first 16 hex>/<block>.json           what belongs beside them; written first

A compacted checkpoint answers for its cells whether or not their folders are still there, but not for a cell whose
folder is newer, or is there without its document.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.cells import Array, Cell, Examples, Json, identity_key
from robustsweep.results.compact import Summary
from robustsweep.results.compacted import CompactCheckpoints
from robustsweep.results.files import npz_bytes, read_npz, remove_abandoned, write_atomically

SCHEMA_VERSION = 1
NEEDS_EXAMPLES = "needs the per-image answers, which compacted runs do not hold; keep the folder cells."


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _read_cell(path: Path) -> Cell:
    try:
        document = json.loads(path.read_text())
        version = document["schema_version"]
        if version != SCHEMA_VERSION:
            raise DataError(f"{path} has schema version {version}; this robustsweep reads {SCHEMA_VERSION}.")
        return Cell.from_json(document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a cell ({error!r}); delete its folder and sweep again.") from error


class CellStore:
    """The cells of one run folder. Several processes may use one at once.

    Args:
        root: The run folder; it is created by the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._compact = CompactCheckpoints(root)
        self._images: dict[str, tuple[Array, Array]] = {}
        self._last_read: tuple[tuple[object, ...], Examples] | None = None

    def _folder(self, checkpoint_id: str, key: str) -> Path:
        return self.root / "cells" / checkpoint_id / key[:16]

    def has(self, checkpoint_id: str, key: str) -> bool:
        """Say whether the cell is finished."""
        return self.has_examples(checkpoint_id, key) or self._compact.has(checkpoint_id, key)

    def has_examples(self, checkpoint_id: str, key: str) -> bool:
        """Say whether the per-image arrays of a finished cell are there, and not its summary alone."""
        return (self._folder(checkpoint_id, key) / "cell.json").is_file()

    def write(self, cell: Cell, examples: Examples) -> None:
        """Store a finished cell; writing the same cell twice is harmless."""
        folder = self._folder(cell.checkpoint["id"], cell.key)
        content = npz_bytes(examples.arrays())
        write_atomically(folder / "examples.npz", content)
        document = {
            "schema_version": SCHEMA_VERSION,
            "key": cell.key,
            **asdict(cell),
            "examples_sha256": hashlib.sha256(content).hexdigest(),
            "status": "ok",
        }
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        write_atomically(folder / "cell.json", text.encode())
        self._remove_parts(cell.checkpoint["id"], cell.key[:16])

    def cells(self) -> Iterator[Cell]:
        """Read every finished cell, in a stable order."""
        ids = {path.name for path in self.root.glob("cells/*")}
        for checkpoint_id in sorted(ids | self._compact.ids()):
            yield from self.cells_of(checkpoint_id)

    def cells_of(self, checkpoint_id: str) -> Iterator[Cell]:
        """Read the finished cells of a checkpoint, from its compacted file where that answers for them."""
        compact, named = self._compact.cells(checkpoint_id), self._named(checkpoint_id)
        for name in sorted(compact.keys() | self._folders(checkpoint_id)):
            cell = compact.get(name) or _read_cell(self.root / "cells" / checkpoint_id / name / "cell.json")
            yield replace(cell, checkpoint=named) if named else cell

    def _named(self, checkpoint_id: str) -> Json | None:
        path = self.root / "checkpoints" / f"{checkpoint_id}.json"
        try:
            return dict(json.loads(path.read_text())) if path.is_file() else None
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path} is no checkpoint's card ({error!r}); delete it and sweep again.") from error

    def _folders(self, checkpoint_id: str) -> set[str]:
        return {path.parent.name for path in (self.root / "cells" / checkpoint_id).glob("*/cell.json")}

    def summary_of(self, checkpoint_id: str, key: str) -> Summary | None:
        """Read what a compacted checkpoint keeps of a cell; None where the cell's own folder is to be read."""
        return self._compact.summary(checkpoint_id, key)

    def is_compacted(self, checkpoint_id: str) -> bool:
        """Say whether one file answers for all finished cells of a checkpoint."""
        return self._folders(checkpoint_id) <= self._compact.served(checkpoint_id)

    def write_compacted(self, checkpoint_id: str, content: bytes) -> None:
        """Store the file that answers for the cells of a checkpoint, see ``compact``."""
        write_atomically(self.root / "compact" / f"{checkpoint_id}.npz", content)

    def write_checkpoint(self, checkpoint: Json) -> None:
        """Note a checkpoint's ``id``, ``name`` and ``card``; these stand in for what its older cells say.

        Name, method and seed decide no number, so giving them later must not ask for a new sweep.
        """
        text = json.dumps(checkpoint, indent=1, allow_nan=False) + "\n"
        write_atomically(self.root / "checkpoints" / f"{checkpoint['id']}.json", text.encode())

    def examples(self, cell: Cell) -> Examples:
        """Read the per-image arrays of ``cell``; see ``examples_of``."""
        return self.examples_of(cell.checkpoint["id"], cell.key)

    def examples_of(self, checkpoint_id: str, key: str) -> Examples:
        """Read the per-image arrays of a finished cell; those that were read last stay in memory.

        Raises:
            DataError: If they are not the ones that the cell was written with, or the cell is compacted alone.
        """
        folder = self._folder(checkpoint_id, key)
        if not folder.is_dir() and self._compact.has(checkpoint_id, key):
            raise DataError(f"This use of cell {key[:16]} {NEEDS_EXAMPLES}")
        path, document = folder / "examples.npz", folder / "cell.json"
        stamp = (checkpoint_id, key, *(_stamp(file) for file in (path, document)))
        if self._last_read is None or self._last_read[0] != stamp:
            arrays = read_npz(path)
            expected = json.loads(document.read_text())["examples_sha256"]
            if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
                raise DataError(f"{path} does not belong to its cell.json; delete both and sweep again.")
            self._last_read = stamp, Examples(**arrays)
        return self._last_read[1]

    def write_part(self, checkpoint_id: str, key: str, block: int, examples: Examples) -> None:
        """Store one block of a cell that is not finished."""
        path = self.root / "parts" / checkpoint_id / key[:16] / f"{block}.npz"
        write_atomically(path, npz_bytes(examples.arrays()))

    def has_part(self, checkpoint_id: str, key: str, block: int) -> bool:
        """Say whether that block of the cell is stored."""
        return (self.root / "parts" / checkpoint_id / key[:16] / f"{block}.npz").is_file()

    def write_part_notes(self, checkpoint_id: str, key: str, block: int, notes: Json) -> None:
        """Store what belongs beside one block of a cell; the block itself follows."""
        path = self.root / "parts" / checkpoint_id / key[:16] / f"{block}.json"
        write_atomically(path, (json.dumps(notes, allow_nan=False) + "\n").encode())

    def part_notes(self, checkpoint_id: str, key: str, block: int) -> Json:
        """Read what belongs beside one stored block of a cell.

        Raises:
            DataError: If it cannot be read.
        """
        path = self.root / "parts" / checkpoint_id / key[:16] / f"{block}.json"
        try:
            return dict(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path} cannot be read ({error}); delete its folder and sweep again.") from error

    def read_parts(self, checkpoint_id: str, key: str, n_blocks: int) -> Examples:
        """Join the ``n_blocks`` stored blocks of a cell."""
        folder = self.root / "parts" / checkpoint_id / key[:16]
        return Examples.concatenate([Examples(**read_npz(folder / f"{b}.npz")) for b in range(n_blocks)])

    def remove_leftovers(self) -> None:
        """Remove what killed sweeps have left: blocks of cells that are finished, and what was being written."""
        for folder in self.root.glob("parts/*/*"):
            checkpoint_id, name = folder.parent.name, folder.name
            if (self._folder(checkpoint_id, name) / "cell.json").is_file():
                self._remove_parts(checkpoint_id, name)
        for name in ("checkpoints", "compact", "images", "plans"):
            remove_abandoned(self.root / name)

    def _remove_parts(self, checkpoint_id: str, name: str) -> None:
        folder = self.root / "parts" / checkpoint_id / name
        # What lies behind a link is not this run's.
        if not any(each.is_symlink() for each in (folder, *list(folder.parents)[:2])):
            shutil.rmtree(folder, ignore_errors=True)

    def write_images(self, images_key: str, ids: Array, labels: Array) -> None:
        """Store the ids (int64) and labels (int64) that the rows of examples belong to, unless they are there."""
        path = self.root / "images" / f"{images_key[:16]}.npz"
        if not path.is_file():
            write_atomically(path, npz_bytes({"ids": ids, "labels": labels}))

    def images(self, images_key: str) -> tuple[Array, Array]:
        """Read the ids and labels of one images' key, from the file once."""
        if images_key not in self._images:
            arrays = read_npz(self.root / "images" / f"{images_key[:16]}.npz", "ids", "labels")
            self._images[images_key] = arrays["ids"], arrays["labels"]
        return self._images[images_key]

    def write_plan(self, wanted: list[Json]) -> None:
        """Note what a sweep was asked for.

        Args:
            wanted: Per cell its ``key``, ``checkpoint_id``, ``checkpoint`` (a name) and ``condition`` (a name).
        """
        document = {"schema_version": SCHEMA_VERSION, "wanted": wanted}
        write_atomically(
            self.root / "plans" / f"{identity_key(document)[:16]}.json",
            (json.dumps(document, indent=1) + "\n").encode(),
        )

    def wanted(self) -> list[Json]:
        """List the planned cells, each once, as ``write_plan`` takes them."""
        wanted: dict[str, Json] = {}
        for path in sorted(self.root.glob("plans/*.json")):
            try:
                wanted |= {entry["key"]: entry for entry in json.loads(path.read_text())["wanted"]}
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path} is not a plan ({error!r}); delete it and sweep again.") from error
        return list(wanted.values())

    def missing(self) -> list[Json]:
        """List the planned cells that are not finished."""
        return [entry for entry in self.wanted() if not self.has(entry["checkpoint_id"], entry["key"])]
