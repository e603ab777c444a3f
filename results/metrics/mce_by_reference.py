"""mCE with a measured reference: the reference's errors are a sample too, of the same images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from robustsweep.errors import NothingToCompareError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES, conditions_of
from robustsweep.results.metrics.corruption_metrics import UndefinedMetricError
from robustsweep.results.metrics.per_image import MeasuredCells, read_scores
from robustsweep.results.metrics.scores import Score, mean_score
from robustsweep.results.statistics.intervals import Estimate, Floats
from robustsweep.results.statistics.resampling import mean_ratios, resample
from robustsweep.results.statistics.seeds import MethodDifference, combine, mean_over_seeds

MCE_BY_REFERENCE = "mce_vs_reference"
PER_CORRUPTION = tuple(mean_score(f"{name}_error", name, "corruption", conditions_of(name)) for name in CORRUPTIONS)


def corruption_errors(unit: Unit, checkpoint_id: str, runs: Sequence[Path]) -> Floats:
    """Read each image's mean error over the severities of each corruption, shape (n, 15).

    Raises:
        NothingToCompareError: If a cell of the fifteen corruptions is missing.
    """
    read = read_scores(MeasuredCells.of(unit, checkpoint_id, runs), PER_CORRUPTION)
    errors = stacked(read)
    if errors is None:
        missing = [score.title for score in PER_CORRUPTION if score.name not in read]
        label = str(unit.checkpoints.loc[checkpoint_id, "label"])
        raise NothingToCompareError(
            f"mCE with a measured reference needs all five severities of every corruption; {label} lacks "
            f"{', '.join(missing)}. Sweep them first."
        )
    return errors


def stacked(read: Mapping[str, Floats]) -> Floats | None:
    """Put the scores of ``PER_CORRUPTION`` side by side, shape (n, 15); None where one is missing."""
    if any(score.name not in read for score in PER_CORRUPTION):
        return None
    # One corruption after another in memory, as means and products want them.
    return np.stack([read[score.name] for score in PER_CORRUPTION]).T


def linearised_mce(model: Floats, reference: Floats) -> Floats:
    """Return one number per image, shape (n,), whose mean is mCE and whose spread is that of a quotient of means.

    To first order a quotient of means changes with an image's errors as ``(model - CE * reference) / mean(reference)``
    does (the delta method), so that the reference counts as a sample of the same images.

    Args:
        model: Each image's mean error over the severities of each corruption, shape (n, 15).
        reference: The same of the reference, with an error under every corruption.
    """
    errors = reference.mean(axis=0)
    ces = model.mean(axis=0) / errors
    parts = model @ (1 / errors) - reference @ (ces / errors)
    return np.asarray(ces.mean() + parts / len(errors), dtype=np.float64)


def mce_estimate(model: tuple[Floats, Floats], reference: tuple[Floats, Floats]) -> Estimate:
    """Estimate mCE with a measured reference over the images and the training seeds of both.

    Args:
        model: Mean errors under each corruption by image, shape (n, 15), and by seed, shape (K, 15).
        reference: The same of the reference.
    """
    errors = reference[0].mean(axis=0)
    ces = model[0].mean(axis=0) / errors
    by_seed = ((model[1] / errors).mean(axis=1), (ces * reference[1] / errors).mean(axis=1))
    return mean_over_seeds(linearised_mce(model[0], reference[0]), *by_seed)


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
    the difference by its errors times the two methods' difference of CE (the delta method), and where the reference is
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
    cells = tuple((condition, "") for condition in conditions_of(*CORRUPTIONS))
    weights = (1 / (len(cells) * reference.mean(axis=0))).repeat(len(SEVERITIES))
    return Score(MCE_BY_REFERENCE, f"mCE ({label})", "ratio", cells, tuple(map(float, weights)))
