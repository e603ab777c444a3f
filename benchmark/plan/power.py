"""From what will be measured to what a comparison of it would show."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from robustsweep.benchmark.checkpoints import Checkpoint
from robustsweep.benchmark.data import Dataset, OfficialSet
from robustsweep.benchmark.plan.conditions import Condition
from robustsweep.benchmark.plan.plan import Plan
from robustsweep.results.compare.planned import PlannedComparison
from robustsweep.results.compare.request import declared_family
from robustsweep.results.stored.cells import canonical_json


def power_of_sweep(plan: Plan, run: Path, toml: Path | None) -> list[str]:
    """Say which differences of the methods of a sweep its images would show, see ``PlannedComparison``.

    Args:
        plan: All shards of the sweep.
        run: Its run folder.
        toml: The plan file that it came from, whose [compare] table declares a family.
    """
    data, seeds = plan.source.data, seeds_by_method(plan.checkpoints)
    return power_lines(plan.conditions, seeds, [len(plan.source.positions)], data, run, toml)


def power_lines(
    conditions: Sequence[Condition],
    seeds: Sequence[int],
    n_images: Sequence[int],
    data: Dataset | OfficialSet,
    run: Path | None,
    toml: Path | None,
) -> list[str]:
    """Say what ``PlannedComparison`` says, whose attributes these are; ``toml`` is as for ``power_of_sweep``."""
    metrics, n_opponents = declared_family(toml) if toml else ((), 1)
    described = [condition.describe() for condition in conditions]
    opponents = n_opponents or max(1, len(seeds) - 1)
    return PlannedComparison(described, seeds, n_images, data.name, data.classes, run, metrics, opponents).lines()


def seeds_by_method(checkpoints: Sequence[Checkpoint]) -> list[int]:
    """Count the seeds of each method that the checkpoints' cards name."""
    cards = [checkpoint.card for checkpoint in checkpoints if checkpoint.card.method]
    trained = {((c.method, canonical_json(c.method_parameters), c.architecture), c.seed) for c in cards}
    return list(Counter(method for method, _ in trained).values())
