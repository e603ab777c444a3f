"""The natural distribution shifts of ImageNet: photos and pictures that others collected, of some of its classes.

Source: ImageNet-R: Hendrycks et al., "The Many Faces of Robustness" (ICCV 2021). ImageNet-A: Hendrycks et al., "Natural
Adversarial Examples" (CVPR 2021). ImageNetV2: Recht et al., "Do ImageNet Classifiers Generalize to ImageNet?" (ICML
2019). ImageNet-Sketch: Wang et al., "Learning Robust Global Representations by Penalizing Local Predictive Power"
(NeurIPS 2019).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NaturalShift:
    """One such set.

    Attributes:
        title: As its authors write it.
        classes: How many of ImageNet's classes it has as published.
        what: What its images are, as the end of a sentence.
    """

    title: str
    classes: int
    what: str


NATURAL_SHIFTS: Mapping[str, NaturalShift] = MappingProxyType(
    {
        "imagenet-r": NaturalShift("ImageNet-R", 200, "renditions such as paintings, toys and origami"),
        "imagenet-a": NaturalShift("ImageNet-A", 200, "photos that ResNet-50 gets wrong"),
        "imagenet-v2": NaturalShift("ImageNetV2", 1000, "photos collected anew as ImageNet's were"),
        "imagenet-sketch": NaturalShift("ImageNet-Sketch", 1000, "drawings in black and white"),
    }
)
"""The shifts by the name of their reader, which is also the name of their condition."""
