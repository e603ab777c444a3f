"""C and each C-bar as benchmarks of their own: what they are called, their means, and one minus the other."""

from collections.abc import Mapping

from robustsweep.results.corruption_names import C_BAR_SETS, CORRUPTIONS
from robustsweep.results.metrics.catalogue.error_scores import MEAN_C_BAR, MEAN_CORRUPTION
from robustsweep.results.metrics.scores import Score

C = "C"
C_BARS: Mapping[str, Score] = {f"C-bar ({owner})": score for owner, score in zip(C_BAR_SETS, MEAN_C_BAR, strict=True)}
"""The mean over each C-bar, by what people call it."""
BENCHMARKS: Mapping[str, Score] = {C: MEAN_CORRUPTION, **C_BARS}
"""The mean over each benchmark of corruptions, C first."""
CORRUPTIONS_OF: Mapping[str, tuple[str, ...]] = {C: CORRUPTIONS} | dict(zip(C_BARS, C_BAR_SETS.values(), strict=True))
"""The corruptions of each benchmark."""


def minus_c(name: str) -> Score:
    """Build the mean error over a C-bar minus the one over C.

    Source: Mintun, Kirillov & Xie 2021: the column beside both errors in their tables.
    """
    mean = C_BARS[name]
    return Score(
        f"{mean.name.removeprefix('mean_corruption_error_')}_minus_c",
        f"{name} minus C",
        "difference",
        (*mean.cells, *MEAN_CORRUPTION.cells),
        (*mean.weights, *(-weight for weight in MEAN_CORRUPTION.weights)),
        definition=(
            f"Mean error over the 10 corruptions of {name} minus that over the 15 of C. The severities of C-bar were "
            "chosen so that it is near zero for networks trained without augmentations beyond the usual ones."
        ),
    )
