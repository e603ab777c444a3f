"""Method against method: images and training seeds are two crossed sources of chance."""

from dataclasses import dataclass

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.statistics.intervals import Estimate, Floats, Ids, clustered_mean

RECOMMENDED_SEEDS = 5


@dataclass(frozen=True, slots=True)
class MethodDifference:
    """The mean over seeds and images of one method's score minus the other's.

    Attributes:
        estimate: The difference with its standard error and Satterthwaite degrees of freedom.
        n_seeds: Checkpoints of either method.
    """

    estimate: Estimate
    n_seeds: tuple[int, int]

    @property
    def is_about_methods(self) -> bool:
        """Whether both methods have several seeds, so that the estimate covers other trainings."""
        return min(self.n_seeds) > 1


def method_difference(first: Floats, second: Floats, ids: Ids | None = None) -> MethodDifference:
    """Compare two methods over their seeds, paired by image.

    The variance is ``var(D) / n + s1 ** 2 / K1 + s2 ** 2 / K2``, where D are the images' differences of means over
    seeds and s the standard deviations of the seeds' scores. The seeds' scores hold image noise as well, which is
    counted twice: the test errs on the cautious side. Degrees of freedom by Satterthwaite. With a single seed on a
    side the variance is that of the images and the result speaks of these checkpoints alone.

    Args:
        first: Score of each image by seed, shape (K1, n).
        second: The other method's on the same images, shape (K2, n).
        ids: As in ``clustered_mean``.

    Raises:
        DataError: If the images differ in number, or as ``clustered_mean``.

    Source: Satterthwaite, "An approximate distribution of estimates of variance components" (Biometrics 1946).
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise DataError(f"Methods are compared on the same images; got scores {first.shape} and {second.shape}.")
    images = clustered_mean(first.mean(axis=0) - second.mean(axis=0), ids)
    by_seed = first.mean(axis=1), second.mean(axis=1)
    return combine(images.value, images.standard_error**2, images.n_images, by_seed)


def combine(value: float, image_variance: float, n_images: int, by_seed: tuple[Floats, Floats]) -> MethodDifference:
    """Join the images' variance of a difference, however it was found, with the seeds' variances.

    Args:
        value: Difference of the methods' scores.
        image_variance: Its variance over images.
        n_images: Source images.
        by_seed: Each method's score per seed, shapes (K1,) and (K2,).
    """
    n_seeds = len(by_seed[0]), len(by_seed[1])
    seeds: tuple[float, ...] = ()
    if min(n_seeds) > 1:
        seeds = tuple(float(np.var(scores, ddof=1) / len(scores)) for scores in by_seed)
    parts = [(image_variance, n_images - 1), *((v, k - 1) for v, k in zip(seeds, n_seeds, strict=bool(seeds)))]
    variance = sum(v for v, _ in parts)
    divisor = sum(v**2 / degrees for v, degrees in parts)
    degrees = variance**2 / divisor if divisor > 0 else float(n_images - 1)
    return MethodDifference(Estimate(value, float(np.sqrt(variance)), degrees, n_images), n_seeds)
