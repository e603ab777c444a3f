"""Data sets that lie as one folder per class, in a folder or in an archive."""

from dataclasses import replace

import numpy as np

from robustsweep.benchmark.data.dataset import Dataset, path_in_tree
from robustsweep.benchmark.data.files.class_numbers import number_classes
from robustsweep.benchmark.data.files.pixels import IMAGE_SUFFIXES, JPEG_SUFFIXES, Preprocessing
from robustsweep.benchmark.data.files.trees import FileTree, select
from robustsweep.benchmark.data.files.unread import is_image, looks_like_image, unread_note
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, WordnetClasses
from robustsweep.benchmark.data.labelled_files import JPEG_NOTE, OTHER_SIZE, labelled_files
from robustsweep.errors import DataError

SPLITS = ("test", "val", "train")


def choose_split(tree: FileTree, split: str | None) -> tuple[FileTree, str]:
    """Return the part of the tree that holds ``split``, and the split's name.

    A split is a folder of that name that itself holds class folders: a class may be called ``train``. Without a choice
    it is ``test`` if there is one, else ``val``, else the whole folder (``"all"``). A single folder that wraps
    everything is skipped. A tree without splits whose own name is that of the split is the split.

    Raises:
        DataError: If the split asked for is not there.
    """
    whole, tree = tree.without_wrapper(), tree.without_wrapper(keep=SPLITS)
    present = [name for name in SPLITS if any(map(_is_in_folder, tree.below(name).names))]
    if split is None:
        split = next((name for name in ("test", "val") if name in present), None)
        if split is None and (flat := set(tree.folders()) - set(present)) and set(tree.folders()) <= set(SPLITS):
            raise DataError(
                f"{tree.root} holds no images as CLASS/IMAGE in {', '.join(sorted(flat))}; sort them into one folder "
                "per class, or name another split."
            )
        return (whole, "all") if split is None else (tree.below(split), split)
    if split in present:
        return tree.below(split), split
    if not present and whole.root.resolve().name.split(".")[0] == split:
        return whole, split
    raise DataError(f"{tree.root} has no split {split!r}; it has {', '.join(present) or 'no split folders'}.")


def _is_in_folder(name: str) -> bool:
    return "/" in name and is_image(name)


def _image_names(tree: FileTree) -> list[str]:
    # In the order of a corrupted tree, so that a row is the same image there.
    names = sorted(filter(_is_in_folder, tree.names), key=path_in_tree)
    if not names:
        raise DataError(f"{tree.root} holds no images as CLASS/IMAGE ({', '.join(IMAGE_SUFFIXES)}).")
    return names


def _notes(tree: FileTree, names: list[str], wordnet: WordnetClasses | None) -> tuple[str, ...]:
    """Say which files are left out, and what the format of the others means."""
    beside = [name for name in tree.names if "/" in name and not is_image(name)]
    astray = [name for name in tree.names if "/" not in name and looks_like_image(name)]
    # ImageNet has never been anything else.
    is_jpeg = (wordnet is None or wordnet.name != IMAGENET_1K.name) and bool(select(names, JPEG_SUFFIXES))
    said = (
        unread_note(beside, "in class folders, not read as images"),
        unread_note(astray, "in no class folder"),
        JPEG_NOTE if is_jpeg else "",
    )
    return tuple(note for note in said if note)


def class_folders(
    tree: FileTree,
    *,
    name: str,
    split: str,
    preprocessing: Preprocessing,
    wordnet: WordnetClasses | None,
    workers: int,
    advice: str = OTHER_SIZE,
) -> Dataset:
    """Take a tree of ``CLASS/IMAGE`` for one split; an image's id is the hash of that path.

    Args:
        tree: The files.
        name: The data set's name.
        split: The split's name.
        preprocessing: Applied to every image.
        wordnet: The classes that the folders are some of, or None.
        workers: Threads that decode.
        advice: How to fix an image of another size.

    Raises:
        DataError: If there are no images, a folder is not a class or has no image, or the first one cannot be read.
    """
    names = _image_names(tree)
    numbered = number_classes(tree, names, wordnet)
    labels = np.array([numbered.indices[image.split("/", 1)[0]] for image in names], dtype=np.int64)
    found = labelled_files(
        tree,
        names,
        labels,
        name=name,
        split=split,
        classes=numbered.classes,
        preprocessing=preprocessing,
        workers=workers,
        advice=advice,
    )
    return replace(
        found,
        fingerprint=numbered.told_apart(found.fingerprint),
        notes=(*_notes(tree, names, wordnet), *numbered.notes),
        class_names=wordnet.written_names if wordnet else lambda: tuple(numbered.indices),
    )
