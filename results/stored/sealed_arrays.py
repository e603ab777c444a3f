"""Arrays in one ``npz`` file with a hash of them all, so that no bit of them changes unnoticed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Array
from robustsweep.results.stored.files import npz_bytes, read_npz

_CHECKSUM = "sha256"


@dataclass(frozen=True, slots=True, eq=False)
class SealedArrays:
    """What a file holds.

    Attributes:
        arrays: By name, without the hash.
        is_sealed: Whether there is a hash, which then fits; files of earlier versions have none.
    """

    arrays: dict[str, Array]
    is_sealed: bool


def sealed_arrays(arrays: Mapping[str, Array]) -> bytes:
    """Return the content of a file that holds arrays and their hash."""
    return npz_bytes({**arrays, _CHECKSUM: np.frombuffer(_digest(arrays), np.uint8)})


def read_sealed_arrays(path: Path, advice: str = "delete it and sweep again") -> SealedArrays:
    """Read all arrays of a file.

    Args:
        path: The file.
        advice: How to go on without it.

    Raises:
        DataError: If it cannot be read, or the hash is not that of the arrays.
    """
    arrays = read_npz(path, advice=advice)
    checksum = arrays.pop(_CHECKSUM, None)
    if checksum is not None and checksum.tobytes() != _digest(arrays):
        raise DataError(f"{path} was damaged or changed: its checksum is not that of its arrays; {advice}.")
    return SealedArrays(arrays, checksum is not None)


def _digest(arrays: Mapping[str, Array]) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.tobytes())
    return digest.digest()
