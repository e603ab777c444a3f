"""Training-time augmentations, one method a file, on one mixing rule."""

from robustsweep.augmentations import (
    baseline,
    comixup,
    cutmix,
    cutout,
    dropblock,
    manifold_mixup,
    mixup,
    puzzlemix,
    sage,
    smoothmix_c,
    smoothmix_s,
    snapmix,
)
from robustsweep.augmentations.method import METHODS, Method, build_method

__all__ = [
    "METHODS",
    "Method",
    "baseline",
    "build_method",
    "comixup",
    "cutmix",
    "cutout",
    "dropblock",
    "manifold_mixup",
    "mixup",
    "puzzlemix",
    "sage",
    "smoothmix_c",
    "smoothmix_s",
    "snapmix",
]
