"""The policy that a search finds, and those that it is held against.

Source: Lim et al., "Fast AutoAugment" (NeurIPS 2019), and the authors' code: the best trials of every split, without
sub-policies of one trial whose names repeat, one after another.
"""

from collections.abc import Sequence

import numpy as np

from robustsweep.augmentations.policies.policy_file import OPERATIONS_PER_SUB_POLICY, SubPolicy
from robustsweep.training.search.trials import Trial

IDENTITY: tuple[SubPolicy, ...] = ((("AutoContrast", 0.0, 0.0),) * OPERATIONS_PER_SUB_POLICY,)
"""Leaves every image as it is."""


def joined_policy(trials: Sequence[Sequence[Trial]], keep: int) -> tuple[SubPolicy, ...]:
    """Join the best trials of all splits.

    Args:
        trials: Those of each split, in their order.
        keep: How many of each split; among equal rewards the earlier.
    """
    best = [trial for of_split in trials for trial in sorted(of_split, key=lambda one: -one.reward)[:keep]]
    return tuple(pair for trial in best for pair in _different(trial.sub_policies))


def _different(sub_policies: Sequence[SubPolicy]) -> list[SubPolicy]:
    """Leave out sub-policies whose names, in their order, came before."""
    by_names: dict[tuple[str, ...], SubPolicy] = {}
    for pair in sub_policies:
        by_names.setdefault(tuple(name for name, _, _ in pair), pair)
    return list(by_names.values())


def random_policy(n: int, operations: Sequence[str], seed: int) -> tuple[SubPolicy, ...]:
    """Draw ``n`` sub-policies as a search without any reward would: all values uniform."""
    generator = np.random.default_rng([seed, n])

    def operation() -> tuple[str, float, float]:
        name, (probability, level) = operations[int(generator.integers(len(operations)))], generator.random(2)
        return name, float(probability), float(level)

    return tuple(tuple(operation() for _ in range(OPERATIONS_PER_SUB_POLICY)) for _ in range(n))
