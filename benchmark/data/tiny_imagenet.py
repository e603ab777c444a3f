"""Tiny-ImageNet in its published layout, shown to the rest as one folder per class."""

from collections.abc import Callable
from pathlib import Path

from robustsweep.benchmark.data.files.pixels import IMAGE_SUFFIXES
from robustsweep.benchmark.data.files.trees import FileTree, open_tree, select
from robustsweep.benchmark.data.folders import SPLITS
from robustsweep.errors import DataError

_ANNOTATIONS = "val/val_annotations.txt"


def tiny_imagenet_tree(path: Path, split: str) -> FileTree:
    """Return a tree of ``WNID/FILE`` of ``val/val_annotations.txt`` and ``val/images``, or of ``train/WNID/images``.

    A class index is the position of the wnid among the 200 sorted ones: as torchvision's ImageFolder numbers them, not
    as ``wnids.txt`` lists them. An image's id is the hash of ``WNID/FILE`` in both splits. The images of ``test`` have
    no published labels.

    Source: cs231n.stanford.edu/tiny-imagenet-200.zip.

    Args:
        path: Folder or archive; a single folder that wraps everything is skipped.
        split: ``"train"`` or ``"val"``.

    Raises:
        DataError: If files are missing, or the annotations do not fit the images.
    """
    tree = open_tree(path).without_wrapper(keep=SPLITS)
    by_class = _LAYOUTS[split](tree)
    return FileTree(
        root=tree.root,
        sizes={image: tree.sizes[file] for image, file in sorted(by_class.items())},
        read=lambda image: tree.read(by_class[image]),
        stamp=f"{tree.stamp}|tiny-imagenet {split}",
    )


def _training_files(tree: FileTree) -> dict[str, str]:
    """Map ``WNID/FILE`` to where the training image lies."""
    parted = {name: name.split("/") for name in tree.below("train").names}
    found = {
        f"{parts[0]}/{parts[2]}": f"train/{name}"
        for name, parts in parted.items()
        if len(parts) == 3 and parts[1] == "images"
    }
    if not found:
        raise DataError(f"{tree.root} holds no train/WNID/images/FILE; where WNID holds the files, use imagefolder:.")
    return found


def _validation_files(tree: FileTree) -> dict[str, str]:
    """Map ``WNID/FILE`` to where the validation image lies."""
    images = {file: f"val/images/{file}" for file in select(tree.below("val/images").names, IMAGE_SUFFIXES)}
    wnid_of = _read_annotations(tree)
    for file in wnid_of:
        if file not in images:
            raise DataError(f"{tree.root} lacks val/images/{file}, which {_ANNOTATIONS} lists; fetch it again.")
    for file in images:
        if file not in wnid_of:
            raise DataError(f"{tree.root} holds val/images/{file}, which {_ANNOTATIONS} does not list.")
    return {f"{wnid}/{file}": images[file] for file, wnid in wnid_of.items()}


def _read_annotations(tree: FileTree) -> dict[str, str]:
    """Return the wnid of each validation file."""
    if _ANNOTATIONS not in tree.sizes:
        raise DataError(
            f"{tree.root} holds no {_ANNOTATIONS}; expected the published layout. Where the validation images lie in "
            "class folders, use imagefolder:."
        )
    wnid_of: dict[str, str] = {}
    for number, line in enumerate(tree.read(_ANNOTATIONS).decode(errors="replace").splitlines(), start=1):
        file, *rest = line.split("\t")
        if not file.strip() and not rest:
            continue
        if not rest or file in wnid_of:
            what = "lists a file twice" if rest else "has no wnid"
            raise DataError(f"{tree.root}: line {number} of {_ANNOTATIONS} {what}: {line[:80]!r}.")
        wnid_of[file] = rest[0]
    return wnid_of


_LAYOUTS: dict[str, Callable[[FileTree], dict[str, str]]] = {"train": _training_files, "val": _validation_files}
