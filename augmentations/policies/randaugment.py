"""RandAugment: for each image some operations of a list, all at one strength.

Source: Cubuk, Zoph, Shlens and Le, "RandAugment: Practical automated data augmentation with a reduced search space"
(NeurIPS 2020). Operations, their ranges and their levels 0 to 30 are torchvision's RandAugment; only its draws from a
global generator are replaced by those of each image. Differences between implementations: a magnitude means another
strength in each, and must not be carried over: timm's is of 10 and fires half of the operations, others let
posterize and solarize weaken, and brightness and its like pass the identity in the middle. The published CIFAR runs
(N = 3, M = 5 for CIFAR-10 and N = 2, M = 14 for CIFAR-100, both with WRN-28-10) add Cutout (16 of 32 pixels).
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated

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
from robustsweep.bounds import Count, between
from robustsweep.draws import Draws

_LEVELS = 31


@METHODS.register("randaugment")
@dataclass(frozen=True)
class RandAugment(Method):
    """Applies a few of 14 operations one after another, all equally likely each time.

    Attributes:
        n_operations: How many; N in the paper.
        magnitude: Strength of all, from 0 to 30; M in the paper.
        corruption_safe: Whether operations that overlap the benchmark's corruptions are left out; the other ten are
            then equally likely. A network trained with them has seen what it is tested on; without them it is no longer
            the published method.
    """

    name = "randaugment"
    n_operations: Count = 2
    magnitude: Annotated[int, between(0, _LEVELS - 1)] = 9
    corruption_safe: bool = False

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of tones, if the overlapping operations take part."""
        return () if self.corruption_safe or not self.n_operations else OVERLAPPED

    def sample(self, draws: Draws) -> Tensor:
        """Draw each operation and its sign, all uniform: shape (N, 2 n_operations)."""
        return draws.uniform(2 * self.n_operations)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Apply each image's operations in the order of their draws."""
        space = _magnitudes(*images.shape[-2:])
        names = [name for name in space if not (self.corruption_safe and name in OVERLAPPING)]
        for drawn in sample.view(len(sample), self.n_operations, 2).unbind(1):
            chosen = [(names[int(one * len(names))], sign) for one, sign in drawn.tolist()]
            images = operate(images, ((name, magnitude(*space[name], self.magnitude, sign)) for name, sign in chosen))
        return images

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets


@cache
def _magnitudes(height: int, width: int) -> dict[str, tuple[list[float], bool]]:
    return magnitudes_of(policy_class("RandAugment")()._augmentation_space(_LEVELS, (height, width)))
