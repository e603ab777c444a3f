"""Tables of errors on clean and corrupted images, one unit each."""

from collections.abc import Sequence

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import CORRUPTIONS, GROUPS, group_of, rank_of
from robustsweep.results.metrics.corruption_metrics import (
    MCE,
    MEAN_CORRUPTION_ERROR,
    ce,
    corruption_error,
)
from robustsweep.results.metrics.references import Reference
from robustsweep.results.metrics.scores import MEAN_CORRUPTION
from robustsweep.results.tables.headline import (
    clean_and_scores,
    headline,
    some_complete,
    undefined_notes,
    value_or_missing,
)
from robustsweep.results.tables.table import Line, Table, Value, matrix, value_of

_EMPTY: tuple[tuple[Value, ...], ...] = ()


def corruption_tables(unit: Unit, references: Sequence[Reference]) -> list[Table]:
    """Build every table of clean and corrupted images that the unit's cells support."""
    found = sorted(unit.rows["corruption"].dropna().unique(), key=rank_of)
    others = [name for name in found if name not in CORRUPTIONS]
    benchmark_complete = some_complete(unit, CORRUPTIONS)
    tables = [headline(unit, references)] if len(unit.rows) else []
    if benchmark_complete:
        tables.append(error_per_corruption(unit))
        tables += [ce_per_corruption(unit, reference) for reference in references]
    if some_complete(unit, others):
        tables.append(extra_corruptions(unit, others))
    if found:
        tables.append(error_per_severity(unit, found))
    if len(unit.rows):
        tables.append(clean_and_scores(unit, benchmark_complete))
    return tables


def _labels(unit: Unit) -> list[str]:
    return list(unit.checkpoints["label"])


def _per_corruption(unit: Unit, corruptions: Sequence[str]) -> list[Line]:
    errors = unit.values()
    return [
        Line(
            group_of(c),
            c,
            tuple(value_or_missing(corruption_error(c), errors[i]) for i in unit.checkpoints.index),
            f"{c}_error",
        )
        for c in corruptions
    ]


def error_per_corruption(unit: Unit) -> Table:
    """Mean error over five severities of each benchmark corruption, and the mean over the fifteen."""
    errors = unit.values()
    mean = tuple(value_or_missing(MEAN_CORRUPTION_ERROR, errors[i]) for i in unit.checkpoints.index)
    lines = [*_per_corruption(unit, CORRUPTIONS), Line("all", "mean of 15", mean, MEAN_CORRUPTION.name)]
    table = Table(
        "error_per_corruption",
        "Error per corruption (%, lower is better)",
        unit.scope,
        (),
        _EMPTY,
        ("Each value is the mean over 5 severities.",),
        subject=unit.subject,
    )
    return matrix(table, ("group", "corruption"), _labels(unit), lines, higher_is_better=False)


def ce_per_corruption(unit: Unit, reference: Reference) -> Table:
    """CE of each benchmark corruption and its mean, mCE."""
    errors = unit.values()
    metrics = [("all", "mCE", MCE)]
    metrics = [(group, name, ce(name)) for group, names in GROUPS.items() for name in names] + metrics
    lines = [
        Line(group, name, tuple(value_or_missing(metric, errors[i], reference) for i in unit.checkpoints.index))
        for group, name, metric in metrics
    ]
    caveat = f"; {reference.caveat}" if reference.caveat else ""
    notes = ["CE: error summed over 5 severities, divided by the reference's sum. mCE: mean of the 15 CE."]
    table = Table(
        f"ce_per_corruption_{reference.short_name.lower()}",
        f"CE with reference {reference.name} (%, lower is better{caveat})",
        unit.scope,
        (),
        _EMPTY,
        (*notes, *undefined_notes(MCE, reference)),
        depth="detail",
        subject=unit.subject,
    )
    return matrix(table, ("group", "corruption"), _labels(unit), lines, higher_is_better=False)


def extra_corruptions(unit: Unit, corruptions: Sequence[str]) -> Table:
    """Corruptions outside the fifteen; they enter no mean above."""
    table = Table(
        "extra_corruptions",
        "Extra corruptions (%, lower is better)",
        unit.scope,
        (),
        _EMPTY,
        ("Each value is the mean over 5 severities. These enter no mean of the benchmark.",),
        subject=unit.subject,
    )
    lines = _per_corruption(unit, corruptions)
    return matrix(table, ("group", "corruption"), _labels(unit), lines, higher_is_better=False)


def error_per_severity(unit: Unit, corruptions: Sequence[str]) -> Table:
    """Every measured condition on its own; shown to people only where no corruption has all five severities."""
    errors, alone = unit.values(), not some_complete(unit, corruptions)
    names = [f"{c}@{s}" for c in corruptions for s in range(1, 6) if f"{c}@{s}" in errors.index]
    lines = [
        Line(
            group_of(name.split("@")[0]),
            name,
            tuple(map(value_of, row)),
            f"{name}_error" if alone else "",
        )
        for name, row in zip(names, errors.loc[names, list(unit.checkpoints.index)].to_numpy().tolist(), strict=True)
    ]
    table = Table(
        "error_per_severity",
        "Error per corruption and severity (%, lower is better)",
        unit.scope,
        (),
        _EMPTY,
        depth="summary" if alone else "data",
        subject=unit.subject,
    )
    return matrix(table, ("group", "condition"), _labels(unit), lines, higher_is_better=False)
