"""Names of training-time augmentations as their papers write them."""

_NAMES = {
    "augmix": "AugMix",
    "autoaugment": "AutoAugment",
    "comixup": "Co-Mixup",
    "cutmix": "CutMix",
    "cutout": "Cutout",
    "dropblock": "DropBlock",
    "fmix": "FMix",
    "manifold_mixup": "Manifold Mixup",
    "mixup": "Mixup",
    "puzzlemix": "Puzzle Mix",
    "randommix": "RandoMix",
    "resizemix": "ResizeMix",
    "sage": "SAGE",
    "saliencymix": "SaliencyMix",
    "smoothmix_c": "SmoothMix-C",
    "smoothmix_s": "SmoothMix-S",
    "snapmix": "SnapMix",
    "soft_cutout": "soft Cutout",
}


def written_name(method: str) -> str:
    """Return a method's name for people; a code without one, and any other text, stays as it is."""
    return _NAMES.get(method, method)
