"""Training-time augmentations, one method a file, on one mixing rule."""

from robustsweep.augmentations import baseline, choice
from robustsweep.augmentations.erasing import cutout, dropblock
from robustsweep.augmentations.method import METHODS, Method, build_method, parameters_of
from robustsweep.augmentations.mixes import (
    comixup,
    cutmix,
    fmix,
    manifold_mixup,
    mixup,
    puzzlemix,
    resizemix,
    sage,
    saliencymix,
    smoothmix_c,
    smoothmix_s,
    snapmix,
    soft_cutout,
)
from robustsweep.augmentations.policies import augmix, autoaugment

__all__ = [
    "METHODS",
    "Method",
    "augmix",
    "autoaugment",
    "baseline",
    "build_method",
    "choice",
    "comixup",
    "cutmix",
    "cutout",
    "dropblock",
    "fmix",
    "manifold_mixup",
    "mixup",
    "parameters_of",
    "puzzlemix",
    "resizemix",
    "sage",
    "saliencymix",
    "smoothmix_c",
    "smoothmix_s",
    "snapmix",
    "soft_cutout",
]
