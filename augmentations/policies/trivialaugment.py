"""TrivialAugment: for each image one operation of a list, at a strength drawn anew.

Source: Müller and Hutter, "TrivialAugment: Tuning-free yet state-of-the-art data augmentation" (ICCV 2021).
Operations, their wide ranges and their 31 levels are torchvision's TrivialAugmentWide; only its draws from a global
generator are replaced by those of each image. Differences from the authors' code that are torchvision's: brightness,
color, contrast and sharpness change by up to 0.99 either way, while theirs go from 0.01 to 2; solarize's weakest
threshold is 255, which turns white to black, while theirs is 256; posterize's bits are rounded, while theirs are cut.
Ours, as torchvision's, acts after crop and flip, theirs before them: black borders of a crop are changed as well. The
published CIFAR runs add Cutout (16 of 32 pixels) after the normalisation; ``chain`` does that by default.
Trap: rotations go up to 135 degrees, so that a 6 becomes a 9 if classes are digits or letters.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method
from robustsweep.augmentations.parts.tones import OVERLAPPED
from robustsweep.augmentations.parts.torchvision_operations import (
    OVERLAPPING,
    magnitude,
    magnitudes_of,
    operate,
    policy_class,
)
from robustsweep.draws import Draws

LEVELS = 31


@METHODS.register("trivialaugment")
@dataclass(frozen=True)
class TrivialAugment(Method):
    """Applies one of 14 operations to each image, all equally likely, at one of 31 levels.

    Attributes:
        translate: ``"pixels"``: shifts of up to 32 pixels at any size, as published, so that 1 in 217 images of 32
            pixels becomes black; ``"fraction"``: of up to the image's side, which is the same at 32 pixels.
        corruption_safe: Whether operations that overlap the benchmark's corruptions are left out; the other ten are
            then equally likely. A network trained with them has seen what it is tested on; without them it is no longer
            the published method.
    """

    name = "trivialaugment"
    translate: Literal["pixels", "fraction"] = "pixels"
    corruption_safe: bool = False

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of tones, if the overlapping operations take part."""
        return () if self.corruption_safe else OVERLAPPED

    def sample(self, draws: Draws) -> Tensor:
        """Draw operation, level and sign, all uniform: shape (N, 3)."""
        return draws.uniform(3)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Apply each image's operation."""
        sides = images.shape[-2:] if self.translate == "fraction" else None
        space = _magnitudes(sides)
        names = [name for name in space if not (self.corruption_safe and name in OVERLAPPING)]
        drawn = [(names[int(one * len(names))], int(level * LEVELS), sign) for one, level, sign in sample.tolist()]
        return operate(images, ((name, magnitude(*space[name], level, sign)) for name, level, sign in drawn))

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets


@cache
def _magnitudes(sides: tuple[int, int] | None) -> dict[str, tuple[list[float], bool]]:
    """Return torchvision's magnitudes; with an image's height and width, shifts go up to its sides."""
    space = magnitudes_of(policy_class("TrivialAugmentWide")()._augmentation_space(LEVELS))
    for name, side in zip(("TranslateY", "TranslateX"), sides or (), strict=False):
        space[name] = [side * level / (LEVELS - 1) for level in range(LEVELS)], True
    return space
