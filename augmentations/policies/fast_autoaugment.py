"""Fast AutoAugment: for each image one of many pairs of operations that a search without training found.

Source: Lim, Kim, Kim, Kim and Kim, "Fast AutoAugment" (NeurIPS 2019), and the authors' code.
Differences: the policy acts after crop and flip, as AutoAugment does here, while the code's acts before them; an
operation is applied if a number in [0, 1) is below its probability, so that probability 0 never applies it; Cutout
of 16 pixels, which the published CIFAR runs add after the normalisation, is not part of it.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from robustsweep.augmentations.method import Method
from robustsweep.augmentations.parts.tones import OVERLAPPED
from robustsweep.augmentations.policies.fast_operations import operate
from robustsweep.augmentations.policies.policy_file import OPERATIONS, Policy, read_policy
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

_DRAWS = 4  # for each operation its chance, its sign, and the place of Cutout's square


@dataclass(frozen=True)
class FastAutoAugment(Method):
    """Applies a searched pair of operations to each image, each with its probability.

    Attributes:
        policy: A policy file.
        entry: Which policy of a file that holds several.
        corruption_safe: Whether operations that overlap the benchmark's corruptions are left out, see AutoAugment.
        policy_hash: What the policy's hash must be, so that another file under the same name is found out; empty: any.
            It is kept filled in, and a checkpoint's card says it.
        overlapping_operations: Names of those that overlap (class attribute).
    """

    name = "fast_autoaugment"
    policy: str
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
        return read_policy(Path(self.policy).expanduser(), self.entry)

    @cached_property
    def _tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Numbers of operations, int64, probabilities and levels, float64: each of shape (sub-policies, 2)."""
        pairs = self.read.sub_policies
        number = torch.tensor([[OPERATIONS.index(name) for name, _, _ in pair] for pair in pairs])
        chance = torch.tensor([[chance for _, chance, _ in pair] for pair in pairs], dtype=torch.float64)
        level = torch.tensor([[level for _, _, level in pair] for pair in pairs], dtype=torch.float64)
        return number, chance, level

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of tones, if the policy holds overlapping operations and they take part."""
        names = {name for pair in self.read.sub_policies for name, chance, _ in pair if chance > 0}
        is_free = self.corruption_safe or names.isdisjoint(self.overlapping_operations)
        return () if is_free else OVERLAPPED

    def sample(self, draws: Draws) -> Tensor:
        """Draw the pair, and for both operations chance, sign and place, all uniform: shape (N, 9)."""
        return draws.uniform(1 + 2 * _DRAWS)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Apply each image's pair; images that get the same operation go together."""
        number, chance, level = (table.to(sample.device) for table in self._tables)
        pair = (sample[:, 0] * len(number)).long()
        images = images.clone()
        for position, drawn in enumerate(sample[:, 1:].reshape(-1, 2, _DRAWS).unbind(1)):
            chosen = number[pair, position].where(drawn[:, 0] < chance[pair, position], -1)
            for one in sorted(set(chosen.tolist())):
                name = OPERATIONS[one]
                if one < 0 or (self.corruption_safe and name in self.overlapping_operations):
                    continue
                rows = (chosen == one).nonzero()[:, 0]
                levels = level[pair[rows], position]
                images[rows] = operate(name, images[rows], levels, drawn[rows, 1] < 0.5, drawn[rows, 2:])
        return images

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets
