"""Images that the rows of per-image arrays belong to: ids and labels, stored once per data set and subset."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Array, Json, identity_key
from robustsweep.results.stored.entries import has_file, write_entry
from robustsweep.results.stored.sealed_arrays import read_sealed_arrays, sealed_arrays

_ADVICE = "delete it and sweep again"


def images_key(fingerprint: str, preprocessing: str | None, ids: Array) -> str:
    """Return the hash of which images these are: contents, preprocessing, choice."""
    digest = hashlib.sha256(np.ascontiguousarray(ids).tobytes()).hexdigest()
    return identity_key({"data": fingerprint, "preprocessing": preprocessing, "ids": digest})


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """The images of a key.

    Attributes:
        ids: int64, shape (n,).
        labels: int64, shape (n,).
        is_sealed: Whether the file says which key it belongs to, with a checksum.
    """

    ids: Array
    labels: Array
    is_sealed: bool

    def file(self, key: str) -> bytes:
        """Return the file of these images under their key."""
        return sealed_arrays(
            {"ids": self.ids, "labels": self.labels, "key": np.frombuffer(bytes.fromhex(key), np.uint8)}
        )

    def equals(self, other: "Images") -> bool:
        """Say whether these are the same images with the same labels."""
        return np.array_equal(self.ids, other.ids) and np.array_equal(self.labels, other.labels)


def read_images(path: Path, key: str) -> Images:
    """Read the images of a key.

    Raises:
        DataError: If the file cannot be read, or belongs to another key.
    """
    found = read_sealed_arrays(path)
    arrays, named = dict(found.arrays), found.arrays.get("key")
    arrays.pop("key", None)
    shapes = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
    if arrays.keys() != {"ids", "labels"} or len(set(shapes.values())) > 1 or arrays["ids"].ndim != 1:
        raise DataError(f"{path} does not hold ids and labels, one of each per image, but {shapes}; {_ADVICE}.")
    if found.is_sealed != (named is not None) or (named is not None and named.tobytes().hex() != key):
        raise DataError(f"{path} holds the images of another key than its name; {_ADVICE}.")
    return Images(arrays["ids"], arrays["labels"], found.is_sealed)


class ImageFiles:
    """The folder ``images`` of a run; each file is read once.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._read: dict[str, Images] = {}
        self._checked: set[tuple[object, ...]] = set()

    def path_of(self, key: str) -> Path:
        """Return where the images of a key are or would be."""
        return self._run / "images" / f"{key[:16]}.npz"

    def has(self, key: str) -> bool:
        """Say whether the images of a key are stored."""
        return has_file(self._run, "images", self.path_of(key).name)

    @property
    def unsealed(self) -> list[Path]:
        """The files without a checksum among those that were read."""
        return [self.path_of(key) for key, images in self._read.items() if not images.is_sealed]

    def of(self, key: str) -> Images:
        """Read the images of a key.

        Raises:
            DataError: If they cannot be read.
        """
        if key not in self._read:
            self.has(key)  # which refuses a link
            self._read[key] = read_images(self.path_of(key), key)
        return self._read[key]

    def write(self, key: str, ids: Array, labels: Array) -> None:
        """Store the images of a key, unless they are there.

        Raises:
            DataError: If others are there.
        """
        images = Images(ids, labels, is_sealed=True)
        if not self.has(key):
            write_entry(self._run, ("images", self.path_of(key).name), images.file(key))
        elif not self.of(key).equals(images):
            raise DataError(f"{self.path_of(key)} holds other images or labels than those of its key; {_ADVICE}.")

    def refuse_others(self, data: Json, n: int) -> None:
        """Check that the images, if they are stored, are those that a cell was measured on.

        Args:
            data: The fields of the cell's data.
            n: The cell's number of images.

        Raises:
            DataError: If they are others, or their number is another.
        """
        key = data["images_key"]
        facts = (key, data["fingerprint"], data.get("preprocessing"), n)
        if facts in self._checked or not self.has(key):
            return
        path, images = self.path_of(key), self.of(key)
        if len(images.ids) != n:
            raise DataError(f"{path} holds {len(images.ids)} images, its cells {n}; {_ADVICE}.")
        if not images.is_sealed and images_key(data["fingerprint"], data.get("preprocessing"), images.ids) != key:
            raise DataError(f"{path} holds other images than those of its key; {_ADVICE}.")
        self._checked.add(facts)
