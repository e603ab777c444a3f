"""Data specs: from ``imagefolder:photos.tar,split=test,name=mine`` to an opened data set."""

from collections.abc import Callable
from pathlib import Path

from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.photos import Photos
from robustsweep.benchmark.spec import Spec, parse_spec
from robustsweep.errors import UsageError
from robustsweep.registry import Registry

_KEYS = ("split", "name", "resize", "crop", "clean", "download", "classes", "labels", "image", "label")

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
