"""Parts: blocks of an unfinished cell, each one file that holds arrays, what belongs beside them, and a checksum."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Examples, Json
from robustsweep.results.stored.entries import has_file, write_entry
from robustsweep.results.stored.json.documents import fitting
from robustsweep.results.stored.recounts import examples_of
from robustsweep.results.stored.sealed_arrays import read_sealed_arrays, sealed_arrays
from robustsweep.untrusted.files import parse_json

_ADVICE = "delete its folder and sweep again"
_NOTES = "notes"


class NotesFields(TypedDict):
    """What belongs beside a block."""

    seconds: float
    warnings: list[str]
    inspected: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Part:
    """One stored block.

    Attributes:
        examples: Its per-image results.
        notes: ``seconds`` that it took, ``warnings`` of the computation, and what the inspection found.
    """

    examples: Examples
    notes: Json

    def file(self) -> bytes:
        """Return the file of the block."""
        text = json.dumps(self.notes, allow_nan=False).encode()
        return sealed_arrays({**self.examples.arrays(), _NOTES: np.frombuffer(text, np.uint8)})


def read_part(path: Path) -> Part:
    """Read a block.

    Raises:
        DataError: If it cannot be read or is not a block of this version.
    """
    found = read_sealed_arrays(path)
    arrays = dict(found.arrays)
    text = arrays.pop(_NOTES, None)
    if not found.is_sealed or text is None:
        raise DataError(f"{path} has no checksum; {_ADVICE}.")
    notes: Json = parse_json(text.tobytes(), path, _ADVICE)
    fitting(notes, NotesFields, path, "a block of a cell", _ADVICE)
    return Part(examples_of(arrays, path), notes)


class PartFiles:
    """The folder ``parts`` of a run.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        self._run = run

    def write(self, checkpoint_id: str, key: str, block: int, part: Part) -> None:
        """Store one block of a cell that is not finished."""
        write_entry(self._run, _names(checkpoint_id, key, block), part.file())

    def has(self, checkpoint_id: str, key: str, block: int) -> bool:
        """Say whether that block of the cell is stored, and whole: one that is damaged is computed again."""
        if not has_file(self._run, *_names(checkpoint_id, key, block)):
            return False
        try:
            self.read(checkpoint_id, key, block)
        except DataError:
            return False
        return True

    def read(self, checkpoint_id: str, key: str, block: int) -> Part:
        """Read one stored block of a cell.

        Raises:
            DataError: If it cannot be read.
        """
        return read_part(self._run.joinpath(*_names(checkpoint_id, key, block)))


def _names(checkpoint_id: str, key: str, block: int) -> tuple[str, ...]:
    return "parts", checkpoint_id, key[:16], f"{block}.npz"
