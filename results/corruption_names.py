"""The corruption benchmark's names, groups and order, and those of windows, as every table uses them.

Source: Hendrycks & Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations",
section 4; the four extra corruptions are the ones its authors keep for validation, in the groups of their scripts.
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

CORRUPTIONS = tuple(name for names in GROUPS.values() for name in names)
EXTRA_CORRUPTIONS = tuple(name for names in EXTRA_GROUPS.values() for name in names)

EDGES = ("hard", "linear", "gauss")
FILLINGS = ("image", "mean", "noise")
FRACTIONS = (0.25, 0.375, 0.5)
"""Of windows: their edges, what fills them, and their sides as fractions of the image's."""

OTHER = "other"
"""The group of a corruption that belongs to neither list, such as a third party's."""

_GROUP_OF = {name: group for table in (GROUPS, EXTRA_GROUPS) for group, names in table.items() for name in names}


def group_of(corruption: str) -> str:
    """Return ``"noise"``, ``"blur"``, ``"weather"``, ``"digital"``, or ``"other"`` for a name of neither list."""
    return _GROUP_OF.get(corruption, OTHER)


def is_extra(corruption: str) -> bool:
    """Say whether ``corruption`` stays out of every mean over the benchmark."""
    return corruption not in CORRUPTIONS


def conditions_of(*corruptions: str) -> tuple[str, ...]:
    """Name the conditions, ``"fog@1"`` to ``"fog@5"``, of some corruptions."""
    return tuple(f"{corruption}@{severity}" for corruption in corruptions for severity in SEVERITIES)


def rank_of(corruption: str) -> int:
    """Return a corruption's place in the canonical order; names of neither list come last."""
    order = CORRUPTIONS + EXTRA_CORRUPTIONS
    return order.index(corruption) if corruption in order else len(order)
