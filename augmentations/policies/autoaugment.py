"""AutoAugment: for each image one of 25 pairs of operations that a search found.

Source: Cubuk et al., "AutoAugment: Learning augmentation strategies from data" (CVPR 2019).
Policies, magnitudes and operations are torchvision's AutoAugment; only its draws from a global generator are replaced
by those of each image. The search is not here. Choices that are torchvision's: magnitudes on 10 levels with shifts in
units of the image's sides, nearest-neighbour maps and black outside the image. The published CIFAR runs add Cutout (16
of 32 pixels); here the policy stands alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method
from robustsweep.augmentations.parts.tones import OVERLAPPED
from robustsweep.augmentations.parts.torchvision_operations import (
    OVERLAPPING,
    Applied,
    magnitude,
    magnitudes_of,
    operate,
    policy_class,
)
from robustsweep.draws import Draws

Policy = Literal["cifar10", "imagenet", "svhn"]
SubPolicy = Sequence[tuple[str, float, int | None]]
"""Two operations, each with its probability and its magnitude from 0 to 9, None if it has none."""

_MAGNITUDES = 10


@METHODS.register("autoaugment")
@dataclass(frozen=True)
class AutoAugment(Method):
    """Applies a learned pair of operations to each image, each with its probability.

    Attributes:
        policy: ``"cifar10"`` (CIFAR-100 takes it too), ``"imagenet"`` or ``"svhn"``.
        corruption_safe: Whether operations that overlap the benchmark's corruptions are left out. A network trained
            with them has seen what it is tested on; a policy without them is no longer the published one.
        overlapping_operations: Their names (class attribute).
    """

    name = "autoaugment"
    policy: Policy = "cifar10"
    corruption_safe: bool = False
    overlapping_operations: ClassVar[tuple[str, ...]] = OVERLAPPING

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of tones, if the overlapping operations take part."""
        return OVERLAPPED if not self.corruption_safe else ()

    def sample(self, draws: Draws) -> Tensor:
        """Draw the pair, both operations' chances and both signs, all uniform: shape (N, 5)."""
        return draws.uniform(5)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Apply each image's pair."""
        policy, magnitudes = _policy(self.policy), _magnitudes(*images.shape[-2:])
        numbers = (sample[:, 0] * len(policy)).long().tolist()
        for position in range(2):
            chosen: list[Applied | None] = []
            chances, signs = sample[:, 1 + position].tolist(), sample[:, 3 + position].tolist()
            for number, chance, sign in zip(numbers, chances, signs, strict=True):
                operation, probability, level = policy[number][position]
                is_left_out = self.corruption_safe and operation in self.overlapping_operations
                applied = operation, magnitude(*magnitudes[operation], level or 0, sign)
                chosen.append(None if chance >= probability or is_left_out else applied)
            images = operate(images, chosen)
        return images

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets


@cache
def _policy(name: str) -> Sequence[SubPolicy]:
    policies: Sequence[SubPolicy] = _transform(name).policies
    return policies


@cache
def _magnitudes(height: int, width: int) -> dict[str, tuple[list[float], bool]]:
    return magnitudes_of(_transform("cifar10")._augmentation_space(_MAGNITUDES, (height, width)))


def _transform(policy: str) -> Any:
    return policy_class("AutoAugment")(policy_class("AutoAugmentPolicy")(policy))
