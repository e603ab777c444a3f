"""Training-time augmentations, one method a file, on one mixing rule."""

from robustsweep.augmentations import baseline, cutmix, cutout, mixup, smoothmix_c, smoothmix_s
from robustsweep.augmentations.method import METHODS, Method, build_method

__all__ = [
    "METHODS",
    "Method",
    "baseline",
    "build_method",
    "cutmix",
    "cutout",
    "mixup",
    "smoothmix_c",
    "smoothmix_s",
]
