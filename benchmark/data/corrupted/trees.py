"""ImageNet-C, Tiny-ImageNet-C and their C-bar: trees of JPEG files, read where they lie."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from robustsweep.benchmark.data.corrupted.generated_sets import MANIFEST_NAME
from robustsweep.benchmark.data.corrupted.official import OfficialSet, matched_by_id, origin, partial_notes
from robustsweep.benchmark.data.corrupted.published import PublishedTree
from robustsweep.benchmark.data.dataset import Dataset, Int64Array, image_ids
from robustsweep.benchmark.data.files.pixels import IMAGE_SUFFIXES, Preprocessing, codec, decode, decode_many
from robustsweep.benchmark.data.files.trees import FileTree, open_tree, select
from robustsweep.benchmark.data.files.unread import is_image, unread_note
from robustsweep.corruptions import COMMON, CORRUPTIONS, SEVERITIES
from robustsweep.errors import DataError
from robustsweep.untrusted.growth import check_growth

_LEAF_DEPTH = 3


class _Leaves(dict[tuple[str, str], list[str]]):
    """``CLASS/FILE`` by corruption and severity, and the folder's name that each severity has in the tree."""

    def __init__(self, tree: FileTree, kind: PublishedTree) -> None:
        super().__init__()
        self._folders: dict[tuple[str, str], str] = {}
        for name in select(tree.names, IMAGE_SUFFIXES):
            parts = name.split("/", 2)
            if len(parts) < 3 or "/" not in parts[2]:
                continue
            corruption, folder, image = parts
            place = corruption, kind.severity(corruption, folder)
            if self._folders.setdefault(place, folder) != folder:
                raise DataError(
                    f"{tree.root} holds {corruption}/{self._folders[place]} and {corruption}/{folder}, which are the "
                    "same severity; keep one of them."
                )
            self.setdefault(place, []).append(image)
        if kind.only:
            # Raw severities sort otherwise: 10.00 comes before 9.00.
            leaves = sorted(self.items())
            self.clear()
            self.update(leaves)

    def path(self, corruption: str, severity: int | str, image: str) -> str:
        """Return where an image lies in the tree."""
        return f"{corruption}/{self._folders[corruption, str(severity)]}/{image}"


def _fingerprint(tree: FileTree, leaves: _Leaves) -> str:
    digest = hashlib.sha256()
    for (corruption, severity), names in leaves.items():
        for name in names:
            size = tree.sizes[leaves.path(corruption, severity, name)]
            digest.update(f"{corruption}/{severity}/{name}\0{size}\n".encode())
    return digest.hexdigest()


def _labels(kind: PublishedTree, corruption: str, names: list[str], path: Path) -> Int64Array:
    """Return the class index of each ``CLASS/FILE`` of a corruption."""
    folders = [name.split("/", 1)[0] for name in names]
    try:
        indices = kind.wordnet.indices(tuple(dict.fromkeys(folders)), path / corruption)
    except DataError as error:
        raise DataError(" ".join([str(error), kind.faults.get(corruption, "")]).strip()) from None
    return np.array([indices[folder] for folder in folders], dtype=np.int64)


