"""Comparisons in words: no more than the data say."""

import math

from robustsweep.results.compare.paired_scores import Comparison
from robustsweep.results.statistics.intervals import ALPHA, POWER
from robustsweep.results.statistics.seeds import FEWEST_SEEDS, RECOMMENDED_SEEDS, MethodDifference

_FINE_POINTS = 0.001


def reading(one: Comparison) -> str:
    """Say which side is better and by how much, or what could not be seen."""
    is_declared = one.p_holm is not None
    p = one.p if one.p_holm is None else one.p_holm
    if not one.difference.is_tested:
        said, standing = _untested(one), "not tested"
    else:
        standing = "" if is_declared else "exploratory"
        if p < ALPHA and one.difference.estimate.value != 0:
            name, size = lower_side(one)
            said = f"{name} {'is' if is_declared else 'looks'} better by {size}"
        else:
            said = f"no significant difference; {_limit(one)}"
    parts = [reach(one.difference, one.first.name, one.second.name), standing, said]
    return ": ".join(part for part in parts if part)


def lower_side(one: Comparison) -> tuple[str, str]:
    """Return the side with the lower mean, the second of equals; and by how much, with the interval."""
    value, interval = one.difference.estimate.value, one.interval
    better, sign = (one.first, -1) if value < 0 else (one.second, 1)
    ends = sorted((sign * interval.low, sign * interval.high))
    return better.name, f"{amount(abs(value), one, bare=False)} ({amount(ends[0], one)} to {amount(ends[1], one)})"


def _untested(one: Comparison) -> str:
    name, size = lower_side(one)
    return f"two seeds are too few, train {FEWEST_SEEDS} or more; the mean of {name} is lower by {size}"


def _limit(one: Comparison) -> str:
    """Say what true difference would have been found, if any that the score can take."""
    alpha = ALPHA / (1 if one.p_holm is None else one.family_size)
    estimate, most = one.difference.estimate, one.score.largest_difference
    least = estimate.smallest_detectable(alpha)
    # Nothing bounds a loss in nats from above; a better one is better by no more than the worse one's.
    if least < (most if most < math.inf else max(one.values)):
        return f"one of {amount(least, one, bare=False)} or more would have been found ({POWER:.0%} power)"
    what = "no possible difference" if most < math.inf else "not even one as large as the scores themselves"
    of_seeds = sum(variance for variance, _ in estimate.seeds)
    remedy = "train more seeds" if of_seeds > estimate.standard_error**2 / 2 else "measure more images"
    return f"{what} would have been found: {remedy}"


def reach(difference: MethodDifference, first: str, second: str) -> str:
    """Say about what the result speaks; empty if both methods have the recommended number of seeds."""
    if difference.n_seeds == (1, 1):
        return "one seed each, about these two checkpoints only"
    if not difference.is_about_methods:
        single = first if difference.n_seeds[0] == 1 else second
        return f"one seed of {single}, about these checkpoints only"
    fewest = min(difference.n_seeds)
    return f"few seeds ({fewest} of {RECOMMENDED_SEEDS})" if fewest < RECOMMENDED_SEEDS else ""


def amount(value: float, one: Comparison, *, bare: bool = True) -> str:
    """Show a difference: percentage points for fractions, else its own unit; ``bare`` leaves the unit out."""
    if not one.score.is_fraction:
        unit = " nats" if one.score.quantity == "nll" else ""
        return f"{value:.3f}" + ("" if bare else unit)
    digits = 2 if one.difference.estimate.standard_error < _FINE_POINTS else 1
    return f"{100 * value:.{digits}f}" + ("" if bare else " pp")


FOOTNOTE = (
    f"Intervals: 95%, paired by image, of first minus second. 'Would have been found ({POWER:.0%} power)': so often "
    "this test finds a true difference of that size, if seeds and images vary as they do here. Holm: adjusted over the "
    "declared family; other scores are exploratory and not adjusted."
)

UNTESTED = (
    f"A method with two seeds is not tested: two that agree by chance would pass for a method without spread. Train "
    f"{FEWEST_SEEDS} or more."
)
