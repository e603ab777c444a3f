"""A score: how much the error rises from clean images to dark corners."""

from robustsweep.results.metrics.scores import CLEAN_CELL, Score

VIGNETTE_RISE = Score(
    name="vignette_rise",
    title="rise under vignette",
    kind="group",
    cells=(*((f"vignette@{severity}", "") for severity in range(1, 6)), CLEAN_CELL),
    weights=(0.2, 0.2, 0.2, 0.2, 0.2, -1.0),
    definition="Mean error over the five severities of vignette, minus the error on clean images.",
)
