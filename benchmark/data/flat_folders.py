"""A flat folder of images with their classes in a text file, shown to the rest as one folder per class."""

import hashlib
from pathlib import Path

from robustsweep.benchmark.data.files.label_files import read_labels
from robustsweep.benchmark.data.files.trees import FileTree, open_tree
from robustsweep.benchmark.data.files.unread import is_image, looks_like_image
from robustsweep.benchmark.data.files.wordnet import WordnetClasses
from robustsweep.errors import DataError


def labelled_tree(path: Path, labels: Path, split: str | None, wordnet: WordnetClasses) -> tuple[FileTree, str]:
    """Return a tree of ``WNID/FILE`` of images whose classes a text file gives, see ``read_labels``; and its split.

    Args:
        path: Folder or archive of images, at any depth.
        labels: The text file.
        split: The folder that holds the images; None: all of them.
        wordnet: The classes.

    Raises:
        DataError: If there are no images, two have one name, or the text file does not give their classes.
    """
    tree = open_tree(path)
    if split is not None:
        tree = tree.without_wrapper(keep=(split,)).below(split)
    place_of: dict[str, str] = {}
    for place in filter(is_image, tree.names):
        file = place.rsplit("/", 1)[-1]
        if file in place_of:
            raise DataError(
                f"{path} holds {place_of[file]} and {place}, which labels= does not distinguish; rename one."
            )
        place_of[file] = place
    if not place_of:
        raise DataError(f"{path} holds no images{f' in {split}' if split else ''}.")
    wnids = read_labels(labels, list(place_of), wordnet)
    by_class = {f"{wnid}/{file}": place_of[file] for file, wnid in wnids.items()}
    unread = {name: name for name in tree.names if looks_like_image(name) and not is_image(name)}
    shown = dict(sorted((by_class | unread).items()))
    digest = hashlib.sha256("\n".join(by_class).encode()).hexdigest()
    shown_as = FileTree(
        root=tree.root,
        sizes={image: tree.sizes[place] for image, place in shown.items()},
        read=lambda image: tree.read(by_class[image]),
        stamp=f"{tree.stamp}|labels {digest}",
    )
    return shown_as, split or "all"
