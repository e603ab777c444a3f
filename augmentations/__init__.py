"""Training-time augmentations, one method a file, on one mixing rule."""

from robustsweep.augmentations import baseline, chain, choice, label_smoothing
from robustsweep.augmentations.erasing import cutout, dropblock, gridmask, random_erasing
from robustsweep.augmentations.method import METHODS, Method, build_method, parameters_of
from robustsweep.augmentations.mixes import (
    cutmix,
    fmix,
    manifold_mixup,
    mixup,
    regmixup,
    resizemix,
    smoothmix_c,
    smoothmix_s,
    soft_cutout,
)
from robustsweep.augmentations.mixes.saliency import comixup, puzzlemix, sage, saliencymix, snapmix
from robustsweep.augmentations.policies import augmix, autoaugment, fast_autoaugment, randaugment, trivialaugment
from robustsweep.augmentations.textures import ipmix, noise, pixmix, prime

__all__ = [
    "METHODS",
    "Method",
    "augmix",
    "autoaugment",
    "baseline",
    "build_method",
    "chain",
    "choice",
    "comixup",
    "cutmix",
    "cutout",
    "dropblock",
    "fast_autoaugment",
    "fmix",
    "gridmask",
    "ipmix",
    "label_smoothing",
    "manifold_mixup",
    "mixup",
    "noise",
    "parameters_of",
    "pixmix",
    "prime",
    "puzzlemix",
    "randaugment",
    "random_erasing",
    "regmixup",
    "resizemix",
    "sage",
    "saliencymix",
    "smoothmix_c",
    "smoothmix_s",
    "snapmix",
    "soft_cutout",
    "trivialaugment",
]
