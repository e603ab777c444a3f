"""Training-time augmentations, one method a file, on one mixing rule."""

from robustsweep.augmentations import (
    baseline,
    choice,
    cutmix,
    cutout,
    fmix,
    mixup,
    resizemix,
    saliencymix,
    smoothmix_c,
    smoothmix_s,
    soft_cutout,
)
from robustsweep.augmentations.method import METHODS, Method, build_method

__all__ = [
    "METHODS",
    "Method",
    "baseline",
    "build_method",
    "choice",
    "cutmix",
    "cutout",
    "fmix",
    "mixup",
    "resizemix",
    "saliencymix",
    "smoothmix_c",
    "smoothmix_s",
    "soft_cutout",
]
