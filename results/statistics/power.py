"""Power: how large a true difference has to be before a test finds it, images and training seeds counted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from robustsweep.errors import DataError

Part = tuple[float, float]
"""A variance, and the degrees of freedom of its estimate."""

_QUANTILES = (np.arange(40) + 0.5) / 40


def detectable_difference(
    images: Part,
    seeds: Sequence[Part],
    alpha: float,
    *,
    power: float,
    sides: int = 2,
    margin: float = 0.0,
    counted_twice: float = 0.0,
) -> float:
    """Return the true difference that is found, in its own direction, with probability ``power``.

    Found means: significant at ``alpha`` by the t test of ``seeds.method_difference``, and estimated to be at least
    ``margin``. That test takes its critical value from Satterthwaite's degrees of freedom, which it estimates from the
    seeds: few seeds give it few degrees by chance, and it then needs much more. A noncentral t distribution with the
    expected degrees leaves this out, and what it promises for 80% is found in 70% of cases with 3 seeds against 3 and
    in 48% with 2 against 2. So the chance is averaged over both sample variances, 40 quantiles of each. With one
    variance or none this is the noncentral t distribution; with many equal seeds that of Student's test.

    Seeds are taken for normally distributed. If they are skewed, uniform or heavy-tailed the chance at 5% stays
    between 75% and 85% (``tests/bench/false_alarms.py``); far in the tails, after Holm with 3 seeds, it does not.
    The images' variance is taken for known.

    Args:
        images: Variance of the difference over images.
        seeds: Variances of either method's mean over its seeds, as the test will estimate them; at most two.
        alpha: Level of the test.
        power: Chance of finding it, between ``alpha`` and 1.
        sides: 1 or 2.
        margin: Least estimate that counts.
        counted_twice: Variance that is in ``images`` and in ``seeds``, though the difference has it once: noise that
            every seed adds to every image.

    Returns:
        The difference, 0 or larger, in the unit whose square the variances have.

    Raises:
        DataError: If a variance is negative or not finite, or a probability is not one.

    Source: Moser, Stevens and Watts, "The two-sample t test versus Satterthwaite's approximate F test"
    (Communications in Statistics 1989), who integrate over the ratio of both variances likewise.
    """
    spread = [images[0], *(variance for variance, _ in seeds), counted_twice, images[0] - counted_twice]
    if not all(0 <= variance < np.inf for variance in spread) or not 0 < alpha < power < 1:
        raise DataError(
            f"Power needs variances from 0 up and 0 < alpha < power < 1, got {spread}, {alpha:g}, {power:g}."
        )
    error = np.sqrt(sum(spread[:-2]) - counted_twice)
    needed = np.maximum(_thresholds(images, seeds, alpha / sides), margin)
    least, most = (float(end + special.ndtri(power) * error) for end in (needed.min(), needed.max()))
    if least == most:
        return least

    def missing(difference: float) -> float:
        return float(special.ndtr((difference - needed) / error).mean()) - power

    return float(optimize.brentq(missing, least, most, rtol=1e-6))


def _thresholds(images: Part, seeds: Sequence[Part], tail: float) -> npt.NDArray[np.float64]:
    """Return what the estimate has to exceed at each combination of the seeds' sample variances."""
    parts = [(variance, degrees) for variance, degrees in seeds if variance > 0]
    drawn = np.meshgrid(*(v * stats.chi2.ppf(_QUANTILES, d) / d for v, d in parts), sparse=True)
    variance = images[0] + sum(drawn, np.zeros(1))
    divisor = images[0] ** 2 / images[1] + sum((v**2 / d for v, (_, d) in zip(drawn, parts, strict=True)), np.zeros(1))
    degrees = np.full(variance.shape, float(images[1]))
    np.divide(variance**2, divisor, out=degrees, where=divisor > 0)
    return np.asarray(-special.stdtrit(degrees, tail) * np.sqrt(variance), dtype=np.float64)
