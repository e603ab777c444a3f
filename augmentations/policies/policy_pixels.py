"""A searched policy on whole batches: one sub-policy for each image, each operation with its probability."""

from collections.abc import Collection
from functools import lru_cache

import torch
from torch import Tensor

from robustsweep.augmentations.policies.fast_operations import operate
from robustsweep.augmentations.policies.policy_file import OPERATIONS, OPERATIONS_PER_SUB_POLICY, Policy, SubPolicy
from robustsweep.draws import Draws

_DRAWS = 4  # for each operation its chance, its sign, and the place of Cutout's square


def sample_policy(draws: Draws) -> Tensor:
    """Draw the sub-policy, and for both operations chance, sign and place, all uniform: float64, shape (N, 9)."""
    return draws.uniform(1 + OPERATIONS_PER_SUB_POLICY * _DRAWS)


def apply_policy(policy: Policy, images: Tensor, sample: Tensor, left_out: Collection[str] = ()) -> Tensor:
    """Apply each image's sub-policy; images that get the same operation go together.

    Args:
        policy: What to apply.
        images: uint8, shape (N, 3, H, W).
        sample: Rows of ``sample_policy`` for these images, shape (N, 9).
        left_out: Operations that are never applied.

    Returns:
        uint8, shape (N, 3, H, W); the argument is left as it was.
    """
    number, chance, level = (table.to(sample.device) for table in _tables(policy.sub_policies))
    pair = (sample[:, 0] * len(number)).long()
    images = images.clone()
    for position, drawn in enumerate(sample[:, 1:].reshape(-1, OPERATIONS_PER_SUB_POLICY, _DRAWS).unbind(1)):
        chosen = number[pair, position].where(drawn[:, 0] < chance[pair, position], -1)
        for one in sorted(set(chosen.tolist())):
            name = OPERATIONS[one]
            if one < 0 or name in left_out:
                continue
            rows = (chosen == one).nonzero()[:, 0]
            levels = level[pair[rows], position]
            images[rows] = operate(name, images[rows], levels, drawn[rows, 1] < 0.5, drawn[rows, 2:])
    return images


@lru_cache(maxsize=8)
def _tables(pairs: tuple[SubPolicy, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers of operations, int64, probabilities and levels, float64: each of shape (sub-policies, 2)."""
    number = torch.tensor([[OPERATIONS.index(name) for name, _, _ in pair] for pair in pairs])
    chance = torch.tensor([[chance for _, chance, _ in pair] for pair in pairs], dtype=torch.float64)
    level = torch.tensor([[level for _, _, level in pair] for pair in pairs], dtype=torch.float64)
    return number, chance, level
