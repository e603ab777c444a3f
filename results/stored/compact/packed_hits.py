"""Bits of all cells of a checkpoint, packed closely: whether each image is right, and whether it is in the top 5.

The conditions of one checkpoint agree about most images, and those on which they do not agree are mostly the same ones.
So the bits of an image are kept side by side, eight to a byte: top-5 hit and right prediction of four cells, one after
the other. In each row of bytes, images with fewer hits in the rows before come first. LZMA then packs the rows.
"""

import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Array
from robustsweep.untrusted.growth import check_growth

_FILTERS = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 0, "lp": 0, "pb": 0}]
_CELLS_PER_ROW = 4
_FREE_BYTES = 64 << 20

_Bits = npt.NDArray[np.bool_]


def packed_hits(right: Sequence[_Bits], top5_hit: Sequence[_Bits]) -> Array:
    """Pack what is known of the images of all cells of a checkpoint.

    Args:
        right: Whether the prediction is the label, shape (n,) for each cell. Cells of the same images should be
            neighbours.
        top5_hit: Whether the label is among the five largest logits, likewise.

    Returns:
        uint8, an LZMA stream without header.
    """
    rows, n_hits = [], _no_hits(0)
    for cells, n in _rows([len(bits) for bits in right]):
        n_hits = n_hits if len(n_hits) == n else _no_hits(n)
        bits = np.stack([one for both in zip(top5_hit[cells], right[cells], strict=True) for one in both])
        rows.append(np.packbits(bits[:, _order(n_hits)], axis=0).tobytes())
        n_hits += bits.sum(axis=0, dtype=n_hits.dtype)
    return np.frombuffer(lzma.compress(b"".join(rows), lzma.FORMAT_RAW, filters=_FILTERS), np.uint8)


def unpacked_hits(packed: Array, sizes: Sequence[int], path: Path, advice: str) -> dict[str, Array]:
    """Return ``right`` and ``top5_hit`` as packed bits, ceil(n / 8) bytes per cell, uint8.

    Args:
        packed: As ``packed_hits`` returns it.
        sizes: The number of images of each cell, at least 1.
        path: The file that it is from.
        advice: What to do about a file that cannot be read.

    Raises:
        DataError: If it cannot be unpacked, or holds another number of images.
    """
    n_bytes = sum(n for _, n in _rows(sizes))
    check_growth(str(path), len(packed), n_bytes, advice, _FREE_BYTES)
    content = np.frombuffer(_unpacked(packed, n_bytes, path, advice), np.uint8)
    found: dict[str, list[Array]] = {"top5_hit": [], "right": []}
    place, n_hits = 0, _no_hits(0)
    for cells, n in _rows(sizes):
        n_hits = n_hits if len(n_hits) == n else _no_hits(n)
        bits = np.empty((2 * len(sizes[cells]), n), np.uint8)
        bits[:, _order(n_hits)] = np.unpackbits(content[None, place : place + n], axis=0, count=len(bits))
        for name, first in (("top5_hit", 0), ("right", 1)):
            found[name].append(np.packbits(bits[first::2], axis=1).ravel())
        n_hits += bits.sum(axis=0, dtype=n_hits.dtype)
        place += n
    return {name: np.concatenate(bits) for name, bits in found.items()}


def _unpacked(packed: Array, n_bytes: int, path: Path, advice: str) -> bytes:
    try:
        # One byte more than there must be, so that it shows if there are too many.
        content = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS).decompress(packed.tobytes(), n_bytes + 1)
    except lzma.LZMAError as error:
        raise DataError(f"{path} cannot be read (its hits are not an LZMA stream); {advice}.") from error
    if len(content) != n_bytes:
        raise DataError(f"{path} cannot be read (its hits are of other images than its sizes say); {advice}.")
    return content


def _rows(sizes: Sequence[int]) -> Iterator[tuple[slice, int]]:
    """Yield the cells of each row of bytes, which have the same number of images, and that number."""
    first = 0
    for place in range(1, len(sizes) + 1):
        if place == len(sizes) or place - first == _CELLS_PER_ROW or sizes[place] != sizes[first]:
            yield slice(first, place), sizes[first]
            first = place


def _no_hits(n: int) -> npt.NDArray[np.uint16]:
    """Return a count of hits for each image, which decides nothing but an order and so may overflow."""
    return np.zeros(n, np.uint16)


def _order(n_hits: npt.NDArray[np.uint16]) -> npt.NDArray[np.int64]:
    return np.argsort(n_hits, kind="stable")
