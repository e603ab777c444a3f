"""Names of training-time augmentations as their papers write them, and groups of what they do."""

from collections.abc import Iterable

GROUPS = ("erase", "mix", "mix by saliency", "policy", "texture and noise", "loss", "of several methods")
"""The groups of methods in the order of lists; a method of none, such as the baseline, comes first."""

_METHODS = {
    "augmix": ("AugMix", "policy"),
    "autoaugment": ("AutoAugment", "policy"),
    "chain": ("chain", "of several methods"),
    "choice": ("choice", "of several methods"),
    "comixup": ("Co-Mixup", "mix by saliency"),
    "cutmix": ("CutMix", "mix"),
    "cutout": ("Cutout", "erase"),
    "dropblock": ("DropBlock", "erase"),
    "fast_autoaugment": ("Fast AutoAugment", "policy"),
    "fmix": ("FMix", "mix"),
    "gridmask": ("GridMask", "erase"),
    "ipmix": ("IPMix", "texture and noise"),
    "label_smoothing": ("label smoothing", "loss"),
    "manifold_mixup": ("Manifold Mixup", "mix"),
    "mixup": ("Mixup", "mix"),
    "noise": ("noise", "texture and noise"),
    "pixmix": ("PixMix", "texture and noise"),
    "prime": ("PRIME", "texture and noise"),
    "puzzlemix": ("Puzzle Mix", "mix by saliency"),
    "randaugment": ("RandAugment", "policy"),
    "random_erasing": ("Random Erasing", "erase"),
    "randommix": ("RandoMix", "mix"),
    "regmixup": ("RegMixup", "mix"),
    "resizemix": ("ResizeMix", "mix"),
    "sage": ("SAGE", "mix by saliency"),
    "saliencymix": ("SaliencyMix", "mix by saliency"),
    "smoothmix_c": ("SmoothMix-C", "mix"),
    "smoothmix_s": ("SmoothMix-S", "mix"),
    "snapmix": ("SnapMix", "mix by saliency"),
    "soft_cutout": ("soft Cutout", "erase"),
    "trivialaugment": ("TrivialAugment", "policy"),
}


def written_name(method: str) -> str:
    """Return a method's name for people; a code without one, and any other text, stays as it is."""
    return _METHODS.get(method, (method, ""))[0]


def in_groups(methods: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Sort codes of methods into their groups, in the order of lists; the baseline and other codes in a group ""."""
    codes = list(methods)
    groups = [(group, [code for code in codes if _METHODS.get(code, ("", ""))[1] == group]) for group in ("", *GROUPS)]
    return [(group, members) for group, members in groups if members]
