"""Specs of image files in folders and archives."""

from dataclasses import replace

from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.files.pixels import Preprocessing
from robustsweep.benchmark.data.files.trees import open_tree
from robustsweep.benchmark.data.files.wordnet import TINY_IMAGENET
from robustsweep.benchmark.data.folders import choose_split, class_folders
from robustsweep.benchmark.data.opening import DATASETS
from robustsweep.benchmark.data.photos import Photos, Upright, open_photos
from robustsweep.benchmark.data.readers.options import allow_keys, location_of, preprocessing_of, split_of
from robustsweep.benchmark.data.tiny_imagenet import tiny_imagenet_boxes, tiny_imagenet_tree
from robustsweep.benchmark.spec import Spec


@DATASETS.register("imagefolder")
def _imagefolder(spec: Spec, location: str | None, workers: int) -> Dataset:
    """imagefolder:DIR|ARCHIVE[,split=][,name=][,resize=,crop=]: files as [SPLIT/]CLASS/IMAGE."""
    allow_keys(spec, "split", "name", "resize", "crop")
    path = location_of(spec, location)
    tree, split = choose_split(open_tree(path), split_of(spec, "train", "val", "test"))
    return class_folders(
        tree,
        name=spec.options.get("name", path.resolve().name.split(".")[0] or "imagefolder"),
        split=split,
        preprocessing=preprocessing_of(spec, Preprocessing()),
        wordnet=None,
        workers=workers,
    )


@DATASETS.register("photos")
def _photos(spec: Spec, location: str | None, workers: int) -> Photos:
    """photos:DIR|ARCHIVE[,name=][,resize=,crop=]: images of any sizes and without classes; corrupt alone takes them."""
    allow_keys(spec, "name", "resize", "crop")
    path = location_of(spec, location)
    chosen = preprocessing_of(spec, Preprocessing())
    return open_photos(
        path,
        name=spec.options.get("name", path.resolve().name.split(".")[0] or "photos"),
        preprocessing=Upright(chosen.resize, chosen.crop),
        workers=workers,
    )


@DATASETS.register("tiny-imagenet")
def _tiny_imagenet(spec: Spec, location: str | None, workers: int) -> Dataset:
    """tiny-imagenet:DIR|ARCHIVE[,split=train|val][,name=]: published layout, 200 classes by sorted wnid."""
    allow_keys(spec, "split", "name")
    split, path = split_of(spec, "train", "val") or "val", location_of(spec, location)
    opened = class_folders(
        tiny_imagenet_tree(path, split),
        name=spec.options.get("name", "tiny-imagenet"),
        split=split,
        preprocessing=Preprocessing(),
        wordnet=TINY_IMAGENET,
        workers=workers,
        advice="published files have one size, so fetch it again",
    )
    return replace(opened, object_boxes=lambda: tiny_imagenet_boxes(path)) if split == "val" else opened
