"""Spreads of the scores of methods: over training seeds, over images, and over both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.statistics.intervals import ALPHA, POWER, Floats
from robustsweep.results.statistics.power import detectable_difference


@dataclass(frozen=True, slots=True)
class Spread:
    """Variances of one score, in the square of its unit.

    Attributes:
        seeds: Of a checkpoint's score over training seeds, if there were no end of images.
        seeds_by_image: Of an image's score over the seeds of one method, beyond what all its images share.
        methods_by_image: Of the difference of two methods over images, if there were no end of seeds.
    """

    seeds: float
    seeds_by_image: float
    methods_by_image: float

    def detectable(self, n_seeds: tuple[int, int], n_images: int, alpha: float = ALPHA, power: float = POWER) -> float:
        """Return the true difference of two methods that ``method_difference`` finds with probability ``power``.

        That test counts the noise of single seeds at single images twice, which is taken into account.

        Args:
            n_seeds: Seeds of either method; a single one on a side: the difference is one of these checkpoints.
            n_images: Images that all checkpoints see, 2 or more.
            alpha: Level of the test; in a family of m tests ``alpha / m`` for what Holm's procedure finds for certain.
            power: Chance of finding it.

        Raises:
            DataError: If there are no seeds or fewer than two images.
        """
        if min(n_seeds) < 1 or n_images < 2:
            raise DataError(f"A comparison needs a seed on each side and two images, got {n_seeds} and {n_images}.")
        single = self.seeds_by_image / n_images
        noise = single * sum(1 / k for k in n_seeds)
        about_methods = min(n_seeds) > 1
        parts = [((self.seeds + single) / k, k - 1) for k in n_seeds if about_methods]
        images = self.methods_by_image / n_images + noise
        found = detectable_difference(
            (images, n_images - 1), parts, alpha, power=power, counted_twice=noise if about_methods else 0.0
        )
        # Where nothing varied, images that do may still exist, see ``Estimate.interval``.
        return found or 1 - (alpha / 2) ** (1 / n_images)


def pooled_spread(methods: Sequence[Floats]) -> Spread:
    """Estimate the spread of a score from methods that were trained with several seeds.

    Variances are pooled over methods by their degrees of freedom; one whose estimate is negative is 0.

    Args:
        methods: Score of each image by seed, shape (K, n) each, on the same images; one or more with K at least 2.

    Raises:
        DataError: If no method has two seeds, or the images differ in number or are fewer than two.

    Source: the method of moments of a crossed design (Searle, Casella and McCulloch, "Variance Components", 1992).
    """
    n_images = {scores.shape[1] for scores in methods}
    several = [scores for scores in methods if len(scores) > 1]
    if not several or len(n_images) > 1 or min(n_images) < 2:
        shapes = ", ".join(str(scores.shape) for scores in methods)
        raise DataError(f"A spread over seeds needs a method with two of them on two shared images, got {shapes}.")
    n = n_images.pop()
    weights = [len(scores) - 1 for scores in several]
    of_means = np.average([np.var(scores.mean(axis=1), ddof=1) for scores in several], weights=weights)
    at_images = np.average([np.var(scores, axis=0, ddof=1).mean() for scores in several], weights=weights)
    by_image = max(0.0, float(at_images - of_means) * n / (n - 1))
    return Spread(max(0.0, float(of_means) - by_image / n), by_image, _of_methods(methods, by_image))


def _of_methods(methods: Sequence[Floats], by_image: float) -> float:
    """Return the mean over pairs of methods of what their differences vary by over images, noise of seeds left out."""
    if len(methods) < 2:
        return 0.0
    means = np.stack([scores.mean(axis=0) for scores in methods])
    n = means.shape[1]
    of_pairs = 2 * (np.var(means, axis=0, ddof=1).mean() - np.var(means.mean(axis=1), ddof=1)) * n / (n - 1)
    return max(0.0, float(of_pairs) - 2 * by_image * float(np.mean([1 / len(scores) for scores in methods])))
