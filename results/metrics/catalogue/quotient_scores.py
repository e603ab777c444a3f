"""Scores that divide: CE, mCE and their relative forms by a reference, corrupted accuracy by clean accuracy."""

from dataclasses import replace

from robustsweep.results.alexnet_errors import alexnet_errors
from robustsweep.results.corruption_names import CORRUPTIONS
from robustsweep.results.metrics.catalogue.error_scores import CLEAN, MEAN_CORRUPTION, accuracy_of, corruption_score
from robustsweep.results.metrics.scores import PRIMARY, Score, quotient

_SOURCE = "one per corruption of the benchmark, each a ratio of sums over 5 severities."


def _rise(corruption: str) -> Score:
    """Build the mean error under a corruption minus the clean one."""
    whole = corruption_score(corruption)
    title, cells = f"the rise of error under {corruption}", (*whole.cells, *CLEAN.cells)
    return Score(f"{corruption}_rise", title, "ratio", cells, (*whole.weights, -1.0))


def ce(*corruptions: str) -> Score:
    """Build CE: a corruption's summed error over the reference's, 1 is the reference itself; of several, the mean.

    Source: Hendrycks & Dietterich 2019, section 4.2: a ratio of sums, not a mean of per-severity ratios.
    """
    over = [corruption_score(name) for name in corruptions]
    under = [replace(score, title=f"the error under {score.title}") for score in over]
    if len(over) == 1:
        return quotient(f"ce_{corruptions[0]}", f"CE {corruptions[0]}", over, under, "")
    return quotient("mce", "mCE", over, under, f"Mean of {len(over)} CE values, {_SOURCE}")


def relative_ce(*corruptions: str) -> Score:
    """Build relative CE: the summed rise of error above the clean error, over the reference's; of several, the mean.

    Source: Hendrycks & Dietterich 2019, section 4.2.
    """
    parts = [_rise(name) for name in corruptions]
    if len(parts) == 1:
        return quotient(f"relative_ce_{corruptions[0]}", f"relative CE {corruptions[0]}", parts, parts, "")
    return quotient("relative_mce", "relative mCE", parts, parts, f"Mean of {len(parts)} relative CE values, {_SOURCE}")


MCE = ce(*CORRUPTIONS)

RELATIVE_MCE = relative_ce(*CORRUPTIONS)

# Source: Michaelis et al. 2019, "Benchmarking Robustness in Object Detection", where it is called rPC; the mean of the
# fifteen ratios is the ratio of the mean, as all have one divisor.
RELATIVE_ROBUSTNESS = quotient(
    "relative_robustness",
    "relative robustness",
    [accuracy_of(MEAN_CORRUPTION)],
    [accuracy_of(CLEAN)],
    "Mean accuracy over 15 corruptions x 5 severities, divided by the accuracy on clean images; higher is better.",
    by_reference=False,
)

DIVIDED = (MCE, RELATIVE_MCE)
"""Those that every reference divides."""


def published_mce() -> Score:
    """Build mCE with AlexNet's published errors: constants divide, so that it is a mean over images as well."""
    errors = alexnet_errors().to_frame()
    divisors = [float(part.values(errors)[0] or 0) for part in MCE.under]
    return replace(MCE.with_constants(divisors), title="mCE (AlexNet)", kind=PRIMARY)
