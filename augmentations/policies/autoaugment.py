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
from robustsweep.draws import Draws
from robustsweep.errors import MissingDependencyError

Policy = Literal["cifar10", "imagenet", "svhn"]
SubPolicy = Sequence[tuple[str, float, int | None]]
"""Two operations, each with its probability and its magnitude from 0 to 9, None where it has none."""

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
    overlapping_operations: ClassVar[tuple[str, ...]] = ("Color", "Contrast", "Brightness", "Sharpness")

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of tones, if the overlapping operations take part."""
        return OVERLAPPED if not self.corruption_safe else ()

    def sample(self, draws: Draws) -> Tensor:
        """Draw the pair, both operations' chances and both signs, all uniform: shape (N, 5)."""
        return draws.uniform(5)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Apply each image's pair; images that get the same operation with the same magnitude go together."""
        policy = _policy(self.policy)
        from torchvision.transforms.autoaugment import _apply_op
        from torchvision.transforms.functional import InterpolationMode

        magnitudes = _magnitudes(*images.shape[-2:])
        images = images.clone()
        numbers = (sample[:, 0] * len(policy)).long().tolist()
        for position in range(2):
            rows_by_operation: dict[tuple[str, float], list[int]] = {}
            chances, signs = sample[:, 1 + position].tolist(), sample[:, 3 + position].tolist()
            for row, (number, chance, sign) in enumerate(zip(numbers, chances, signs, strict=True)):
                operation, probability, level = policy[number][position]
                is_left_out = self.corruption_safe and operation in self.overlapping_operations
                if chance >= probability or is_left_out:
                    continue
                values, is_signed = magnitudes[operation]
                value = 0.0 if level is None else values[level]
                magnitude = -value if is_signed and sign < 0.5 else value
                rows_by_operation.setdefault((operation, magnitude), []).append(row)
            for (operation, magnitude), rows in rows_by_operation.items():
                images[rows] = _apply_op(images[rows], operation, magnitude, InterpolationMode.NEAREST, None)
        return images

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets


def _torchvision_policy(name: str) -> Any:
    try:
        from torchvision.transforms import autoaugment
    except ImportError as error:
        raise MissingDependencyError("AutoAugment's policies and operations need torchvision; install it.") from error
    return autoaugment.AutoAugment(autoaugment.AutoAugmentPolicy(name))


@cache
def _policy(name: str) -> Sequence[SubPolicy]:
    policies: Sequence[SubPolicy] = _torchvision_policy(name).policies
    return policies


@cache
def _magnitudes(height: int, width: int) -> dict[str, tuple[list[float], bool]]:
    """Return each operation's magnitudes by level (one number where it has none), and whether its sign is drawn."""
    space = _torchvision_policy("cifar10")._augmentation_space(_MAGNITUDES, (height, width))
    return {name: (values.reshape(-1).tolist(), is_signed) for name, (values, is_signed) in space.items()}
