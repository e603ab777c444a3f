"""Quotients of means over images, such as mCE: what divides is a sample too, of the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from robustsweep.errors import NothingToCompareError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.metrics.catalogue.error_scores import PER_CORRUPTION
from robustsweep.results.metrics.catalogue.quotient_scores import MCE
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.method_scores import MethodScore
from robustsweep.results.metrics.per_image import read_scores
from robustsweep.results.metrics.references import BY_REFERENCE
from robustsweep.results.metrics.scores import LEAST_DIVISOR, Score
from robustsweep.results.statistics.intervals import Floats
from robustsweep.results.statistics.resampling import mean_ratios, resample
from robustsweep.results.statistics.seeds import MethodDifference, combine

MCE_BY_REFERENCE = f"{MCE.name}{BY_REFERENCE}"


class UndefinedMetricError(NothingToCompareError):
    """All cells are there, but the reference makes the quotient meaningless."""


def corruption_errors(unit: Unit, checkpoint_id: str, runs: Sequence[Path]) -> Floats:
    """Read each image's mean error over the severities of each corruption, shape (n, 15).

    Raises:
        NothingToCompareError: If a cell of the fifteen corruptions is missing.
    """
    read = read_scores(MeasuredCells.of(unit, checkpoint_id, runs), PER_CORRUPTION)
    if missing := [score.title for score in PER_CORRUPTION if score.name not in read]:
        label = str(unit.checkpoints.loc[checkpoint_id, "label"])
        raise NothingToCompareError(
            f"mCE with a measured reference needs all five severities of every corruption; {label} lacks "
            f"{', '.join(missing)}. Sweep them first."
        )
    # One corruption after another in memory, as means and products want them.
    return np.stack([read[score.name] for score in PER_CORRUPTION]).T


class Divided:
    """The scores of one checkpoint or method; those of quotients share what they have in common.

    Args:
        found: Its sums by name.
        reference: The reference's.
    """

    def __init__(self, found: Mapping[str, MethodScore], reference: Mapping[str, MethodScore]) -> None:
        self._found, self._reference = found, reference
        self._quotients: dict[tuple[str, str, bool], MethodScore | None] = {}

    def of(self, score: Score) -> MethodScore | None:
        """Return a score, linearised if it is a mean of quotients; None if a part is missing."""
        if not score.over:
            return self._found.get(score.name)
        found = []
        for over, under in zip(score.over, score.under, strict=True):
            key = over.name, under.name, score.by_reference
            if key not in self._quotients:
                self._quotients[key] = self._quotient(*key)
            if (one := self._quotients[key]) is None:
                return None
            found.append(one)
        parts = ("by_image", "by_seed", "by_reference_seed")
        return MethodScore(*(sum(getattr(one, part) for one in found) / len(found) for part in parts))

    def _quotient(self, over_name: str, under_name: str, by_reference: bool) -> MethodScore | None:
        """Return one quotient as numbers per image whose mean it is, and whose spread is that of a quotient of means.

        To first order a quotient Q of means changes with an image's errors as ``(over - Q * under) / mean(under)`` does
        (the delta method), so that what divides counts as a sample of the same images.
        """
        over = self._found.get(over_name)
        under = (self._reference if by_reference else self._found).get(under_name)
        divisor = 0.0 if under is None else float(under.by_image.mean())
        if over is None or under is None or divisor <= LEAST_DIVISOR:
            return None
        quotient = float(over.by_image.mean()) / divisor
        images = quotient + (over.by_image - quotient * under.by_image) / divisor
        by_divisor = quotient * under.by_seed / divisor
        if by_reference:
            return MethodScore(images, over.by_seed / divisor, by_divisor)
        return MethodScore(images, quotient + over.by_seed / divisor - by_divisor)


def mce_difference(
    errors: Mapping[str, Floats],
    reference: Sequence[str],
    first: Sequence[str],
    second: Sequence[str],
    *,
    seed: int = 0,
) -> tuple[MethodDifference, tuple[float, float]]:
    """Compare two methods' mCE by a measured reference, all resampled on the same images.

    The mean errors of the reference's training seeds divide. These seeds are a sample too: to first order one moves
    the difference by its errors times the two methods' difference of CE (the delta method), and if the reference is
    one of the methods, its seeds count once for both.

    Args:
        errors: Errors by checkpoint, each of shape (n, 15).
        reference: The checkpoints of the reference, one per training seed.
        first: Those of the first method.
        second: Those of the second method.
        seed: Seed of the resampled images.

    Returns:
        The difference, whose image variance is that of the resamples; and either method's mCE.

    Raises:
        UndefinedMetricError: If the reference has no error under some corruption, or so few that a resample has none.
    """
    divisor = np.mean([errors[i] for i in reference], axis=0)
    together = np.stack([divisor, *(errors[i] for i in (*first, *second))], axis=2)
    if not (divisor.mean(axis=0) > 0).all():
        raise UndefinedMetricError("The reference makes no error under some corruption; choose another reference.")
    k = len(first)

    def by_method(means: Floats) -> Floats:
        ratios = mean_ratios(means)
        return np.stack([ratios[..., :k].mean(axis=-1), ratios[..., k:].mean(axis=-1)], axis=-1)

    values = by_method(together.mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = resample(together, by_method, seed=seed)
    if not np.isfinite(drawn).all():
        raise UndefinedMetricError(
            "The reference makes so few errors under some corruption that some resamples of the images hold none; "
            "choose another reference."
        )
    variance = float(np.var(drawn[:, 0] - drawn[:, 1], ddof=1))
    by_seed = _by_seed({i: errors[i].mean(axis=0) for i in (*reference, *first, *second)}, reference, first, second)
    found = combine(float(values[0] - values[1]), variance, len(together), *by_seed)
    return found, (float(values[0]), float(values[1]))


def _by_seed(
    means: Mapping[str, Floats], reference: Sequence[str], first: Sequence[str], second: Sequence[str]
) -> tuple[tuple[Floats, Floats], Floats | None]:
    """Return what each training seed adds to the difference: of either method, and of a reference that is neither."""
    divisor = np.mean([means[i] for i in reference], axis=0)
    ces = [np.mean([means[i] for i in side], axis=0) / divisor for side in (first, second)]
    moved = np.array([-((ces[0] - ces[1]) * means[i] / divisor).mean() for i in reference])
    own = [sign * np.array([(means[i] / divisor).mean() for i in side]) for sign, side in ((1, first), (-1, second))]
    for place, side in enumerate((first, second)):
        if tuple(side) == tuple(reference):
            own[place] = own[place] + moved
            return (own[0], own[1]), None
    return (own[0], own[1]), moved


def reference_score(label: str, reference: Floats) -> Score:
    """Name mCE with a measured reference as a score; its value is a ratio and no mean over images.

    Args:
        label: Name of the reference.
        reference: Its errors, shape (n, 15), with some under every corruption; they divide the cells' weights.
    """
    return replace(MCE.with_constants(reference.mean(axis=0)), name=MCE_BY_REFERENCE, title=f"mCE ({label})")
