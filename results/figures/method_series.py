"""Series that the figures draw: one per method, its training seeds together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.rows import DEFAULT_METHOD
from robustsweep.results.comparable.seed_groups import SeedGroup, seed_groups
from robustsweep.results.metrics.benchmarks import CORRUPTIONS_OF, C
from robustsweep.results.metrics.catalogue.error_scores import corruption_score

MAX_DRAWN = 40
"""More methods than this and a figure shows the best of them only."""
MAX_PANELS = 16
"""The same of a figure with a panel for each."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One method, or one checkpoint if the method does not tell it apart.

    Attributes:
        label: What figures call it.
        errors: Fractions, shape (checkpoints, corruptions + 1): those of a benchmark, such as the fifteen of C, and
            their mean; NaN if not measured.
        is_baseline: Whether its method is ``baseline``.
    """

    label: str
    errors: npt.NDArray[np.float64]
    is_baseline: bool

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean over the checkpoints, shape (corruptions + 1,)."""
        return np.asarray(self.errors.mean(axis=0), dtype=np.float64)


def drawn_groups(unit: Unit, most: int = MAX_DRAWN) -> list[SeedGroup]:
    """Return what figures draw: all of ``seed_groups``, or the baseline and those with the lowest errors.

    If there are more than ``most``, the baseline and then the lowest mean error over what was measured decide who is
    drawn; the order stays that of ``seed_groups``.
    """
    groups = seed_groups(unit)
    if len(groups) <= most:
        return groups
    rows = unit.attacks if unit.rows.empty else unit.rows
    errors = rows.groupby("checkpoint_id")["error"].mean()
    means = [float(errors.reindex(list(group.checkpoint_ids)).mean()) for group in groups]
    keys = [(group.method != DEFAULT_METHOD, np.isnan(m), m) for group, m in zip(groups, means, strict=True)]
    ranked = sorted(range(len(groups)), key=lambda i: keys[i])
    return [groups[i] for i in sorted(ranked[:most])]


def who_is_drawn(unit: Unit, most: int = MAX_DRAWN) -> str:
    """Say which methods a figure of at most so many leaves out; empty if none."""
    groups = seed_groups(unit)
    if len(groups) <= most:
        return ""
    baseline = "the baseline and " if any(group.method == DEFAULT_METHOD for group in groups) else ""
    return f" ({baseline}the lowest mean errors: {most} of {len(groups)}; the tables have all)"


def series_of(unit: Unit, benchmark: str = C) -> list[Series]:
    """Return one series of errors under a benchmark's corruptions per ``drawn_groups``, in their order."""
    errors = unit.values()
    scores = map(corruption_score, CORRUPTIONS_OF[benchmark])
    of_all = np.array([score.values(errors) for score in scores], dtype=np.float64)
    # NaN unless all of them are there.
    found = dict(zip(unit.checkpoints.index, np.vstack([of_all, of_all.mean(axis=0)]).T, strict=True))
    return [
        Series(
            group.label,
            np.stack([found[identifier] for identifier in group.checkpoint_ids]),
            group.method == DEFAULT_METHOD,
        )
        for group in drawn_groups(unit)
    ]
