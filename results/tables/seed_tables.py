"""Spread over the training seeds of a method."""

from collections.abc import Iterator, Sequence
from statistics import mean, stdev

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.equal_training import states_training
from robustsweep.results.comparable.seed_groups import SeedGroup, seed_groups
from robustsweep.results.metrics.catalogue.error_scores import CLEAN, MEAN_CORRUPTION
from robustsweep.results.tables.table import Column, Table, Value

_SPREAD = (CLEAN, MEAN_CORRUPTION)
_NOTE = (
    "sd: standard deviation over training seeds (divisor seeds - 1), of training runs alike in all else that is known. "
    "It describes these seeds; robustsweep compare tests methods against each other."
)


def seed_spread(unit: Unit) -> list[Table]:
    """Build mean, standard deviation and extremes over the seeds of each method; nothing without several seeds."""
    groups = [group for group in seed_groups(unit) if len(group.checkpoint_ids) > 1]
    if not groups or unit.rows.empty:
        return []
    columns = [Column("method", "method", "method"), Column("seeds", "seeds", "count")]
    for score in _SPREAD:
        for name in ("mean", "sd", "lowest", "highest"):
            columns.append(Column(f"{score.name}_{name}", f"{score.header or score.title}, {name}", "percent"))
    errors = unit.values()
    values = [dict(zip(unit.checkpoints.index, score.values(errors), strict=True)) for score in _SPREAD]
    rows = []
    for group in groups:
        row: list[Value] = [group.name, len(group.checkpoint_ids)]
        for found in values:
            row += _spread([found[identifier] for identifier in group.checkpoint_ids])
        rows.append(tuple(row))
    title = "Spread over training seeds (%)"
    notes = (_NOTE, *_unstated(unit, groups))
    return [Table("seed_spread", title, unit.scope, tuple(columns), tuple(rows), notes)]


def _unstated(unit: Unit, groups: Sequence[SeedGroup]) -> Iterator[str]:
    cards = unit.checkpoints["card"]
    names = [group.label for group in groups if not all(states_training(str(cards[i])) for i in group.checkpoint_ids)]
    if names:
        yield f"Training not stated for {', '.join(names)}; whether more than the seed differs is unknown."


def _spread(values: list[float | None]) -> list[Value]:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return [None] * 4
    return [mean(known), stdev(known), min(known), max(known)]
