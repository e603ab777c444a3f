"""Tiny-ImageNet in its published layout, shown to the rest as one folder per class."""

from collections.abc import Callable, Iterator
from pathlib import Path

from robustsweep.benchmark.data.dataset import Box
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
        raise DataError(f"{tree.root} holds no train/WNID/images/FILE; if WNID holds the files, use imagefolder:.")
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
            f"{tree.root} holds no {_ANNOTATIONS}; expected the published layout. If the validation images lie in "
            "class folders, use imagefolder:."
        )
    wnid_of: dict[str, str] = {}
    for number, line, (file, *rest) in _annotation_lines(tree):
        if not rest or file in wnid_of:
            what = "lists a file twice" if rest else "has no wnid"
            raise DataError(f"{tree.root}: line {number} of {_ANNOTATIONS} {what}: {line[:80]!r}.")
        wnid_of[file] = rest[0]
    return wnid_of


def _annotation_lines(tree: FileTree) -> Iterator[tuple[int, str, list[str]]]:
    """Yield each line that is not empty: its number, itself, and what stands between its tabs."""
    for number, line in enumerate(tree.read(_ANNOTATIONS).decode(errors="replace").splitlines(), start=1):
        parts = line.split("\t")
        if parts[0].strip() or len(parts) > 1:
            yield number, line, parts


def tiny_imagenet_boxes(path: Path) -> dict[str, Box]:
    """Read the objects' boxes of the validation images: the last four columns of the annotations.

    The files have 64 pixels a side and columns and rows from 0 to 63, so that both ends of a box belong to it.

    Args:
        path: As in ``tiny_imagenet_tree``.

    Returns:
        By ``WNID/FILE``; images without a box are left out.

    Raises:
        DataError: If a box is not four whole numbers in order.
    """
    tree, boxes = open_tree(path).without_wrapper(keep=SPLITS), {}
    for number, line, (file, *rest) in _annotation_lines(tree):
        if len(rest) < 2:
            continue
        numbers = [int(one) if one.strip().isdecimal() and len(one) < 9 else -1 for one in rest[1:]]
        if len(numbers) != 4 or min(numbers) < 0 or numbers[0] > numbers[2] or numbers[1] > numbers[3]:
            raise DataError(
                f"{tree.root}: line {number} of {_ANNOTATIONS} has no box (left, top, right, bottom): {line[:80]!r}."
            )
        left, top, right, bottom = numbers
        boxes[f"{rest[0]}/{file}"] = (left, top, right, bottom)
    return boxes


_LAYOUTS: dict[str, Callable[[FileTree], dict[str, str]]] = {"train": _training_files, "val": _validation_files}
