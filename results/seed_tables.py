"""How far the training seeds of a method lie apart."""

from statistics import mean, stdev

from robustsweep.results.headline import value_or_missing
from robustsweep.results.metrics import CLEAN_ERROR, MEAN_CORRUPTION_ERROR
from robustsweep.results.series import seed_groups
from robustsweep.results.tables import Column, Table, Value
from robustsweep.results.units import Unit

_NOTE = (
    "sd: standard deviation over training seeds (divisor seeds - 1), seeds trained and measured alike. It describes "
    "these seeds; robustsweep compare tests methods against each other."
)


def seed_spread(unit: Unit) -> list[Table]:
    """Build mean, standard deviation and extremes over the seeds of each method; nothing without several seeds."""
    groups = [group for group in seed_groups(unit) if len(group.checkpoint_ids) > 1]
    if not groups or unit.rows.empty:
        return []
    columns = [Column("method", "method"), Column("seeds", "seeds", "count")]
    for metric in (CLEAN_ERROR, MEAN_CORRUPTION_ERROR):
        for name in ("mean", "sd", "lowest", "highest"):
            columns.append(Column(f"{metric.name}_{name}", f"{metric.title}, {name}", "percent"))
    errors = unit.values()
    rows = []
    for group in groups:
        row: list[Value] = [group.label, len(group.checkpoint_ids)]
        for metric in (CLEAN_ERROR, MEAN_CORRUPTION_ERROR):
            row += _spread([value_or_missing(metric, errors[identifier]) for identifier in group.checkpoint_ids])
        rows.append(tuple(row))
    title = "Spread over training seeds (%)"
    return [Table("seed_spread", title, unit.scope, tuple(columns), tuple(rows), (_NOTE,))]


def _spread(values: list[float | None]) -> list[Value]:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return [None] * 4
    return [mean(known), stdev(known), min(known), max(known)]
