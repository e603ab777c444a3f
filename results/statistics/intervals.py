"""Estimates with intervals: one cell by Wilson, anything pooled over cells by its source images.

The images of a test set are the sample. All cells show the same images, so rows of one image are never independent:
the image (its id) is the unit, whatever number of rows it has.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from robustsweep.errors import DataError
from robustsweep.results.statistics.power import Part, detectable_difference

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval, in the unit of what it is about."""

    low: float
    high: float


def wilson(n_wrong: int, n: int, level: float = LEVEL) -> Interval:
    """Return Wilson's score interval of the error of one cell.

    Args:
        n_wrong: Wrong predictions.
        n: Images.
        level: Confidence level in (0, 1).

    Raises:
        DataError: If the counts are not those of one cell.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (JASA 1927), without
    continuity correction.
    """
    if not 0 <= n_wrong <= n or n < 1:
        raise DataError(f"A cell has at least one image and at most all of them wrong; got {n_wrong} of {n}.")
    z = float(special.ndtri(0.5 + level / 2))
    rate, spread = n_wrong / n, z * z / n
    centre = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / n + spread / (4 * n))
    # Rounding must not push the exact ends 0 and 1 outside or inside.
    return Interval(0.0 if n_wrong == 0 else centre - half, 1.0 if n_wrong == n else centre + half)


def newcombe(first: tuple[int, int], second: tuple[int, int], level: float = LEVEL) -> Interval:
    """Return the interval of the first error minus the second, each of images of its own.

    Args:
        first: Wrong predictions and images of one cell.
        second: Those of a cell of other images.
        level: Confidence level in (0, 1).

    Raises:
        DataError: If the counts are not those of cells.

    Source: Newcombe, "Interval estimation for the difference between independent proportions" (Statistics in Medicine
    1998), method 10: Wilson's ends, without continuity correction.
    """
    a, b = wilson(*first, level), wilson(*second, level)
    p, q = first[0] / first[1], second[0] / second[1]
    return Interval(p - q - math.hypot(p - a.low, b.high - q), p - q + math.hypot(a.high - p, q - b.low))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with what its sample leaves open.

    Attributes:
        value: The estimate.
        standard_error: Its standard error; 0 if no two images disagree.
        degrees_of_freedom: Of the t distribution that ``value / standard_error`` is judged by.
        n_images: Source images behind it.
        seeds: What training seeds add to the variance: that of each method's mean, with its degrees of freedom.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float
    n_images: int
    seeds: tuple[Part, ...] = ()

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the t interval.

        If the standard error is 0, images that behave otherwise may still exist: their share is below
        ``1 - ((1 - level) / 2) ** (1 / n)`` with this confidence, and that is the half width (for scores in [-1, 1]).
        """
        tail = (1 - level) / 2
        if self.standard_error == 0:
            half = 1 - tail ** (1 / self.n_images)
        else:
            half = _critical(tail, self.degrees_of_freedom) * self.standard_error
        return Interval(self.value - half, self.value + half)

    def p_above_zero(self) -> float:
        """Return the one-sided p value of "not above zero".

        With a standard error of 0 it is that of flipping the images' signs: 1, or ``2 ** -n`` above zero.
        """
        if self.standard_error == 0:
            return 0.5**self.n_images if self.value > 0 else 1.0
        return _exceeds(self.value / self.standard_error, self.degrees_of_freedom)

    def p_two_sided(self) -> float:
        """Return the p value of "zero"."""
        if self.standard_error == 0:
            return min(1.0, 2 * 0.5**self.n_images) if self.value else 1.0
        return 2 * _exceeds(abs(self.value) / self.standard_error, self.degrees_of_freedom)

    def smallest_detectable(
        self, alpha: float = ALPHA, *, sides: int = 2, power: float = POWER, margin: float = 0.0
    ) -> float:
        """Return the true difference that is found with probability ``power``, if the variances are as estimated.

        Found means: significant at ``alpha``, and estimated to be at least ``margin``, see ``detectable_difference``.
        For a one-sided 5% test of many images without margin that is 2.49 standard errors. In a family of m tests
        ``alpha / m`` gives a difference that Holm's procedure finds whatever the others show.
        """
        if self.standard_error == 0:
            return max(margin, self.interval(1 - 2 * alpha / sides).high - self.value)
        images = max(0.0, self.standard_error**2 - sum(variance for variance, _ in self.seeds))
        return detectable_difference(
            (images, self.n_images - 1), self.seeds, alpha, power=power, sides=sides, margin=margin
        )


@lru_cache(maxsize=1024)
def _critical(tail: float, degrees_of_freedom: float) -> float:
    """Return what the t distribution exceeds with probability ``tail``; most scores of a run share the degrees."""
    return -float(special.stdtrit(degrees_of_freedom, tail))


def _exceeds(t: float, degrees_of_freedom: float) -> float:
    """Return the probability that the t distribution exceeds ``t``; ``scipy.stats`` takes a hundred times as long."""
    return float(special.stdtr(degrees_of_freedom, -t))


def clustered_mean(values: Floats, ids: Ids | None = None) -> Estimate:
    """Estimate a mean over images with an error that is clustered by source image.

    Args:
        values: One number per row, shape (n,); a row is already an image's weighted mean over its cells, or rows of one
            image share an id.
        ids: Source image of each row, shape (n,); None: every row is another image.

    Raises:
        DataError: If there are fewer than two images, the shapes differ, or a value is not finite.

    Source: the cluster-robust variance of a mean, ``g / (g - 1) * sum over images of (sum of residuals) ** 2 / n ** 2``
    with g images; it is ``sd / sqrt(n)`` if every image has one row. The t distribution has g - 1 degrees.
    """
    _check(values, ids)
    mean = float(values.mean())
    residuals = values - mean if ids is None else sum_by_image(values - mean, ids)
    n_images = len(residuals)
    if n_images < 2:
        raise DataError(f"An interval needs at least two source images, got {n_images}; measure more images.")
    squares = float(np.square(residuals).sum())
    # Equal rows leave residuals of rounding only; they must not pass for a spread.
    spread = math.sqrt(n_images / (n_images - 1) * squares) / len(values)
    error = 0.0 if np.ptp(values) == 0 else spread
    return Estimate(mean, error, n_images - 1, n_images)


def sum_by_image(values: Floats, ids: Ids) -> Floats:
    """Add the rows of each source image, shape (images,), by ascending id."""
    _, image = np.unique(ids, return_inverse=True)
    return np.asarray(np.bincount(image, weights=values), dtype=np.float64)


def _check(values: Floats, ids: Ids | None) -> None:
    if values.ndim != 1 or (ids is not None and ids.shape != values.shape):
        shapes = f"{values.shape}" + ("" if ids is None else f" and ids {ids.shape}")
        raise DataError(f"Expected one number and one id per row, got values {shapes}.")
    if not np.isfinite(values).all():
        raise DataError("A score is not finite, and no interval can be computed from it; sweep the cell again.")
