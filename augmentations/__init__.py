"""Training-time augmentations, one method a file, on one mixing rule."""

from robustsweep.augmentations import (
    augmix,
    autoaugment,
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
    "augmix",
    "autoaugment",
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
