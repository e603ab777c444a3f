"""The corruption benchmarks' names, groups and order, and those of windows, as every table uses them.

Source: Hendrycks & Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations",
section 4; the four extra corruptions are the ones its authors keep for validation, in the groups of their scripts.
C-bar: Mintun, Kirillov & Xie 2021, "On Interaction Between Augmentations and Corruptions in Natural Corruption
Robustness"; they publish no groups, these are ours. ImageNet-3DCC: Kar, Yeo & Zamir, "3D Common Corruptions for Object
Recognition" (2022), with their groups.
"""

from types import MappingProxyType

SEVERITIES = (1, 2, 3, 4, 5)

GROUPS = MappingProxyType(
    {
        "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
        "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
        "weather": ("snow", "frost", "fog", "brightness"),
        "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    }
)
"""The fifteen benchmark corruptions by group, in canonical order."""

EXTRA_GROUPS = MappingProxyType(
    {"noise": ("speckle_noise",), "blur": ("gaussian_blur",), "weather": ("spatter",), "digital": ("saturate",)}
)
"""The four corruptions that stand apart and never enter a mean over the benchmark."""

C_BAR_GROUPS = MappingProxyType(
    {
        "noise": (
            *("blue_noise_sample", "brownish_noise", "perlin_noise", "plasma_noise"),
            *("cocentric_sine_waves", "single_frequency_greyscale"),
        ),
        "blur": ("circular_motion_blur", "transverse_chromatic_abberation"),
        "occlusion": ("checkerboard_cutout", "lines", "sparkles", "inverse_sparkles"),
        "geometry": ("pinch_and_twirl", "ripple", "caustic_refraction"),
    }
)
"""The fifteen of both C-bar, a benchmark of its own, by group."""

_OF_CIFAR_ALONE = (
    *("circular_motion_blur", "transverse_chromatic_abberation", "lines"),
    *("pinch_and_twirl", "ripple"),
)
_OF_IMAGENET_ALONE = (
    *("perlin_noise", "plasma_noise", "cocentric_sine_waves"),
    *("single_frequency_greyscale", "caustic_refraction"),
)
C_BAR_CORRUPTIONS = tuple(name for names in C_BAR_GROUPS.values() for name in names)
C_BAR_SETS = MappingProxyType(
    {
        "CIFAR": tuple(name for name in C_BAR_CORRUPTIONS if name not in _OF_IMAGENET_ALONE),
        "ImageNet": tuple(name for name in C_BAR_CORRUPTIONS if name not in _OF_CIFAR_ALONE),
    }
)
"""The ten of CIFAR-C-bar and the ten of ImageNet-C-bar; five are in both."""

IMAGENET_3DCC_GROUPS = MappingProxyType(
    {
        "depth of field": ("near_focus", "far_focus"),
        "camera motion": ("xy_motion_blur", "z_motion_blur"),
        "lighting": ("flash",),
        "video": ("h265_crf", "h265_abr", "bit_error"),
        "weather": ("fog_3d",),
        "noise": ("iso_noise", "color_quant", "low_light"),
    }
)
"""The twelve of ImageNet-3DCC by group: published files alone, as most of them need the depth of the scene."""
IMAGENET_3DCC = tuple(name for names in IMAGENET_3DCC_GROUPS.values() for name in names)

CORRUPTIONS = tuple(name for names in GROUPS.values() for name in names)
EXTRA_CORRUPTIONS = tuple(name for names in EXTRA_GROUPS.values() for name in names)

EDGES = ("hard", "linear", "gauss")
FILLINGS = ("image", "mean", "noise")
FRACTIONS = (0.25, 0.375, 0.5)
"""Of windows: their edges, what fills them, and their sides as fractions of the image's."""

OTHER = "other"
"""The group of a corruption that belongs to no list, such as a third party's."""

_GROUP_OF = {
    name: group
    for table in (GROUPS, EXTRA_GROUPS, C_BAR_GROUPS, IMAGENET_3DCC_GROUPS)
    for group, names in table.items()
    for name in names
}


def group_of(corruption: str) -> str:
    """Return the group, such as ``"noise"`` or ``"blur"``, or ``"other"`` for a name of no list."""
    return _GROUP_OF.get(corruption, OTHER)


def is_extra(corruption: str) -> bool:
    """Say whether ``corruption`` stays out of every mean over the benchmark."""
    return corruption not in CORRUPTIONS


def conditions_of(*corruptions: str) -> tuple[str, ...]:
    """Name the conditions, ``"fog@1"`` to ``"fog@5"``, of some corruptions."""
    return tuple(f"{corruption}@{severity}" for corruption in corruptions for severity in SEVERITIES)


def rank_of(corruption: str) -> int:
    """Return a corruption's place in the canonical order; names of no list come last."""
    order = CORRUPTIONS + EXTRA_CORRUPTIONS + C_BAR_CORRUPTIONS + IMAGENET_3DCC
    return order.index(corruption) if corruption in order else len(order)