def open_corrupted_tree(
    path: Path, kind: PublishedTree, *, name: str, clean: Dataset | None, workers: int
) -> OfficialSet:
    """Open a tree ``CORRUPTION/SEVERITY/WNID/FILE``; the images get no preprocessing.

    Its fingerprint is of paths and sizes: hashing 75 GB of contents would take longer than the sweep.

    Args:
        path: Folder or archive.
        kind: Such as ``IMAGENET_C``.
        name: The data set's name.
        clean: Clean images whose paths below the split are ``WNID/FILE`` with the same names, or None.
        workers: Threads that decode.

    Raises:
        DataError: If the tree is empty or does not fit the clean images.
    """
    tree = open_tree(path).without_wrapper(keep={*CORRUPTIONS, *kind.known})
    leaves = _Leaves(tree, kind)
    if not leaves:
        raise DataError(f"{path} holds no CORRUPTION/SEVERITY/CLASS/IMAGE files.")
    present = {corruption for corruption, _ in leaves}
    if present.isdisjoint(kind.known):
        wanted = f"none of {', '.join(kind.only)}" if kind.only else "no known corruption"
        raise DataError(f"{path} holds {wanted}, but {', '.join(sorted(present)[:3])}.")
    (corruption, severity), names = _reference(leaves)
    labels = _labels(kind, corruption, names, path)
    ids = image_ids(names)
    first_name = leaves.path(corruption, severity, names[0])
    first = decode(tree.read(first_name), tree.place(first_name), Preprocessing())
    size = (first.shape[1], first.shape[2])
    packed = sum(tree.sizes[leaves.path(corruption, severity, image)] for image in names)
    check_growth(f"{path}: {corruption}/{severity}", packed, len(names) * first.numel(), "fetch it again")
    absent = _absent(leaves, names, kind)

    def check(corruption: str) -> None:
        for severity in SEVERITIES:
            if f"{corruption}@{severity}" in absent:
                continue
            leaf = leaves.get((corruption, str(severity)), [])
            if leaf != names:
                _labels(kind, corruption, leaf, path)
                raise DataError(
                    f"{path}: {corruption}/{severity} should hold the same {len(names)} images as the rest, "
                    f"it holds {len(leaf)}{_first_difference(leaf, names)}."
                )

    def read(corruption: str, severity: int, positions: Int64Array) -> torch.Tensor:
        chosen = [leaves.path(corruption, severity, names[i]) for i in positions]
        return decode_many(
            tree,
            chosen,
            size=size,
            preprocessing=Preprocessing(),
            workers=workers,
            advice="published files have one size, so fetch it again",
        )

    corruptions = tuple(corruption for corruption in kind.known if corruption in present)
    provenance, notes = origin(tree.read(MANIFEST_NAME) if MANIFEST_NAME in tree.sizes else None, path)
    return OfficialSet(
        name=name,
        labels=labels,
        ids=ids,
        classes=len(kind.wordnet),
        size=size,
        fingerprint=_fingerprint(tree, leaves),
        preprocessing=f"none; {codec()}",
        corruptions=corruptions,
        read=read,
        check=check,
        clean=matched_by_id(
            clean, ids, labels, classes=len(kind.wordnet), size=size, where=path, made_from=kind.made_from
        ),
        provenance=provenance,
        notes=(*notes, *partial_notes(name, corruptions, absent, benchmark=kind.only or COMMON), *_unread(tree)),
        absent=absent,
        class_names=kind.wordnet.written_names,
    )


def _reference(leaves: _Leaves) -> tuple[tuple[str, str], list[str]]:
    """Return the first leaf with as many images as most leaves have."""
    usual = Counter(len(names) for names in leaves.values()).most_common(1)[0][0]
    return next((place, names) for place, names in leaves.items() if len(names) == usual)


def _absent(leaves: _Leaves, names: list[str], kind: PublishedTree) -> frozenset[str]:
    """Name the conditions of the corruptions there that are missing, or lack images and are otherwise the same."""
    known = {corruption for corruption, _ in leaves} & set(kind.known)
    wanted = set(names)
    return frozenset(
        f"{corruption}@{severity}"
        for corruption in known
        for severity in SEVERITIES
        if set(leaves.get((corruption, str(severity)), ())) < wanted
    )


def _unread(tree: FileTree) -> tuple[str, ...]:
    names = [name for name in tree.names if name.count("/") >= _LEAF_DEPTH and not is_image(name)]
    note = unread_note(names, "in class folders, not read as images")
    return (note,) if note else ()


def _first_difference(leaf: list[str], names: list[str]) -> str:
    missing = sorted(set(names) - set(leaf))
    extra = sorted(set(leaf) - set(names))
    if missing:
        return f"; the first one missing is {missing[0]}"
    return f"; the first one too many is {extra[0]}" if extra else ""
