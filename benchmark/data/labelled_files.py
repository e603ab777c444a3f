"""Image files of one tree whose labels are known, read as they are needed."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from robustsweep.benchmark.data.dataset import Dataset, Int64Array, image_ids
from robustsweep.benchmark.data.files.fingerprints import remembered
from robustsweep.benchmark.data.files.pixels import Preprocessing, codec, decode, decode_many
from robustsweep.benchmark.data.files.trees import FileTree
from robustsweep.untrusted.growth import check_growth

JPEG_NOTE = "These images are JPEG files; rows of blurs and of jpeg_compression start from pixels compressed before."
OTHER_SIZE = "add resize= and crop= to the data spec"
"""How to fix an image of another size."""


def tree_fingerprint(tree: FileTree, names: list[str], workers: int) -> str:
    """Hash paths and contents of ``names``; the same whether they lie in a folder or in an archive."""

    def compute() -> str:
        digest = hashlib.sha256()
        with ThreadPoolExecutor(workers) as pool:
            contents = pool.map(lambda name: hashlib.sha256(tree.read(name)).hexdigest(), names)
            for name, content in zip(names, contents, strict=True):
                digest.update(f"{name}\0{content}\n".encode())
        return digest.hexdigest()

    listed = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return remembered(f"contents\n{listed}\n{tree.stamp}", compute)


def labelled_files(
    tree: FileTree,
    names: Sequence[str],
    labels: Int64Array,
    *,
    name: str,
    split: str,
    classes: int,
    preprocessing: Preprocessing,
    workers: int,
    advice: str = OTHER_SIZE,
) -> Dataset:
    """Take files of a tree, in the order of ``names``; an image's id is the hash of its name.

    Args:
        tree: The files.
        names: Those that are images, ``CLASS/FILE``, at least one.
        labels: int64, one for each name.
        name: The data set's name.
        split: The split's name.
        classes: Number of classes.
        preprocessing: Applied to every image.
        workers: Threads that decode.
        advice: How to fix an image of another size.

    Raises:
        DataError: If the first image cannot be read, or they unpack to far more than their size.
    """
    names = list(names)
    first = decode(tree.read(names[0]), tree.place(names[0]), preprocessing)
    size = (first.shape[1], first.shape[2])
    if preprocessing.resize is None:
        packed = sum(tree.sizes[image] for image in names)
        check_growth(f"{tree.root} with {len(names)} images", packed, len(names) * first.numel(), "add resize=")

    def read(positions: Int64Array) -> torch.Tensor:
        chosen = [names[i] for i in positions]
        return decode_many(tree, chosen, size=size, preprocessing=preprocessing, workers=workers, advice=advice)

    return Dataset(
        name=name,
        split=split,
        labels=labels,
        ids=image_ids(names),
        classes=classes,
        size=size,
        fingerprint=tree_fingerprint(tree, names, workers),
        preprocessing=f"{preprocessing}; {codec()}",
        read=read,
        paths=tuple(names),
        decode_whole=lambda position: decode(tree.read(names[position]), tree.place(names[position]), Preprocessing()),
    )
