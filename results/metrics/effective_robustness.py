"""Effective robustness: accuracy under a natural shift beyond what accuracy on clean images predicts.

Source: Taori et al., "Measuring Robustness to Natural Distribution Shifts in Image Classification" (NeurIPS 2020),
section 2: accuracy under the shift minus that of a line through many networks, fitted to the logits of the accuracies.
Difference: the line goes through the checkpoints at hand, and not through the paper's 204 networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

FEWEST_CHECKPOINTS = 3


@dataclass(frozen=True, slots=True)
class LogitLine:
    """A line from clean accuracy to accuracy under a shift, both as logits.

    Attributes:
        slope: Of the line.
        intercept: Of the line.
        n: Checkpoints that it was fitted to.
    """

    slope: float
    intercept: float
    n: int

    def predicted(self, clean_accuracy: float) -> float:
        """Return the accuracy under the shift that a clean accuracy in (0, 1) leads to expect."""
        return float(expit(self.slope * logit(clean_accuracy) + self.intercept))

    def effective_robustness(self, clean_accuracy: float, shifted_accuracy: float) -> float:
        """Return what the accuracy under the shift has beyond the line."""
        return shifted_accuracy - self.predicted(clean_accuracy)


def has_logit(accuracy: float) -> bool:
    """Say whether an accuracy can lie on the line."""
    return 0 < accuracy < 1


def logit_line(clean: Sequence[float], shifted: Sequence[float]) -> LogitLine | str:
    """Fit the line by least squares.

    Args:
        clean: Accuracies on clean images, one per checkpoint.
        shifted: Accuracies under the shift, likewise. Checkpoints with an accuracy of 0 or 1, which has no logit, are
            left out.

    Returns:
        The line, or why there is none, as the end of a sentence.
    """
    pairs = [(c, s) for c, s in zip(clean, shifted, strict=True) if has_logit(c) and has_logit(s)]
    if len(pairs) < FEWEST_CHECKPOINTS:
        return (
            f"a line needs {FEWEST_CHECKPOINTS} checkpoints or more with both accuracies above 0% and below 100%, and "
            f"there {'is' if len(pairs) == 1 else 'are'} {len(pairs)}"
        )
    x, y = logit(np.array(pairs, dtype=np.float64)).T
    if np.ptp(x) == 0:
        return "all checkpoints have the same accuracy on clean images, through which many lines go"
    slope, intercept = np.polyfit(x, y, 1)
    return LogitLine(float(slope), float(intercept), len(pairs))
