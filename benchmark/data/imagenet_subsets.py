"""Trees whose classes are some of ImageNet's: natural shifts, and clean images of the same classes."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.files.pixels import Preprocessing
from robustsweep.benchmark.data.files.trees import FileTree, open_tree
from robustsweep.benchmark.data.files.unread import is_image
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, WordnetClasses
from robustsweep.benchmark.data.folders import class_folders
from robustsweep.benchmark.data.network_outputs import NetworkOutputs
from robustsweep.errors import DataError
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS


def open_natural_shift(path: Path, shift: str, *, name: str, preprocessing: Preprocessing, workers: int) -> Dataset:
    """Open a folder or archive of class folders that are wnids of ImageNet, or numbers as ImageNetV2 has them.

    A number is the class's place among ImageNet's sorted wnids: folder 10 is class 10, however the names sort as text.
    Outputs of a network for classes that have no folder are dropped, see ``NetworkOutputs``.

    Args:
        path: Folder or archive of ``CLASS/IMAGE``.
        shift: A name of ``NATURAL_SHIFTS``.
        name: The data set's name.
        preprocessing: Applied to every image.
        workers: Threads that decode.

    Raises:
        DataError: If there are no images, or a folder is not a class of ImageNet.
    """
    tree = open_tree(path).without_wrapper()
    classes = subset_classes(tree)
    opened = class_folders(tree, name=name, split="test", preprocessing=preprocessing, wordnet=classes, workers=workers)
    published = NATURAL_SHIFTS[shift].classes
    notes = () if len(classes) == published else (_other_number(name, len(classes), published),)
    return replace(restricted(opened, classes.wnids), shift=shift, notes=(*opened.notes, *notes))


def _other_number(name: str, found: int, published: int) -> str:
    return (
        f"{name} has {found} of the {published} classes as published; networks choose among these alone, which makes "
        "errors incomparable with published ones."
    )


def subset_classes(tree: FileTree) -> WordnetClasses:
    """Return the classes of ImageNet whose folders a tree has.

    Raises:
        DataError: If it has no class folder, one is not a class of ImageNet, or two are the same class.
    """
    folders = sorted({name.split("/", 1)[0] for name in tree.names if "/" in name and is_image(name)})
    if not folders:
        raise DataError(f"{tree.root} holds no images as CLASS/IMAGE.")
    if all(folder.isascii() and folder.isdigit() for folder in folders):
        return _numbered(tree, folders)
    IMAGENET_1K.indices(tuple(folders), tree.root)
    return WordnetClasses(IMAGENET_1K.name, tuple(folders))


def _numbered(tree: FileTree, folders: Sequence[str]) -> WordnetClasses:
    """Read folders that are numbers of ImageNet's classes, in the order of the numbers."""
    most = len(IMAGENET_1K) - 1
    by_number: dict[int, str] = {}
    for folder in folders:
        # Python refuses to read 5 000 digits.
        digits = folder.lstrip("0") or "0"
        if len(digits) > len(str(most)) or int(digits) > most:
            raise DataError(
                f"{tree.root}: the class folder {folder[:40]!r} is not a number of ImageNet's, 0 to {most}."
            )
        if int(digits) in by_number:
            raise DataError(f"{tree.root}: the folders {by_number[int(digits)]!r} and {folder!r} are the same class.")
        by_number[int(digits)] = folder
    numbers = sorted(by_number)
    wnids = tuple(IMAGENET_1K.wnids[number] for number in numbers)
    return WordnetClasses(IMAGENET_1K.name, wnids, tuple(by_number[number] for number in numbers))


def classes_of(path: Path) -> WordnetClasses:
    """Return the classes of ImageNet whose folders, wnids or numbers, a folder or archive has.

    Raises:
        DataError: As ``subset_classes``, or if the path cannot be opened.
    """
    return subset_classes(open_tree(path).without_wrapper())


def tree_of_classes(tree: FileTree, wnids: Sequence[str]) -> FileTree:
    """Keep the class folders of some wnids.

    Raises:
        DataError: If one of them has no images.
    """
    kept = set(wnids)
    if missing := sorted(kept - set(tree.folders())):
        raise DataError(
            f"{tree.root} lacks {len(missing)} of the {len(kept)} classes of classes=, the first {missing[0]}; it must "
            "hold all of them."
        )
    sizes = {name: size for name, size in tree.sizes.items() if name.split("/", 1)[0] in kept}
    listed = hashlib.sha256("\n".join(sorted(kept)).encode()).hexdigest()
    empty = tuple(name for name in tree.empty if name.split("/", 1)[0] in kept)
    return FileTree(tree.root, sizes, tree.read, f"{tree.stamp}|classes {listed}", empty)


def restricted(data: Dataset, wnids: tuple[str, ...]) -> Dataset:
    """Say that a network's other outputs are dropped, where the data set's classes are not all of ImageNet's.

    Args:
        data: Its labels count in ``wnids``.
        wnids: Its classes, in their order.
    """
    if wnids == IMAGENET_1K.wnids:
        return replace(data, wnids=wnids)
    place = {wnid: index for index, wnid in enumerate(IMAGENET_1K.wnids)}
    outputs = NetworkOutputs(len(IMAGENET_1K), tuple(place[wnid] for wnid in wnids))
    # The same files, read without this, give other numbers.
    fingerprint = hashlib.sha256("\0".join([data.fingerprint, "of ImageNet", *wnids]).encode()).hexdigest()
    return replace(data, outputs=outputs, wnids=wnids, fingerprint=fingerprint)
