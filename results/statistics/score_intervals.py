"""A paired interval that keeps its level if few images disagree, by the score of the difference that is tested."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from robustsweep.results.statistics.intervals import LEVEL, Floats, Ids, Interval, sum_by_image

_NEXT_TO = 1e-9


def paired_score_interval(
    differences: Floats, ids: Ids | None = None, *, bound: float = 1.0, level: float = LEVEL
) -> Interval:
    """Return the differences of the mean that a score test does not reject.

    Each difference is judged by the variance that the images would have if it were the true one: their distribution
    is the most likely one with that mean, in which images that were not seen may differ by ``bound``. A standard error
    from the sample alone is far too small if it holds one or two images that disagree.

    Args:
        differences: Paired differences, shape (n,).
        ids: Source image of each row; None: every row is another image.
        bound: Largest difference that one image can show.
        level: Confidence level.

    Source: Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design" (Statistics in Medicine 1998), which it is if every image shows -1, 0 or 1; for other scores the
    constrained distribution is that of Owen's empirical likelihood (Biometrika 1988) with the ends added.
    """
    if ids is not None:
        mean = float(differences.mean())
        sums = sum_by_image(differences - mean, ids)
        share = len(sums) / len(differences)
        bound *= max(1.0, share * float(np.unique(ids, return_counts=True)[1].max()))
        differences = mean + share * sums
    # Weighted sums that are equal but for rounding are one value.
    values, counts = np.unique(np.round(differences, 12), return_counts=True)
    z = float(stats.norm.isf((1 - level) / 2))
    high = _Sample(values, counts, bound).highest(z)
    return Interval(-_Sample(-values, counts, bound).highest(z), high)


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Distinct differences and how many images show each, within -bound and bound."""

    values: Floats
    counts: Ids
    bound: float

    def highest(self, z: float) -> float:
        """Return the largest mean whose score is no more than ``z`` standard errors above the sample's."""
        n, mean = int(self.counts.sum()), float(self.values @ self.counts / self.counts.sum())

        def beyond(true: float) -> float:
            return (true - mean) ** 2 - z * z * self._variance(true, n) / n

        start, end = mean + _NEXT_TO * self.bound, self.bound * (1 - _NEXT_TO)
        if start >= end or beyond(end) <= 0:
            return self.bound
        return float(optimize.brentq(beyond, start, end, xtol=1e-10))

    def _variance(self, true: float, n: int) -> float:
        """Return the variance of the most likely distribution with the mean ``true``, which is above the sample's."""
        off, shares = self.values - true, self.counts / n
        room = self.bound - true

        def slope(tilt: float) -> float:
            return float((shares * off / (1 + tilt * off)).sum())

        steepest = -1 / room
        if math.isclose(float(off.max()), room, rel_tol=0, abs_tol=1e-12):
            tilt = _root(slope, steepest * (1 - _NEXT_TO))
        else:
            tilt = steepest if slope(steepest) <= 0 else _root(slope, steepest)
        likely = shares / (1 + tilt * off)
        unseen = max(0.0, 1 - float(likely.sum()))
        return float(likely @ off**2) + unseen * room**2


def _root(slope: Callable[[float], float], low: float) -> float:
    return float(optimize.brentq(slope, low, 0.0, xtol=1e-12))
