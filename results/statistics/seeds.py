"""Method against method: images and training seeds are two crossed sources of chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.statistics.intervals import Estimate, Floats, Ids, clustered_mean
from robustsweep.results.statistics.power import Part

RECOMMENDED_SEEDS = 5
FEWEST_SEEDS = 3
"""Seeds of a method from which on its spread is known well enough to be tested by.

Two seeds that agree by chance pass for a method without spread: in a family of 16 scores of two equal methods, whose
seeds have a standard deviation of 0.5 or 1 point, 10 and 21% of families with two seeds each have a false alarm after
Holm, 5 and 7% with three, 2 and 4% with five (``tests/bench/false_alarms.py``). And they find little: with 80% power
at 5% differences of 10 standard deviations of a seed, three find 3.5 and five 2.1.
"""


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
        """Whether both methods have several seeds, so that the estimate covers other training runs."""
        return min(self.n_seeds) > 1

    @property
    def is_tested(self) -> bool:
        """Whether the estimate's p value may decide: of methods only with ``FEWEST_SEEDS`` or more each."""
        return not self.is_about_methods or min(self.n_seeds) >= FEWEST_SEEDS


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
    by_seed = first.mean(axis=1), second.mean(axis=1)
    return difference_of_means(first.mean(axis=0) - second.mean(axis=0), by_seed, ids)


def difference_of_means(by_image: Floats, by_seed: tuple[Floats, Floats], ids: Ids | None = None) -> MethodDifference:
    """Compare two methods as ``method_difference`` does, of whose scores only means are at hand.

    Args:
        by_image: Differences of the images' means over seeds, shape (n,).
        by_seed: Each method's score per seed, shapes (K1,) and (K2,).
        ids: As in ``clustered_mean``.
    """
    images = clustered_mean(by_image, ids)
    return combine(images.value, images.standard_error**2, images.n_images, by_seed)


def mean_over_seeds(by_image: Floats, *by_seed: Floats) -> Estimate:
    """Estimate a method's score, an average over images and training seeds.

    The variance is ``var(D) / n + s ** 2 / K``, where D are the images' means over seeds and s the standard deviation
    of the seeds' scores; the latter holds image noise as well, which is counted twice. Degrees of freedom by
    Satterthwaite. With a single seed the variance is that of the images.

    Args:
        by_image: Mean over the seeds for each image, shape (n,).
        by_seed: The score of each seed, shape (K,); several if the score depends on the seeds of several methods, as
            a quotient does.
    """
    images = clustered_mean(by_image)
    seeds = [(_spread(scores) / len(scores), len(scores) - 1) for scores in by_seed if len(scores) > 1]
    return _joined(images.value, images.standard_error**2, images.n_images, seeds)


def combine(
    value: float,
    image_variance: float,
    n_images: int,
    by_seed: tuple[Floats, Floats],
    shared: Floats | None = None,
) -> MethodDifference:
    """Join the images' variance of a difference, however it was found, with the seeds' variances.

    Args:
        value: Difference of the methods' scores.
        image_variance: Its variance over images.
        n_images: Source images.
        by_seed: Each method's score per seed, shapes (K1,) and (K2,).
        shared: What each seed of a third method that both depend on adds to the difference, shape (K3,), such as a
            reference's; None or one seed: nothing. It counts beside single seeds of the two methods as well.
    """
    n_seeds = len(by_seed[0]), len(by_seed[1])
    sampled = [*(by_seed if min(n_seeds) > 1 else ()), *([shared] if shared is not None and len(shared) > 1 else [])]
    seeds = [(_spread(scores) / len(scores), len(scores) - 1) for scores in sampled]
    return MethodDifference(_joined(value, image_variance, n_images, seeds), n_seeds)


def new_training_difference(new: Floats, known: Floats, ids: Ids | None = None) -> Estimate:
    """Estimate how a new training run's score differs from what training runs of its kind have.

    The variance is ``var(D) / n + s ** 2 * (1 + 1 / K)``, where D are the images' differences from the mean over the K
    known seeds and s the standard deviation of these seeds' scores: one more training run of the same kind would lie
    that far from their mean. The seeds' scores hold image noise as well, which is counted twice: the test errs on the
    cautious side. Degrees of freedom by Satterthwaite, as in ``method_difference``.

    Args:
        new: Score of each image, shape (n,).
        known: Scores of the known training runs on the same images, shape (K, n), K at least 2.
        ids: As in ``clustered_mean``.

    Returns:
        New minus known.

    Raises:
        DataError: If the images differ in number, there are fewer than two known training runs, or as
            ``clustered_mean``.
    """
    if new.ndim != 1 or known.ndim != 2 or known.shape[1:] != new.shape or len(known) < 2:
        raise DataError(f"A training is judged by two or more on its images; got scores {new.shape} and {known.shape}.")
    images = clustered_mean(new - known.mean(axis=0), ids)
    k = len(known)
    spread = _spread(known.mean(axis=1)) * (1 + 1 / k)
    return _joined(images.value, images.standard_error**2, images.n_images, [(spread, k - 1)])


def _spread(by_seed: Floats) -> float:
    """Return the variance of seeds' scores; equal ones must not differ by the rounding of their mean."""
    return 0.0 if np.ptp(by_seed) == 0 else float(np.var(by_seed, ddof=1))


def _joined(value: float, image_variance: float, n_images: int, seeds: Sequence[Part]) -> Estimate:
    """Add the variances of images and seeds; Satterthwaite's degrees of the sum."""
    parts = [(image_variance, n_images - 1), *seeds]
    variance = sum(v for v, _ in parts)
    divisor = sum(v**2 / degrees for v, degrees in parts)
    degrees = variance**2 / divisor if divisor > 0 else float(n_images - 1)
    return Estimate(value, float(np.sqrt(variance)), degrees, n_images, tuple(seeds))
