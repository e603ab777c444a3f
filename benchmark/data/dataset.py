"""Data sets as the rest of the program sees them: labels, ids, a fingerprint, and a way to read images."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from robustsweep.benchmark.data.network_outputs import NetworkOutputs

Int64Array = npt.NDArray[np.int64]
ReadImages = Callable[[Int64Array], torch.Tensor]
ClassNames = Callable[[], tuple[str, ...]]
Box = tuple[int, int, int, int]
"""Left, top, right and bottom of an object in whole pixels, the ends included."""


@dataclass(frozen=True)
class Dataset:
    """Clean images of one split.

    Attributes:
        name: Shown wherever a result is.
        split: ``"train"``, ``"val"``, ``"test"``, or ``"all"`` if there is no such folder.
        labels: int64, shape (N,).
        ids: int64, shape (N,): the row of an array, or a hash of the path inside the data set, see ``image_ids``.
        classes: Number of classes that labels count in.
        size: Height and width of every image, after preprocessing.
        fingerprint: sha256 of the contents, 64 hexadecimal digits.
        preprocessing: What is done between decoding and [0, 1], in words that belong to the cell key.
        read: Returns uint8 images of shape (n, 3, H, W) for int64 positions of shape (n,).
        notes: Sentences that belong beside every result on this data.
        paths: ``CLASS/FILE`` of every image, or None if the images are no files.
        decode_whole: Returns the image at one position as its file holds it, without preprocessing; None if ``read``
            does.
        class_names: Returns what people call the classes, in their order; nothing if they have no names.
        object_boxes: Returns the box of the labelled object by the image's path; nothing if there are none.
        outputs: Which outputs of a network are its classes; None: all, in order.
        wnids: The classes' WordNet ids in their order, where they are classes of ImageNet; else none.
        shift: The natural shift that it is, a name of ``NATURAL_SHIFTS``; empty: none.
    """

    name: str
    split: str
    labels: Int64Array
    ids: Int64Array
    classes: int
    size: tuple[int, int]
    fingerprint: str
    preprocessing: str
    read: ReadImages
    notes: tuple[str, ...] = ()
    paths: tuple[str, ...] | None = None
    decode_whole: Callable[[int], torch.Tensor] | None = None
    class_names: ClassNames = tuple
    object_boxes: Callable[[], Mapping[str, Box]] = dict
    outputs: NetworkOutputs | None = None
    wnids: tuple[str, ...] = ()
    shift: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, positions: Int64Array) -> torch.Tensor:
        """Read images.

        Args:
            positions: int64, shape (n,), indices into the split.

        Returns:
            uint8 tensor of shape (n, 3, H, W), RGB.
        """
        return self.read(positions)

    def photo(self, position: int) -> torch.Tensor:
        """Read one image as it was before preprocessing.

        Safe to call from several threads.

        Returns:
            uint8 tensor of shape (3, H, W), RGB, of the image's own size.
        """
        return self.decode_whole(position) if self.decode_whole else self.read(np.array([position]))[0]

    def taking(self, positions: Int64Array) -> "Dataset":
        """Return the images at ``positions`` (int64, in any order) as a data set of the same fingerprint."""
        return replace(
            self,
            labels=self.labels[positions],
            ids=self.ids[positions],
            read=lambda rows: self.read(positions[rows]),
            decode_whole=lambda row: self.photo(int(positions[row])),
            paths=None if self.paths is None else tuple(self.paths[position] for position in positions),
        )


def path_id(path: str) -> int:
    """Return the id of an image from its path inside the data set: a stable signed 64-bit hash."""
    return int.from_bytes(hashlib.blake2b(path.encode(), digest_size=8).digest(), "little", signed=True)


def path_in_tree(path: str) -> str:
    """Return the path under which a corrupted tree keeps an image: its own, with the suffix ``.JPEG``."""
    return f"{path.rpartition('.')[0]}.JPEG"


def image_ids(paths: list[str]) -> Int64Array:
    """Return the ids of image files: hashes of their paths in a corrupted tree.

    A corrupted copy of an image thereby has the id of the image. Files that differ in the suffix alone could not both
    lie in such a tree; they get the hash of the whole path.

    Args:
        paths: ``CLASS/FILE`` inside the data set.

    Returns:
        int64, shape (N,).
    """
    in_tree = [path_in_tree(path) for path in paths]
    counts = Counter(in_tree)
    names = [kept if counts[kept] == 1 else path for path, kept in zip(paths, in_tree, strict=True)]
    return np.array([path_id(name) for name in names], dtype=np.int64)


def from_array(
    name: str,
    split: str,
    images: npt.NDArray[np.uint8],
    labels: Int64Array,
    classes: int,
    ids: Int64Array | None = None,
) -> Dataset:
    """Wrap images that are in memory.

    Args:
        name: The data set's name.
        split: The split's name.
        images: uint8, shape (N, 3, H, W), RGB.
        labels: int64, shape (N,).
        classes: Number of classes.
        ids: int64, shape (N,), each once; None: an image's id is its row.
    """
    # The buffers themselves: a copy of all images would double the memory.
    digest = hashlib.sha256(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(labels).data)

    def read(positions: Int64Array) -> torch.Tensor:
        return torch.from_numpy(images[positions])

    return Dataset(
        name=name,
        split=split,
        labels=labels,
        ids=np.arange(len(labels), dtype=np.int64) if ids is None else ids,
        classes=classes,
        size=(images.shape[2], images.shape[3]),
        fingerprint=digest.hexdigest(),
        preprocessing="none",
        read=read,
    )


def stratified_positions(labels: Int64Array, ids: Int64Array, limit: int, seed: int) -> Int64Array:
    """Choose ``limit`` images, as equally per class as the data allow: those with the smallest hash of (seed, id).

    Args:
        labels: int64, shape (N,).
        ids: int64, shape (N,).
        limit: Images to choose; all of them if it is N or more.
        seed: Seed of the choice.

    Returns:
        int64 positions, ascending.
    """
    digests = b"".join(hashlib.blake2b(f"{seed}\0{i}".encode(), digest_size=8).digest() for i in ids.tolist())
    hashes = np.frombuffer(digests, dtype=np.uint64)
    order = np.lexsort((hashes, labels))
    starts = np.r_[0, np.flatnonzero(np.diff(labels[order])) + 1]
    sizes = np.diff(np.r_[starts, len(order)])
    rank_in_class = np.arange(len(order)) - np.repeat(starts, sizes)
    # Every class gives its k-th image before any gives its (k+1)-th; the hash breaks the last tie.
    chosen = order[np.lexsort((hashes[order], rank_in_class))[:limit]]
    return np.sort(chosen).astype(np.int64)
