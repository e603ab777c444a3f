"""Specs of published trees of corrupted images."""

from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.corrupted.published import (
    IMAGENET_3DCC_TREE,
    IMAGENET_C,
    IMAGENET_C_BAR_TREE,
    TINY_IMAGENET_C,
    TINY_IMAGENET_C_BAR_TREE,
    PublishedTree,
)
from robustsweep.benchmark.data.corrupted.trees import open_corrupted_tree
from robustsweep.benchmark.data.opening import DATASETS
from robustsweep.benchmark.data.readers.options import allow_keys, clean_images, location_of
from robustsweep.benchmark.spec import Spec


def _open_tree(kind: PublishedTree, spec: Spec, location: str | None, name: str, workers: int) -> OfficialSet:
    allow_keys(spec, "name", "clean")
    path, clean = location_of(spec, location), clean_images(spec, workers)
    return open_corrupted_tree(path, kind, name=spec.options.get("name", name), clean=clean, workers=workers)


@DATASETS.register("imagenet-c")
def _imagenet_c(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """imagenet-c:DIR|ARCHIVE[,name=][,clean=SPEC]: the published tree CORRUPTION/SEVERITY/WNID/IMAGE."""
    return _open_tree(IMAGENET_C, spec, location, "imagenet-c", workers)


@DATASETS.register("tiny-imagenet-c")
def _tiny_imagenet_c(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """tiny-imagenet-c:DIR|ARCHIVE[,name=][,clean=SPEC]: the published tree, or the extra one, of 200 classes."""
    return _open_tree(TINY_IMAGENET_C, spec, location, "tiny-imagenet-c", workers)


@DATASETS.register("imagenet-3dcc")
def _imagenet_3dcc(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """imagenet-3dcc:DIR|ARCHIVE[,name=][,clean=SPEC]: the published tree of the 12 corruptions of ImageNet-3DCC."""
    return _open_tree(IMAGENET_3DCC_TREE, spec, location, "imagenet-3dcc", workers)


@DATASETS.register("imagenet-c-bar")
def _imagenet_c_bar(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """imagenet-c-bar:DIR|ARCHIVE[,name=][,clean=SPEC]: the published tree; raw severities such as 2.35 are known."""
    return _open_tree(IMAGENET_C_BAR_TREE, spec, location, "imagenet-c-bar", workers)


@DATASETS.register("tiny-imagenet-c-bar")
def _tiny_imagenet_c_bar(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """tiny-imagenet-c-bar:DIR|ARCHIVE[,name=][,clean=SPEC]: such a tree that corrupt wrote; none is published."""
    return _open_tree(TINY_IMAGENET_C_BAR_TREE, spec, location, "tiny-imagenet-c-bar", workers)
