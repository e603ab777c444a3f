"""Spread of scores over training seeds and images in a run that has methods with several seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustsweep.results.comparable.comparable_sets import Unit, split_units
from robustsweep.results.comparable.frame import read_runs
from robustsweep.results.comparable.seed_groups import SeedGroup, seed_groups
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.per_image import read_scores
from robustsweep.results.metrics.scores import Score
from robustsweep.results.statistics.intervals import Floats
from robustsweep.results.statistics.spreads import Spread, pooled_spread

_FEWEST_METHODS = 2
_FEWEST_DEGREES = 4


@dataclass(frozen=True, slots=True)
class RunSpreads:
    """Spreads of scores, pooled over methods that were trained alike and saw the same images.

    Attributes:
        spreads: By name of the score; those that every checkpoint has.
        n_methods: Methods with two seeds or more.
        n_trainings: Their training runs.
    """

    spreads: dict[str, Spread]
    n_methods: int
    n_trainings: int


def run_spreads(run: Path, data: str, scores: Sequence[Score]) -> RunSpreads | None:
    """Estimate spreads from the finished cells of a run.

    Args:
        run: A run folder, which need not be there.
        data: Name of the data set.
        scores: What to estimate.

    Returns:
        None if fewer than two methods have several seeds, or their seeds beyond the first are fewer than four: then
        they do not yet say how much seeds vary.

    Raises:
        DataError: If the folder is damaged.
    """
    if not run.is_dir():
        return None
    best = max(_with_seeds(run, data), key=lambda found: _degrees(found[1]), default=None)
    if best is None or len(best[1]) < _FEWEST_METHODS or _degrees(best[1]) < _FEWEST_DEGREES:
        return None
    unit, groups = best
    read = [[read_scores(MeasuredCells.of(unit, i, [run]), scores) for i in group.checkpoint_ids] for group in groups]
    shared = [s.name for s in scores if all(s.name in one for seeds in read for one in seeds)]
    methods: dict[str, list[Floats]] = {
        name: [np.stack([one[name] for one in seeds]) for seeds in read] for name in shared
    }
    spreads = {name: pooled_spread(found) for name, found in methods.items()}
    return RunSpreads(spreads, len(groups), sum(len(group.checkpoint_ids) for group in groups)) if spreads else None


def _with_seeds(run: Path, data: str) -> Iterator[tuple[Unit, list[SeedGroup]]]:
    for unit in split_units(read_runs([run]).frame):
        if unit.scope.data == data and unit.scope.n > 1:
            yield unit, [group for group in seed_groups(unit) if len(group.checkpoint_ids) > 1]


def _degrees(groups: Sequence[SeedGroup]) -> int:
    return sum(len(group.checkpoint_ids) - 1 for group in groups)
