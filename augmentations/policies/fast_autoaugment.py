"""Fast AutoAugment: for each image one of many pairs of operations that a search without training found.

Source: Lim, Kim, Kim, Kim and Kim, "Fast AutoAugment" (NeurIPS 2019), and the authors' code.
Differences: the policy acts after crop and flip, as AutoAugment does here, while the code's acts before them; an
operation is applied if a number in [0, 1) is below its probability, so that probability 0 never applies it; Cutout
of 16 pixels, which the published CIFAR runs add after the normalisation, is not part of it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method
from robustsweep.augmentations.parts.tones import OVERLAPPED
from robustsweep.augmentations.policies.policy_file import Policy, find_policy
from robustsweep.augmentations.policies.policy_pixels import apply_policy, sample_policy
from robustsweep.draws import Draws
from robustsweep.errors import UsageError


@METHODS.register("fast_autoaugment")
@dataclass(frozen=True)
class FastAutoAugment(Method):
    """Applies a searched pair of operations to each image, each with its probability.

    Attributes:
        policy: A policy file, or ``"cifar100"``, which comes with the package: found by ``robustsweep search`` on 4,000
            training images of CIFAR-100, far fewer than the paper's searches; the file says how. Released policies of
            the authors are read too.
        entry: Which policy of a file that holds several.
        corruption_safe: Whether operations that overlap the benchmark's corruptions are left out, see AutoAugment.
        policy_hash: What the policy's hash must be, so that another file under the same name is found out; empty: any.
            It is kept filled in, and a checkpoint's card says it.
        overlapping_operations: Names of those that overlap (class attribute).
    """

    name = "fast_autoaugment"
    policy: str = "cifar100"
    entry: str = ""
    corruption_safe: bool = False
    policy_hash: str = ""
    overlapping_operations: ClassVar[tuple[str, ...]] = ("Color", "Contrast", "Brightness", "Sharpness")

    def __post_init__(self) -> None:
        super().__post_init__()
        # Read once, so that a file that changes while a training goes on changes nothing.
        found = self.read
        if self.policy_hash not in ("", found.hash):
            raise UsageError(
                f"{self.name}: the policy {self.policy} has hash {found.hash}, expected {self.policy_hash}; give the "
                "file that was meant, or leave policy_hash out."
            )
        object.__setattr__(self, "policy_hash", found.hash)

    @cached_property
    def read(self) -> Policy:
        """The policy as its file holds it."""
        return find_policy(self.policy, self.entry)

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of tones, if the policy holds overlapping operations and they take part."""
        names = {name for pair in self.read.sub_policies for name, chance, _ in pair if chance > 0}
        is_free = self.corruption_safe or names.isdisjoint(self.overlapping_operations)
        return () if is_free else OVERLAPPED

    @property
    def search_seconds(self) -> float | None:
        """What the policy's file says, networks and trials together; None if it says nothing."""
        return self.read.search_seconds

    def sample(self, draws: Draws) -> Tensor:
        """Draw the pair, and for both operations chance, sign and place, all uniform: shape (N, 9)."""
        return sample_policy(draws)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Apply each image's pair."""
        left_out = self.overlapping_operations if self.corruption_safe else ()
        return apply_policy(self.read, images, sample, left_out)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets
