"""Scores of predicted probabilities: ECE, NLL and Brier score."""

from collections.abc import Mapping

from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS
from robustsweep.results.metrics.catalogue.error_scores import ALL_CONDITIONS
from robustsweep.results.metrics.scores import Quantity, Score, mean_score

ECE: Mapping[str, Score] = {
    where: mean_score(f"{where}_ece", f"ECE, {where}", "calibration", conditions, "ece")
    for where, conditions in (
        ("clean", ("clean",)),
        ("corruptions", ALL_CONDITIONS),
        *((name, (name,)) for name in NATURAL_SHIFTS),
    )
}


def probability_scores(where: str) -> tuple[Score, Score]:
    """Build the mean NLL and Brier score over clean images, over all corruptions, or over those of a natural shift."""
    quantities: tuple[tuple[Quantity, str], ...] = (("nll", "NLL (nats)"), ("brier", "Brier"))
    cells = [condition for condition, _ in ECE[where].cells]
    nll, brier = (mean_score(f"{where}_{q}", f"{title}, {where}", "calibration", cells, q) for q, title in quantities)
    return nll, brier
