"""Expected calibration error as a mean over images; NLL and Brier score are such means anyway."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError
from robustsweep.results.statistics.intervals import Floats, Ids

N_BINS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The images of one cell by their confidence, in ``N_BINS`` bins of equal width; arrays of shape (15,).

    Attributes:
        counts: int64, images in each bin.
        right: int64, those whose prediction is the label.
        confidence: float64, the sum of their confidences.
    """

    counts: Ids
    right: Ids
    confidence: Floats

    @property
    def expected_calibration_error(self) -> float:
        """ECE: the sum over bins of the absolute gap, in images, over all images."""
        return float(np.abs(self.confidence - self.right).sum() / self.counts.sum())

    @property
    def overconfidence(self) -> float:
        """Mean confidence minus accuracy: above zero a network is surer than it is right."""
        return float((self.confidence - self.right).sum() / self.counts.sum())

    @classmethod
    def pooled(cls, parts: Iterable["Bins"]) -> "Bins":
        """Add the bins of several cells or checkpoints, at least one."""
        found = list(parts)
        return cls(*(sum(getattr(one, name) for one in found) for name in ("counts", "right", "confidence")))


def binned(confidence: Floats, right: npt.NDArray[np.bool_]) -> Bins:
    """Sort images into bins, as ``bin_gaps`` does.

    Raises:
        DataError: If a confidence is not finite or lies outside [0, 1].
    """
    position = _positions(confidence, N_BINS)
    counts = np.bincount(position, minlength=N_BINS).astype(np.int64)
    n_right = np.bincount(position[right], minlength=N_BINS).astype(np.int64)
    sums = np.bincount(position, weights=confidence, minlength=N_BINS)
    return Bins(counts, n_right, np.asarray(sums, dtype=np.float64))


def _positions(confidence: Floats, n_bins: int) -> npt.NDArray[np.intp]:
    """Return the bin of each confidence; a bin holds its upper edge and not its lower one, and the first holds 0."""
    if not ((confidence >= 0) & (confidence <= 1 + 1e-6)).all():  # NaN fails as well
        raise DataError("A confidence lies outside [0, 1]; sweep the cell again.")
    return np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], confidence, side="left")


def bin_gaps(confidence: Floats, right: npt.NDArray[np.bool_], n_bins: int = N_BINS) -> Floats:
    """Return each image's part of the bins' gaps, shape (n, n_bins): confidence minus right in its bin, 0 elsewhere.

    Bins have equal width; one holds its upper edge and not its lower one, and the first holds 0.

    Args:
        confidence: Largest softmax probability, shape (n,), in [0, 1] up to rounding.
        right: Whether the prediction is the label, shape (n,).
        n_bins: Number of bins.

    Raises:
        DataError: If a confidence is not finite or lies outside [0, 1].
    """
    gaps = np.zeros((len(confidence), n_bins))
    add_bin_gaps(gaps, confidence, right)
    return gaps


def add_bin_gaps(gaps: Floats, confidence: Floats, right: npt.NDArray[np.bool_]) -> None:
    """Add to ``gaps``, shape (n, n_bins), what ``bin_gaps`` returns for one more cell of the same images."""
    gaps[np.arange(len(confidence)), _positions(confidence, gaps.shape[1])] += confidence - right


def ece_scores(gaps: Floats) -> Floats:
    """Return one number per image, shape (n,), whose mean is ECE, so that ECE can be compared paired by image.

    ECE is the sum over bins of the absolute mean gap. The sign of each bin's mean gap is taken as known, which holds to
    first order while no bin's gap is near zero: ECE is then a mean over images, with the spread that the delta method
    gives.

    Args:
        gaps: As ``bin_gaps`` returns them; for images pooled over cells, their mean over the cells.

    Source: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning" (AAAI
    2015), with the 15 equal-width bins of Guo et al., "On calibration of modern neural networks" (ICML 2017).
    """
    return np.asarray(gaps @ np.sign(gaps.mean(axis=0)), dtype=np.float64)
