"""What a comparison says in words: no more than its data do."""

from robustsweep.results.pairing import Comparison
from robustsweep.results.statistics.intervals import ALPHA, POWER
from robustsweep.results.statistics.seeds import RECOMMENDED_SEEDS, MethodDifference

_FINE_POINTS = 0.001


def reading(one: Comparison) -> str:
    """Say which side is better and by how much, or what could not be seen."""
    estimate = one.difference.estimate
    is_declared = one.p_holm is not None
    p = one.p if one.p_holm is None else one.p_holm
    if p < ALPHA and estimate.value != 0:
        better, sign = (one.first, -1) if estimate.value < 0 else (one.second, 1)
        ends = sorted((sign * estimate.interval().low, sign * estimate.interval().high))
        size = amount(abs(estimate.value), one, bare=False)
        verb = "is" if is_declared else "looks"
        said = f"{better.name} {verb} better by {size} ({amount(ends[0], one)} to {amount(ends[1], one)})"
    else:
        least = estimate.smallest_detectable(ALPHA / (one.family_size if is_declared else 1))
        said = f"cannot be told apart; a difference above {amount(least, one, bare=False)} would have shown"
    parts = [reach(one.difference, one.first.name, one.second.name), "" if is_declared else "exploratory", said]
    return ": ".join(part for part in parts if part)


def reach(difference: MethodDifference, first: str, second: str) -> str:
    """Say about what the result speaks; empty where both methods have the recommended number of seeds."""
    if difference.n_seeds == (1, 1):
        return "one seed each, about these two checkpoints only"
    if not difference.is_about_methods:
        single = first if difference.n_seeds[0] == 1 else second
        return f"one seed of {single}, about these checkpoints only"
    fewest = min(difference.n_seeds)
    return f"few seeds ({fewest} of {RECOMMENDED_SEEDS})" if fewest < RECOMMENDED_SEEDS else ""


def amount(value: float, one: Comparison, *, bare: bool = True) -> str:
    """Show a difference: points of percent for fractions, else its own unit; ``bare`` leaves the unit out."""
    if not one.score.is_fraction:
        unit = " nats" if one.score.quantity == "nll" else ""
        return f"{value:.3f}" + ("" if bare else unit)
    digits = 2 if one.difference.estimate.standard_error < _FINE_POINTS else 1
    return f"{100 * value:.{digits}f}" + ("" if bare else " points")


FOOTNOTE = (
    f"Intervals: 95 %, paired by image, of first minus second. 'Would have shown': found with probability {POWER:g} by "
    "this test. Holm: adjusted over the declared family; other scores are exploratory and not adjusted."
)
