"""A flat folder of images with their classes in a text file, shown to the rest as one folder per class."""

import hashlib
from pathlib import Path

from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.files.label_files import read_labels
from robustsweep.benchmark.data.files.pixels import Preprocessing
from robustsweep.benchmark.data.files.trees import FileTree, open_tree
from robustsweep.benchmark.data.files.unread import is_image, looks_like_image
from robustsweep.benchmark.data.files.wordnet import WordnetClasses
from robustsweep.benchmark.data.folders import class_folders
from robustsweep.errors import DataError


def open_labelled(
    path: Path,
    labels: Path,
    *,
    name: str,
    split: str | None,
    preprocessing: Preprocessing,
    wordnet: WordnetClasses,
    workers: int,
) -> Dataset:
    """Open images whose classes a text file gives, see ``read_labels``; an image's id is the hash of ``WNID/FILE``.

    Args:
        path: Folder or archive of images, at any depth.
        labels: The text file.
        name: The data set's name.
        split: The folder that holds the images; None: all of them.
        preprocessing: Applied to every image.
        wordnet: The classes.
        workers: Threads that decode.

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
            raise DataError(f"{path} holds {place_of[file]} and {place}, which labels= cannot tell apart; rename one.")
        place_of[file] = place
    if not place_of:
        raise DataError(f"{path} holds no images{f' in {split}' if split else ''}.")
    wnids = read_labels(labels, list(place_of), wordnet)
    by_class = {f"{wnid}/{file}": place_of[file] for file, wnid in wnids.items()}
    unread = {name: name for name in tree.names if looks_like_image(name) and not is_image(name)}
    shown = dict(sorted((by_class | unread).items()))
    digest = hashlib.sha256("\n".join(by_class).encode()).hexdigest()
    return class_folders(
        FileTree(
            root=tree.root,
            sizes={image: tree.sizes[place] for image, place in shown.items()},
            read=lambda image: tree.read(by_class[image]),
            stamp=f"{tree.stamp}|labels {digest}",
        ),
        name=name,
        split=split or "all",
        preprocessing=preprocessing,
        wordnet=wordnet,
        workers=workers,
        advice="add resize= and crop= to the data spec",
    )
