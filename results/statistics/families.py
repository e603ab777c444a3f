"""Many tests at once: Holm's procedure over a declared family, and groups that do not differ significantly."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.statistics.intervals import ALPHA

K = TypeVar("K", bound=Hashable)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted so that the chance of any false rejection in the family stays below alpha.

    Args:
        p_values: One per test of the declared family, in any order.

    Raises:
        DataError: If one is not in [0, 1].

    Source: Holm, "A simple sequentially rejective multiple test procedure" (Scandinavian Journal of Statistics 1979).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():  # NaN fails as well
        raise DataError(f"p values lie in [0, 1], got {list(p_values)}.")
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    adjusted = np.empty_like(p)
    adjusted[order] = stepped
    return [float(value) for value in adjusted]


def tied_with_best(best: K, p_against_best: Mapping[K, float], alpha: float = ALPHA) -> tuple[K, ...]:
    """Name the methods that do not differ significantly from the one with the best mean, itself first.

    Args:
        best: The method with the best mean.
        p_against_best: Two-sided p value of every other method against it.
        alpha: Level of the family of these comparisons, by Holm.
    """
    adjusted = holm(list(p_against_best.values()))
    return (best, *(name for name, p in zip(p_against_best, adjusted, strict=True) if p >= alpha))
