"""ImageNet-C: the published tree of JPEG files, read where it lies."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from robustsweep.benchmark.data.dataset import Dataset, Int64Array, image_ids
from robustsweep.benchmark.data.decoding import IMAGE_SUFFIXES, Preprocessing, codec, decode, decode_many
from robustsweep.benchmark.data.folders import class_indices
from robustsweep.benchmark.data.official import MANIFEST_NAME, OfficialSet, matched_by_id, origin
from robustsweep.benchmark.data.trees import FileTree, open_tree, select
from robustsweep.corruptions import CORRUPTIONS, SEVERITIES
from robustsweep.errors import DataError


def _leaves(tree: FileTree) -> dict[tuple[str, str], list[str]]:
    """Group ``CORRUPTION/SEVERITY/CLASS/FILE`` by the first two parts."""
    leaves: dict[tuple[str, str], list[str]] = {}
    for name in select(tree.names, IMAGE_SUFFIXES):
        parts = name.split("/", 2)
        if len(parts) == 3 and "/" in parts[2]:
            leaves.setdefault((parts[0], parts[1]), []).append(parts[2])
    return leaves


def _fingerprint(tree: FileTree, leaves: dict[tuple[str, str], list[str]]) -> str:
    digest = hashlib.sha256()
    for (corruption, severity), names in leaves.items():
        for name in names:
            full = f"{corruption}/{severity}/{name}"
            digest.update(f"{full}\0{tree.sizes[full]}\n".encode())
    return digest.hexdigest()


def open_imagenet_c(path: Path, *, name: str, clean: Dataset | None, workers: int) -> OfficialSet:
    """Open an ImageNet-C tree ``CORRUPTION/SEVERITY/WNID/FILE``; the images get no preprocessing.

    Its fingerprint is of paths and sizes: hashing 75 GB of contents would take longer than the sweep.

    Args:
        path: Folder or archive.
        name: The data set's name.
        clean: Clean images whose paths below the split are ``WNID/FILE`` with the same names, or None.
        workers: Threads that decode.

    Raises:
        DataError: If the tree is empty or does not fit the clean images.
    """
    tree = open_tree(path).without_wrapper(keep=CORRUPTIONS)
    leaves = _leaves(tree)
    if not leaves:
        raise DataError(f"{path} holds no CORRUPTION/SEVERITY/CLASS/IMAGE files.")
    present = {corruption for corruption, _ in leaves}
    if present.isdisjoint(CORRUPTIONS):
        raise DataError(f"{path} holds no known corruption, but {', '.join(sorted(present)[:3])}.")
    (corruption, severity), names = next(iter(leaves.items()))
    folders = tuple(sorted({image.split("/", 1)[0] for image in names}))
    indices = class_indices(folders, path, imagenet=True)
    labels = np.array([indices[image.split("/", 1)[0]] for image in names], dtype=np.int64)
    ids = image_ids(names)
    first_name = f"{corruption}/{severity}/{names[0]}"
    first = decode(tree.read(first_name), first_name, Preprocessing())
    size = (first.shape[1], first.shape[2])

    def check(corruption: str) -> None:
        for severity in SEVERITIES:
            leaf = leaves.get((corruption, str(severity)), [])
            if leaf != names:
                raise DataError(
                    f"{path}: {corruption}/{severity} should hold the same {len(names)} images as the rest, "
                    f"it holds {len(leaf)}{_first_difference(leaf, names)}."
                )

    def read(corruption: str, severity: int, positions: Int64Array) -> torch.Tensor:
        chosen = [f"{corruption}/{severity}/{names[i]}" for i in positions]
        return decode_many(
            chosen,
            tree.read,
            size=size,
            preprocessing=Preprocessing(),
            workers=workers,
            advice="published files have one size, so fetch it again",
        )

    provenance, notes = origin(tree.read(MANIFEST_NAME) if MANIFEST_NAME in tree.sizes else None, path)
    return OfficialSet(
        name=name,
        labels=labels,
        ids=ids,
        classes=1000,
        size=size,
        fingerprint=_fingerprint(tree, leaves),
        preprocessing=f"none; {codec()}",
        corruptions=tuple(corruption for corruption in CORRUPTIONS if corruption in present),
        read=read,
        check=check,
        clean=matched_by_id(clean, ids, labels, size, path),
        provenance=provenance,
        notes=notes,
    )


def _first_difference(leaf: list[str], names: list[str]) -> str:
    missing = sorted(set(names) - set(leaf))
    extra = sorted(set(leaf) - set(names))
    if missing:
        return f"; the first one missing is {missing[0]}"
    return f"; the first one too many is {extra[0]}" if extra else ""
