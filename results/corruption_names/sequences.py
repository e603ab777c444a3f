"""The sequences of CIFAR-10-P: their perturbations and frames.

Source: Hendrycks & Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations",
section 5, and the CIFAR-P scripts of its authors. The ten are those of their evaluation script, with spatter; their
README and ImageNet-P have snow in its place.
"""

from collections.abc import Mapping
from types import MappingProxyType

FRAMES: Mapping[str, int] = MappingProxyType(
    {
        "gaussian_noise": 31,
        "shot_noise": 31,
        "motion_blur": 21,
        "zoom_blur": 31,
        "spatter": 31,
        "brightness": 31,
        "translate": 16,
        "rotate": 31,
        "tilt": 31,
        "scale": 31,
    }
)
"""How many frames a sequence of each of the ten perturbations has."""

PREFIX = "sequence-"


def sequence_condition(perturbation: str) -> str:
    """Name the condition of a perturbation's sequences, such as ``"sequence-tilt"``."""
    return f"{PREFIX}{perturbation}"


def compares_with_first(perturbation: str) -> bool:
    """Say whether frames are held against the first one, as those of noises are, and not against the one before."""
    return "noise" in perturbation
