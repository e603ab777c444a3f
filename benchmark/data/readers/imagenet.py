"""Specs of ImageNet, of subsets of its classes, and of natural shifts."""

from collections.abc import Callable
from pathlib import Path

from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.files.pixels import Preprocessing
from robustsweep.benchmark.data.files.trees import open_tree
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, WordnetClasses
from robustsweep.benchmark.data.flat_folders import labelled_tree
from robustsweep.benchmark.data.folders import choose_split, class_folders
from robustsweep.benchmark.data.imagenet_subsets import classes_of, open_natural_shift, restricted, tree_of_classes
from robustsweep.benchmark.data.opening import DATASETS
from robustsweep.benchmark.data.readers.options import allow_keys, location_of, preprocessing_of, split_of
from robustsweep.benchmark.spec import Spec
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS

_IMAGENET = Preprocessing(resize=256, crop=224)


@DATASETS.register("imagenet")
def _imagenet(spec: Spec, location: str | None, workers: int) -> Dataset:
    """imagenet:DIR|ARCHIVE[,split=][,labels=FILE][,classes=DIR][,resize=,crop=]: [SPLIT/]WNID/IMAGE; classes of DIR."""
    allow_keys(spec, "split", "name", "resize", "crop", "labels", "classes")
    path, labels = location_of(spec, location), spec.options.get("labels")
    wanted = split_of(spec, "train", "val", "test")
    if labels is None:
        tree, split = choose_split(open_tree(path), wanted)
    else:
        tree, split = labelled_tree(path, Path(labels).expanduser(), wanted, IMAGENET_1K)
    subset = spec.options.get("classes")
    classes = IMAGENET_1K if subset is None else classes_of(Path(subset).expanduser())
    opened = class_folders(
        tree if subset is None else tree_of_classes(tree, classes.wnids),
        name=spec.options.get("name", "imagenet"),
        split=split,
        preprocessing=preprocessing_of(spec, _IMAGENET),
        wordnet=WordnetClasses(IMAGENET_1K.name, classes.wnids),
        workers=workers,
    )
    return restricted(opened, classes.wnids) if len(set(opened.labels.tolist())) == len(classes) else opened


def _natural_shift(shift: str) -> Callable[[Spec, str | None, int], Dataset]:
    def opener(spec: Spec, location: str | None, workers: int) -> Dataset:
        allow_keys(spec, "name", "resize", "crop")
        return open_natural_shift(
            location_of(spec, location),
            shift,
            name=spec.options.get("name", shift),
            preprocessing=preprocessing_of(spec, _IMAGENET),
            workers=workers,
        )

    about = NATURAL_SHIFTS[shift]
    opener.__doc__ = (
        f"{shift}:DIR|ARCHIVE[,name=][,resize=256,crop=224]: {about.title}, {about.what}; of a network's outputs those "
        "of its classes count."
    )
    return opener


for _shift in NATURAL_SHIFTS:
    DATASETS.add(_shift, _natural_shift(_shift))
