"""Data specs: from ``imagefolder:photos.tar,split=test,name=mine`` to an opened data set."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from robustsweep.benchmark.data.cifar import open_cifar
from robustsweep.benchmark.data.corrupted.arrays import open_cifar_c
from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.corrupted.published import (
    IMAGENET_3DCC_TREE,
    IMAGENET_C,
    IMAGENET_C_BAR_TREE,
    TINY_IMAGENET_C,
    TINY_IMAGENET_C_BAR_TREE,
    PublishedTree,
)
from robustsweep.benchmark.data.corrupted.sequence_arrays import open_cifar_p
from robustsweep.benchmark.data.corrupted.trees import open_corrupted_tree
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.digits import open_digits
from robustsweep.benchmark.data.files.pixels import Preprocessing
from robustsweep.benchmark.data.files.trees import open_tree
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, TINY_IMAGENET, WordnetClasses
from robustsweep.benchmark.data.flat_folders import labelled_tree
from robustsweep.benchmark.data.folders import choose_split, class_folders
from robustsweep.benchmark.data.imagenet_subsets import classes_of, open_natural_shift, restricted, tree_of_classes
from robustsweep.benchmark.data.npz import open_npz
from robustsweep.benchmark.data.photos import Photos, Upright, open_photos
from robustsweep.benchmark.data.tiny_imagenet import tiny_imagenet_boxes, tiny_imagenet_tree
from robustsweep.benchmark.spec import Spec, parse_spec, positive_int
from robustsweep.corruptions import CIFAR_C_BAR
from robustsweep.errors import UsageError
from robustsweep.registry import Registry
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS

_KEYS = ("split", "name", "resize", "crop", "clean", "download", "classes", "labels")
_IMAGENET = Preprocessing(resize=256, crop=224)

Opened = Dataset | OfficialSet
DATASETS: Registry[Callable[[Spec, str | None, int], Opened]] = Registry("dataset", Callable)
"""Openers by scheme: (spec, location, workers) -> opened set. The docstring's first line describes the spec."""


def open_data(text: str, *, workers: int = 4, photos: bool = False) -> Opened:
    """Open the data that a spec names.

    Args:
        text: ``SCHEME[:LOCATION][,key=value,...]``, see ``robustsweep list datasets``.
        workers: Threads that decode image files.
        photos: Whether photos of any sizes and without classes will do.

    Raises:
        UsageError: If the spec cannot be understood, or names photos where classes are needed.
        DataError: If the data are missing or malformed.
    """
    spec = parse_spec(text, noun="data", keys=_KEYS, open_ended="clean")
    scheme, _, location = spec.target.partition(":")
    if scheme not in DATASETS and Path(spec.target).expanduser().exists():
        raise UsageError(f"Data spec {text!r} is a path alone; say what it is, such as imagefolder:{spec.target}.")
    opener = DATASETS[scheme]
    with DATASETS.using(scheme):
        opened = opener(spec, location or None, workers)
    if not isinstance(opened, Dataset | OfficialSet):
        raise DATASETS.refuse(scheme, f"returned {opened!r:.200}, expected a Dataset or an OfficialSet")
    if isinstance(opened, Photos) and not photos:
        raise UsageError(
            f"Data spec {text!r}: photos have no classes and several sizes, so that robustsweep corrupt alone takes "
            "them; sort them into a folder per class and name imagefolder:DIR,resize=,crop=."
        )
    return opened


def _only(spec: Spec, *allowed: str) -> None:
    for key in spec.options:
        if key not in allowed:
            raise UsageError(f"Data spec {spec.text!r}: {key}= has no meaning here; allowed: {', '.join(allowed)}.")


def _location(spec: Spec, location: str | None, noun: str = "a folder or an archive") -> Path:
    if location is None:
        raise UsageError(f"Data spec {spec.text!r} needs {noun}: {spec.target.rstrip(':')}:PATH.")
    return Path(location).expanduser()


def _split(spec: Spec, *allowed: str) -> str | None:
    split = spec.options.get("split")
    if split is not None and split not in allowed:
        raise UsageError(f"Data spec {spec.text!r}: split must be {' or '.join(allowed)}, got {split!r}.")
    return split


def _clean(spec: Spec, workers: int) -> Dataset | None:
    if "clean" not in spec.options:
        return None
    clean = open_data(spec.options["clean"], workers=workers)
    if not isinstance(clean, Dataset):
        raise UsageError(f"Data spec {spec.text!r}: clean= must name clean images, not a corrupted set.")
    return clean


@DATASETS.register("digits")
def _digits(spec: Spec, location: str | None, workers: int) -> Dataset:
    """digits[,split=train|test]: scikit-learn's handwritten digits, 8x8 grey to 32x32; nothing to fetch."""
    del workers
    _only(spec, "split")
    if location is not None:
        raise UsageError(f"Data spec {spec.text!r}: digits come with scikit-learn and take no location.")
    return open_digits(_split(spec, "train", "test") or "test")


def _open_cifar(kind: str, spec: Spec, location: str | None) -> Dataset:
    _only(spec, "split", "download")
    download = spec.options.get("download", "no")
    if download not in ("yes", "no"):
        raise UsageError(f"Data spec {spec.text!r}: download must be yes or no, got {download!r}.")
    return open_cifar(kind, location, _split(spec, "train", "test") or "test", download == "yes")


@DATASETS.register("cifar10")
def _cifar10(spec: Spec, location: str | None, workers: int) -> Dataset:
    """cifar10[:DIR|ARCHIVE][,split=train|test][,download=yes]: the published python pickles."""
    del workers
    return _open_cifar("cifar10", spec, location)


@DATASETS.register("cifar100")
def _cifar100(spec: Spec, location: str | None, workers: int) -> Dataset:
    """cifar100[:DIR|ARCHIVE][,split=train|test][,download=yes]: the published python pickles, fine labels."""
    del workers
    return _open_cifar("cifar100", spec, location)


def _preprocessing(spec: Spec, default: Preprocessing) -> Preprocessing:
    sizes = {key: positive_int(spec.options[key], f"{key}=") for key in ("resize", "crop") if key in spec.options}
    return Preprocessing(**sizes) if sizes else default


@DATASETS.register("imagefolder")
def _imagefolder(spec: Spec, location: str | None, workers: int) -> Dataset:
    """imagefolder:DIR|ARCHIVE[,split=][,name=][,resize=,crop=]: files as [SPLIT/]CLASS/IMAGE."""
    _only(spec, "split", "name", "resize", "crop")
    path = _location(spec, location)
    tree, split = choose_split(open_tree(path), _split(spec, "train", "val", "test"))
    return class_folders(
        tree,
        name=spec.options.get("name", path.resolve().name.split(".")[0] or "imagefolder"),
        split=split,
        preprocessing=_preprocessing(spec, Preprocessing()),
        wordnet=None,
        workers=workers,
    )


@DATASETS.register("photos")
def _photos(spec: Spec, location: str | None, workers: int) -> Photos:
    """photos:DIR|ARCHIVE[,name=][,resize=,crop=]: images of any sizes and without classes; corrupt alone takes them."""
    _only(spec, "name", "resize", "crop")
    path = _location(spec, location)
    chosen = _preprocessing(spec, Preprocessing())
    return open_photos(
        path,
        name=spec.options.get("name", path.resolve().name.split(".")[0] or "photos"),
        preprocessing=Upright(chosen.resize, chosen.crop),
        workers=workers,
    )


@DATASETS.register("imagenet")
def _imagenet(spec: Spec, location: str | None, workers: int) -> Dataset:
    """imagenet:DIR|ARCHIVE[,split=][,labels=FILE][,classes=DIR][,resize=,crop=]: [SPLIT/]WNID/IMAGE; classes of DIR."""
    _only(spec, "split", "name", "resize", "crop", "labels", "classes")
    path, labels = _location(spec, location), spec.options.get("labels")
    wanted = _split(spec, "train", "val", "test")
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
        preprocessing=_preprocessing(spec, _IMAGENET),
        wordnet=WordnetClasses(IMAGENET_1K.name, classes.wnids),
        workers=workers,
    )
    return restricted(opened, classes.wnids) if len(set(opened.labels.tolist())) == len(classes) else opened


def _natural_shift(shift: str) -> Callable[[Spec, str | None, int], Dataset]:
    def opener(spec: Spec, location: str | None, workers: int) -> Dataset:
        _only(spec, "name", "resize", "crop")
        return open_natural_shift(
            _location(spec, location),
            shift,
            name=spec.options.get("name", shift),
            preprocessing=_preprocessing(spec, _IMAGENET),
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


@DATASETS.register("tiny-imagenet")
def _tiny_imagenet(spec: Spec, location: str | None, workers: int) -> Dataset:
    """tiny-imagenet:DIR|ARCHIVE[,split=train|val][,name=]: published layout, 200 classes by sorted wnid."""
    _only(spec, "split", "name")
    split, path = _split(spec, "train", "val") or "val", _location(spec, location)
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


@DATASETS.register("npz")
def _npz(spec: Spec, location: str | None, workers: int) -> Dataset:
    """npz:FILE[,name=][,classes=]: images uint8 (N, H, W, 3), labels (N,), optionally ids int64 (N,)."""
    del workers
    _only(spec, "name", "classes")
    path = _location(spec, location, "an .npz file")
    classes = spec.options.get("classes")
    return open_npz(
        path,
        name=spec.options.get("name", path.stem or "npz"),
        classes=None if classes is None else positive_int(classes, "classes="),
    )


def _open_arrays(spec: Spec, location: str | None, workers: int, classes: int, only: tuple[str, ...]) -> OfficialSet:
    _only(spec, "name", "clean")
    name = spec.options.get("name", spec.target.partition(":")[0])
    return open_cifar_c(_location(spec, location), name=name, classes=classes, clean=_clean(spec, workers), only=only)


@DATASETS.register("cifar10-c")
def _cifar10_c(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """cifar10-c:DIR[,name=][,clean=SPEC]: the published arrays; clean= adds clean error and attacks."""
    return _open_arrays(spec, location, workers, 10, ())


@DATASETS.register("cifar100-c")
def _cifar100_c(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """cifar100-c:DIR[,name=][,clean=SPEC]: the published arrays; clean= adds clean error and attacks."""
    return _open_arrays(spec, location, workers, 100, ())


@DATASETS.register("cifar10-c-bar")
def _cifar10_c_bar(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """cifar10-c-bar:DIR[,name=][,clean=SPEC]: arrays of the ten corruptions of C-bar, laid out as CIFAR-10-C."""
    return _open_arrays(spec, location, workers, 10, CIFAR_C_BAR)


@DATASETS.register("cifar100-c-bar")
def _cifar100_c_bar(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """cifar100-c-bar:DIR[,name=][,clean=SPEC]: the same for CIFAR-100, whose authors publish none."""
    return _open_arrays(spec, location, workers, 100, CIFAR_C_BAR)


def _open_sequences(spec: Spec, location: str | None, workers: int, classes: int) -> OfficialSet:
    _only(spec, "name", "clean")
    clean = _clean(spec, workers)
    if clean is None:
        raise UsageError(f"Data spec {spec.text!r} needs clean=SPEC, the test images: the arrays hold no labels.")
    name = spec.options.get("name", spec.target.partition(":")[0])
    return open_cifar_p(_location(spec, location), name=name, classes=classes, clean=clean)


@DATASETS.register("cifar10-p")
def _cifar10_p(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """cifar10-p:DIR[,name=],clean=SPEC: the published arrays of sequences; clean= has their labels."""
    return _open_sequences(spec, location, workers, 10)


@DATASETS.register("cifar100-p")
def _cifar100_p(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """cifar100-p:DIR[,name=],clean=SPEC: the published arrays of sequences; clean= has their labels."""
    return _open_sequences(spec, location, workers, 100)


def _open_tree(kind: PublishedTree, spec: Spec, location: str | None, name: str, workers: int) -> OfficialSet:
    _only(spec, "name", "clean")
    path, clean = _location(spec, location), _clean(spec, workers)
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
