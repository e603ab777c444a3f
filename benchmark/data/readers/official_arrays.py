"""Specs of published arrays of corrupted images and of sequences."""

from robustsweep.benchmark.data.corrupted.arrays import open_cifar_c
from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.corrupted.sequence_arrays import open_cifar_p
from robustsweep.benchmark.data.opening import DATASETS
from robustsweep.benchmark.data.readers.options import allow_keys, clean_images, location_of
from robustsweep.benchmark.spec import Spec
from robustsweep.corruptions import CIFAR_C_BAR
from robustsweep.errors import UsageError


def _open_arrays(spec: Spec, location: str | None, workers: int, classes: int, only: tuple[str, ...]) -> OfficialSet:
    allow_keys(spec, "name", "clean")
    name = spec.options.get("name", spec.target.partition(":")[0])
    return open_cifar_c(
        location_of(spec, location), name=name, classes=classes, clean=clean_images(spec, workers), only=only
    )


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
    allow_keys(spec, "name", "clean")
    clean = clean_images(spec, workers)
    if clean is None:
        raise UsageError(f"Data spec {spec.text!r} needs clean=SPEC, the test images: the arrays hold no labels.")
    name = spec.options.get("name", spec.target.partition(":")[0])
    return open_cifar_p(location_of(spec, location), name=name, classes=classes, clean=clean)


@DATASETS.register("cifar10-p")
def _cifar10_p(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """cifar10-p:DIR[,name=],clean=SPEC: the published arrays of sequences; clean= has their labels."""
    return _open_sequences(spec, location, workers, 10)


@DATASETS.register("cifar100-p")
def _cifar100_p(spec: Spec, location: str | None, workers: int) -> OfficialSet:
    """cifar100-p:DIR[,name=],clean=SPEC: the published arrays of sequences; clean= has their labels."""
    return _open_sequences(spec, location, workers, 100)
