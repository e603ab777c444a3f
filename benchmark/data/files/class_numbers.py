"""Class indices of class folders."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from robustsweep.benchmark.data.files.trees import FileTree
from robustsweep.benchmark.data.files.unread import unread_note
from robustsweep.benchmark.data.files.wordnet import WordnetClasses
from robustsweep.errors import DataError

_BY_NUMBER = (
    "Class folders are named by numbers and counted in the order of the numbers (2 before 10), not of the text, as "
    "torchvision's ImageFolder has it."
)


@dataclass(frozen=True, slots=True)
class ClassNumbers:
    """The classes of a tree of ``CLASS/IMAGE``.

    Attributes:
        indices: Class index by folder; without other classes in the order of the indices.
        classes: Number of classes that the indices count in.
        is_by_number: Whether they follow numbers, in an order other than that of the text.
    """

    indices: Mapping[str, int]
    classes: int
    is_by_number: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong beside every result."""
        return (_BY_NUMBER,) if self.is_by_number else ()

    def told_apart(self, fingerprint: str) -> str:
        """Return a fingerprint of the contents, of its own if the same files would have other labels as text."""
        return hashlib.sha256(f"{fingerprint}\0by number".encode()).hexdigest() if self.is_by_number else fingerprint


def number_classes(tree: FileTree, images: Sequence[str], wordnet: WordnetClasses | None) -> ClassNumbers:
    """Number the class folders: in the order of their names, or of their numbers if all are integers.

    Args:
        tree: The files.
        images: Which of them are images, as ``CLASS/IMAGE``.
        wordnet: The classes that the folders are some of; None: the folders are all the classes.

    Raises:
        DataError: If a folder holds no image, or is none of the classes.
    """
    folders = sorted({image.split("/", 1)[0] for image in images})
    _refuse_without_images(tree, folders)
    if wordnet is not None:
        return ClassNumbers(wordnet.indices(tuple(folders), tree.root), len(wordnet))
    ordered = folders
    if all(folder.isascii() and folder.isdigit() for folder in folders):
        # The length is part of the number's order, and Python refuses to read 5 000 digits.
        ordered = sorted(folders, key=lambda folder: (len(folder.lstrip("0")), folder.lstrip("0"), folder))
    indices = {folder: index for index, folder in enumerate(ordered)}
    return ClassNumbers(indices, len(folders), is_by_number=ordered != folders)


def _refuse_without_images(tree: FileTree, folders: Sequence[str]) -> None:
    empty = {name.split("/", 1)[0] for name in tree.empty}
    lacking = sorted({*tree.folders(), *empty} - set(folders))
    if lacking:
        inside = [name for name in tree.names if name.startswith(f"{lacking[0]}/")]
        what = unread_note(inside, "in it") or "It is empty."
        more = f" ({len(lacking)} such folders)" if len(lacking) > 1 else ""
        raise DataError(
            f"{tree.root}: the class folder {lacking[0]!r} holds no image that is read{more}. {what} Convert its "
            "images, or remove the folder."
        )
