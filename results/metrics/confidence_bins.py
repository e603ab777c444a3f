"""Confidence and accuracy of a checkpoint: its images by confidence."""

from collections.abc import Mapping
from dataclasses import dataclass

from robustsweep.results.metrics.catalogue.probability_scores import ECE
from robustsweep.results.metrics.per_image import Reading
from robustsweep.results.metrics.scores import CellName
from robustsweep.results.statistics.calibration import Bins
from robustsweep.results.stored.store import NEEDS_EXAMPLES

WHERE: Mapping[str, tuple[CellName, ...]] = {where: score.cells for where, score in ECE.items()}
"""The images that are pooled, by name: the clean ones, all of 15 corruptions x 5 severities, each natural shift's."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """One checkpoint's confidence on the images of ``WHERE``; what is not measured, or cannot be read, is left out.

    Attributes:
        bins: Images by confidence.
        problems: Why something measured is left out.
    """

    bins: Mapping[str, Bins]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, reading: Reading) -> "Calibration":
        """Take what a reading of a checkpoint found."""
        lacks_images = any(ECE[where].name not in reading.scores for where in reading.bins)
        problems = [str(error) for error in reading.problems] or [f"ECE {NEEDS_EXAMPLES}"] * lacks_images
        return cls(reading.bins, tuple(dict.fromkeys(problems)))
