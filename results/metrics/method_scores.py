"""Scores of a method: each image's mean over training seeds, and each seed's mean over images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.per_image import read
from robustsweep.results.metrics.scores import Score
from robustsweep.results.statistics.families import K, tied_with_best
from robustsweep.results.statistics.intervals import Estimate, Floats
from robustsweep.results.statistics.seeds import MethodDifference, difference_of_means, mean_over_seeds


@dataclass(frozen=True, slots=True, eq=False)
class MethodScore:
    """One score of a method.

    Attributes:
        by_image: Mean over the seeds for each image, shape (n,).
        by_seed: Mean over the images for each seed, shape (K,).
        by_reference_seed: Of a quotient that a reference divides, what each of the reference's seeds adds to it, shape
            (seeds of the reference,); else empty.
    """

    by_image: Floats
    by_seed: Floats
    by_reference_seed: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of_one(cls, values: Floats) -> "MethodScore":
        """Take the score of one checkpoint, shape (n,)."""
        return cls(values, np.array([values.mean()]))

    def mean(self) -> Estimate:
        """Estimate the mean over images and seeds; with one seed, over images alone."""
        return mean_over_seeds(self.by_image, self.by_seed, self.by_reference_seed)

    def minus(self, other: "MethodScore") -> MethodDifference:
        """Compare with another method on the same images; a reference of both has no part if their scores agree."""
        return difference_of_means(self.by_image - other.by_image, (self.by_seed, other.by_seed))


class MethodScores:
    """The scores of a method whose checkpoints are read one after another; only sums stay in memory."""

    def __init__(self) -> None:
        self._sums: dict[str, Floats] = {}
        self._means: dict[str, list[float]] = {}
        self._n_seeds = 0

    @classmethod
    def of(cls, checkpoints: Iterable[MeasuredCells], scores: Sequence[Score]) -> "MethodScores":
        """Read some scores of all checkpoints of a method, without those whose probabilities cannot be read.

        Raises:
            DataError: If predictions cannot be read.
        """
        found = cls()
        for cells in checkpoints:
            reading = read(cells, scores)
            if reading.failures:
                raise reading.failures[0]
            found.add(reading.scores)
        return found

    def add(self, read: Mapping[str, Floats]) -> None:
        """Take the scores of one more checkpoint, as ``read_scores`` returns them."""
        self._n_seeds += 1
        for name, values in read.items():
            self._sums[name] = self._sums[name] + values if name in self._sums else values
            self._means.setdefault(name, []).append(float(values.mean()))

    def all(self) -> dict[str, MethodScore]:
        """Return the scores that every checkpoint has, by name."""
        return {
            name: MethodScore(total / self._n_seeds, np.array(self._means[name]))
            for name, total in self._sums.items()
            if len(self._means[name]) == self._n_seeds
        }


def not_worse_than_best(
    best: K, differences: Mapping[K, MethodDifference], *, of_methods: bool = False
) -> tuple[K, ...]:
    """Name what does not differ significantly from the best, itself first: two-sided, by Holm.

    Args:
        best: What has the best mean.
        differences: Of every other from it. One that is not tested counts as not significant.
        of_methods: Whether the result speaks of methods: of one that was trained once, images alone say nothing about
            its other seeds, so that it is not tested.
    """
    tested = {k: d.is_tested and (d.is_about_methods or not of_methods) for k, d in differences.items()}
    return tied_with_best(best, {k: d.estimate.p_two_sided() if tested[k] else 1.0 for k, d in differences.items()})
