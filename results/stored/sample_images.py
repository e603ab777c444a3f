"""Pictures of a run: two test images as each condition shows them, and what the data set calls its classes.

They are to be looked at: no number comes from them, and a run without them lacks nothing else.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Array
from robustsweep.results.stored.entries import has_file, write_entry, write_unless_there
from robustsweep.results.stored.json.documents import read_document, sealed
from robustsweep.results.stored.sealed_arrays import read_sealed_arrays, sealed_arrays

N_SAMPLES = 2
"""Images of a set that are kept: other people's photos are not to be handed on with every run."""
SAMPLE_SIDE = 96
"""Pixels of the longer side of a picture at most; larger images are kept smaller."""
_MOST_NAMES_BYTES = 4 << 20
_ADVICE = "delete it; the pictures are missing then, and no number"


class NamesFields(TypedDict):
    """What a data set calls its classes."""

    images_key: str
    names: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The pictures of one condition.

    Attributes:
        ids: int64, shape (k,): the images, 2 at most.
        pixels: uint8, shape (k, H, W, 3), RGB; H and W are 96 at most.
    """

    ids: Array
    pixels: Array

    def fits(self) -> bool:
        """Say whether the arrays have these types and shapes."""
        kinds = self.ids.dtype.name, self.pixels.dtype.name
        if kinds != ("int64", "uint8") or self.pixels.ndim != 4 or self.ids.shape != self.pixels.shape[:1]:
            return False
        k, *sides, channels = self.pixels.shape
        counts = k in range(1, N_SAMPLES + 1) and channels in (3,)
        return counts and all(side in range(1, SAMPLE_SIDE + 1) for side in sides)


class SampleFiles:
    """The folder ``samples`` of a run.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        self._run = run

    def has(self, setting: str) -> bool:
        """Say whether the pictures of a condition are stored, and whole: damaged ones are written again."""
        try:
            return self.of(setting) is not None
        except DataError:
            return False

    def write(self, setting: str, samples: Samples) -> None:
        """Store the pictures of a condition.

        Args:
            setting: All that decides the pixels, as ``setting_of`` returns it.
            samples: The pictures.
        """
        key = np.frombuffer(_digest(setting), np.uint8)
        content = sealed_arrays({"ids": samples.ids, "pixels": samples.pixels, "key": key})
        write_entry(self._run, _names(setting), content)

    def of(self, setting: str) -> Samples | None:
        """Read the pictures of a condition; None if there are none.

        Raises:
            DataError: If they cannot be read, or are of another condition.
        """
        names = _names(setting)
        if not has_file(self._run, *names):
            return None
        path = self._run.joinpath(*names)
        found = read_sealed_arrays(path, _ADVICE)
        arrays = found.arrays
        if not found.is_sealed or arrays.keys() != {"ids", "pixels", "key"}:
            raise DataError(f"{path} holds no pictures with a checksum; {_ADVICE}.")
        samples = Samples(arrays["ids"], arrays["pixels"])
        if arrays["key"].tobytes() != _digest(setting) or not samples.fits():
            raise DataError(f"{path} holds other pictures than those of its name; {_ADVICE}.")
        return samples

    def write_class_names(self, images_key: str, names: Sequence[str]) -> None:
        """Store what a data set calls its classes, in their order."""
        # A folder's name may hold bytes that are no text.
        texts = [name.encode(errors="replace").decode() for name in names]
        content = sealed({"images_key": images_key, "names": texts})
        write_unless_there(self._run, ("samples", f"{images_key[:16]}.json"), content)

    def class_names(self, images_key: str) -> tuple[str, ...]:
        """Read what the data set of some images calls its classes; nothing if it does not say.

        Raises:
            DataError: If the names cannot be read, or are of other images.
        """
        names = ("samples", f"{images_key[:16]}.json")
        if not has_file(self._run, *names):
            return ()
        path = self._run.joinpath(*names)
        document = read_document(path, NamesFields, "a list of class names", _ADVICE, _MOST_NAMES_BYTES)
        if not document.is_sealed or document.content["images_key"] != images_key:
            raise DataError(f"{path} holds the class names of other images than its name; {_ADVICE}.")
        return tuple(document.content["names"])


def _digest(setting: str) -> bytes:
    return hashlib.sha256(setting.encode()).digest()


def _names(setting: str) -> tuple[str, str]:
    return "samples", f"{_digest(setting).hex()[:16]}.npz"
