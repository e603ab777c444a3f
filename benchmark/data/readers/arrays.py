"""Specs of clean images that lie as arrays."""

from robustsweep.benchmark.data.cifar import open_cifar
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.digits import open_digits
from robustsweep.benchmark.data.npz import open_npz
from robustsweep.benchmark.data.opening import DATASETS
from robustsweep.benchmark.data.readers.options import allow_keys, location_of, split_of
from robustsweep.benchmark.spec import Spec, positive_int
from robustsweep.errors import UsageError


@DATASETS.register("digits")
def _digits(spec: Spec, location: str | None, workers: int) -> Dataset:
    """digits[,split=train|test]: scikit-learn's handwritten digits, 8x8 grey to 32x32; nothing to fetch."""
    del workers
    allow_keys(spec, "split")
    if location is not None:
        raise UsageError(f"Data spec {spec.text!r}: digits come with scikit-learn and take no location.")
    return open_digits(split_of(spec, "train", "test") or "test")


def _open_cifar(kind: str, spec: Spec, location: str | None) -> Dataset:
    allow_keys(spec, "split", "download")
    download = spec.options.get("download", "no")
    if download not in ("yes", "no"):
        raise UsageError(f"Data spec {spec.text!r}: download must be yes or no, got {download!r}.")
    return open_cifar(kind, location, split_of(spec, "train", "test") or "test", download == "yes")


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


@DATASETS.register("npz")
def _npz(spec: Spec, location: str | None, workers: int) -> Dataset:
    """npz:FILE[,name=][,classes=]: images uint8 (N, H, W, 3), labels (N,), optionally ids int64 (N,)."""
    del workers
    allow_keys(spec, "name", "classes")
    path = location_of(spec, location, "an .npz file")
    classes = spec.options.get("classes")
    return open_npz(
        path,
        name=spec.options.get("name", path.stem or "npz"),
        classes=None if classes is None else positive_int(classes, "classes="),
    )
