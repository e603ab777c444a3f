"""The cell store: one folder per finished cell, readable while other processes write beside it.

Layout below a run folder::

    cells/<checkpoint id, 12 hex>/<key, first 16 hex>/examples.npz   per-image arrays
    cells/<checkpoint id, 12 hex>/<key, first 16 hex>/cell.json      written last, by rename: its presence means done
    checkpoints/<checkpoint id, 12 hex>.json                         name and card, as the last sweep gave them
    images/<first 16 hex of the images' key>.npz                     ids and labels, once per data set and subset
    plans/<16 hex>.json                                              what each sweep of this run was asked for
    parts/<checkpoint id>/<key, first 16 hex>/<block>.npz            blocks of an unfinished cell
    parts/<checkpoint id>/<key, first 16 hex>/<block>.json           what belongs beside them; written first
"""

import hashlib
import io
import json
import os
import shutil
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.cells import Array, Cell, Counts, Examples, Json, identity_key

SCHEMA_VERSION = 1


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name ``path`` in an OSError that names no file, as that of a full disk does."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write ``content``, whole or in pieces, to ``path`` so that readers see the old file or the whole new one.

    Raises:
        OSError: If it cannot be written; the error names a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile's: its files are readable by nobody else, and a run folder may be shared.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with naming(path), temporary.open("xb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _npz_bytes(arrays: dict[str, Array]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); delete it and sweep again.") from error


class CellStore:
    """The cells of one run folder. Several processes may use one at once.

    Args:
        root: The run folder; it is created by the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def _folder(self, checkpoint_id: str, key: str) -> Path:
        return self.root / "cells" / checkpoint_id / key[:16]

    def has(self, checkpoint_id: str, key: str) -> bool:
        """Say whether the cell is finished."""
        return (self._folder(checkpoint_id, key) / "cell.json").is_file()

    def write(self, cell: Cell, examples: Examples) -> None:
        """Store a finished cell; writing the same cell twice is harmless."""
        folder = self._folder(cell.checkpoint["id"], cell.key)
        content = _npz_bytes(examples.arrays())
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
        shutil.rmtree(self.root / "parts" / cell.checkpoint["id"] / cell.key[:16], ignore_errors=True)

    def cells(self) -> Iterator[Cell]:
        """Read every finished cell, in a stable order."""
        for path in sorted(self.root.glob("cells/*/*/cell.json")):
            yield self._read_cell(path)

    def _read_cell(self, path: Path) -> Cell:
        try:
            document = json.loads(path.read_text())
            version = document["schema_version"]
            if version != SCHEMA_VERSION:
                raise DataError(f"{path} has schema version {version}; this robustsweep reads {SCHEMA_VERSION}.")
            counts = document["counts"]
            counts["n_robust"] = tuple(counts["n_robust"])
            known = {f.name: document[f.name] for f in fields(Cell)}
            known["counts"], known["warnings"] = Counts(**counts), tuple(known["warnings"])
            known["checkpoint"] = self._renamed(known["checkpoint"])
            return Cell(**known)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is not a cell ({error!r}); delete its folder and sweep again.") from error

    def _renamed(self, checkpoint: Json) -> Json:
        path = self.root / "checkpoints" / f"{checkpoint['id']}.json"
        return dict(json.loads(path.read_text())) if path.is_file() else checkpoint

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
        """Read the per-image arrays of a finished cell.

        Raises:
            DataError: If they are not the ones that the cell was written with.
        """
        folder = self._folder(checkpoint_id, key)
        arrays = _read_npz(folder / "examples.npz")
        expected = json.loads((folder / "cell.json").read_text())["examples_sha256"]
        if hashlib.sha256((folder / "examples.npz").read_bytes()).hexdigest() != expected:
            raise DataError(f"{folder / 'examples.npz'} does not belong to its cell.json; delete both and sweep again.")
        return Examples(**arrays)

    def write_part(self, checkpoint_id: str, key: str, block: int, examples: Examples) -> None:
        """Store one block of a cell that is not finished."""
        path = self.root / "parts" / checkpoint_id / key[:16] / f"{block}.npz"
        write_atomically(path, _npz_bytes(examples.arrays()))

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
        return Examples.concatenate([Examples(**_read_npz(folder / f"{b}.npz")) for b in range(n_blocks)])

    def write_images(self, images_key: str, ids: Array, labels: Array) -> None:
        """Store the ids (int64) and labels (int64) that the rows of examples belong to, unless they are there."""
        path = self.root / "images" / f"{images_key[:16]}.npz"
        if not path.is_file():
            write_atomically(path, _npz_bytes({"ids": ids, "labels": labels}))

    def images(self, images_key: str) -> tuple[Array, Array]:
        """Read the ids and labels of one images' key."""
        arrays = _read_npz(self.root / "images" / f"{images_key[:16]}.npz")
        return arrays["ids"], arrays["labels"]

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

    def missing(self) -> list[Json]:
        """List the planned cells that are not finished."""
        wanted: dict[str, Json] = {}
        for path in sorted(self.root.glob("plans/*.json")):
            try:
                wanted |= {entry["key"]: entry for entry in json.loads(path.read_text())["wanted"]}
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path} is not a plan ({error!r}); delete it and sweep again.") from error
        return [entry for entry in wanted.values() if not self.has(entry["checkpoint_id"], entry["key"])]
