"""Scores of methods as the report's tables have them, by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, stdev

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.notes import of_kind
from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.tables.table import Column, Table

Ends = tuple[float, float]
Place = tuple[int, int]

_ACCURACY, _ERROR = "_accuracy", "_error"


@dataclass(frozen=True, slots=True)
class ScoreEntries:
    """One score of a table's checkpoints or methods, by their positions.

    Attributes:
        title: What the table calls it.
        column: Its unit and direction.
        values: What is measured; None is missing.
        intervals: If the table has them.
        best: Positions of the best, if the table marks it.
        tied: Positions of those that do not differ significantly from the best, if the table marks them.
        warnings: The table's warnings.
    """

    title: str
    column: Column
    values: Mapping[int, float | None]
    intervals: Mapping[int, Ends] = field(default_factory=dict)
    best: frozenset[int] = frozenset()
    tied: frozenset[int] = frozenset()
    warnings: tuple[str, ...] = ()

    def turned(self) -> "ScoreEntries":
        """Return errors of accuracies."""
        values = {k: None if value is None else 1 - value for k, value in self.values.items()}
        intervals = {k: (1 - high, 1 - low) for k, (low, high) in self.intervals.items()}
        column = replace(self.column, higher_is_better=False)
        return replace(self, column=column, values=values, intervals=intervals)


@dataclass(frozen=True, slots=True)
class MethodEntries:
    """One score of all methods, in the order of their groups.

    Attributes:
        name: Of the score.
        entries: Means over seeds, by position of the method; errors, if the table shows accuracies.
        deviations: Standard deviations over seeds; None for one seed, or if a seed's value is missing.
        is_judged: Whether the report says which of them are as good as the best.
    """

    name: str
    entries: ScoreEntries
    deviations: tuple[float | None, ...]
    is_judged: bool


def method_entries(unit: Unit, tables: Sequence[Table], groups: Sequence[SeedGroup]) -> dict[str, MethodEntries]:
    """Find every score with a direction that the tables of a set have, by name.

    Means, intervals and ties are those of the tables of methods; if these lack a score, its mean is that of the
    seeds' values in the tables of checkpoints, as for a method with one seed.

    Args:
        unit: The measurements.
        tables: The set's tables.
        groups: As ``seed_groups`` returns them.
    """
    of_checkpoints = _entries([table for table in tables if table.subject == "checkpoint"])
    of_methods = _entries([table for table in tables if table.subject == "method"])
    positions = {str(identifier): place for place, identifier in enumerate(unit.checkpoints.index)}
    members = [[positions[identifier] for identifier in group.checkpoint_ids] for group in groups]
    found = {}
    for name in dict.fromkeys([*of_methods, *of_checkpoints]):
        singles = of_checkpoints.get(name)
        averaged = of_methods.get(name)
        entries = averaged or (_averaged(singles, members) if singles else None)
        if entries is not None:
            deviations = tuple(_deviation(singles, seeds) for seeds in members)
            is_judged = bool(averaged) or len(members) == len(positions)
            found[name] = MethodEntries(name, entries, deviations, is_judged)
    return found


def _entries(tables: Sequence[Table]) -> dict[str, ScoreEntries]:
    found: dict[str, ScoreEntries] = {}
    for table in tables:
        best = table.best()
        for name, places in _places(table).items():
            error = f"{name.removesuffix(_ACCURACY)}{_ERROR}" if name.endswith(_ACCURACY) else name
            if error not in found and (entries := _of_places(table, places, best)):
                found[error] = entries if error == name else entries.turned()
    return found


def _places(table: Table) -> dict[str, dict[int, Place]]:
    """Find the place of each position's value of a score; of a table that names none, its columns are scores."""
    found: dict[str, dict[int, Place]] = {}
    for place, (score, position) in table.scores.items():
        found.setdefault(score.name, {})[position] = place
    if table.best_along == "column":
        named = {c for _, c in table.scores}
        for c, column in enumerate(table.columns):
            # What a matrix turned over calls its columns does not say what they measure.
            if c not in named and column.higher_is_better is not None and column.name != column.title:
                found.setdefault(column.name, {row: (row, c) for row in range(len(table.rows))})
    return found


def _of_places(table: Table, places: Mapping[int, Place], best: set[Place]) -> ScoreEntries | None:
    values: dict[int, float | None] = {}
    for position, (row, column) in places.items():
        value = table.rows[row][column]
        if isinstance(value, str):
            return None
        values[position] = None if value is None else float(value)
    row, column = places[min(places)]
    shown = table.columns[column]
    is_turned = table.best_along == "row" and row in table.turned_rows
    return ScoreEntries(
        _title(table, row, column),
        replace(shown, higher_is_better=not shown.higher_is_better) if is_turned else shown,
        values,
        {k: table.intervals[place] for k, place in places.items() if place in table.intervals},
        frozenset(k for k, place in places.items() if place in best),
        frozenset(k for k, place in places.items() if place in table.tied),
        (*of_kind(table.notes, "audits"), *of_kind(table.notes, "overshoot")),
    )


def _title(table: Table, row: int, column: int) -> str:
    if table.keys < 2:
        return table.columns[column].title
    group, name = (str(value) for value in table.rows[row][:2])
    return f"{group} {name}" if table.columns[0].name == "attack" else name


def _averaged(singles: ScoreEntries, members: Sequence[Sequence[int]]) -> ScoreEntries:
    """Average over the seeds of each method; what is said of checkpoints holds for methods with one seed each."""
    means: dict[int, float | None] = {}
    for method, seeds in enumerate(members):
        known = [value for seed in seeds if (value := singles.values.get(seed)) is not None]
        means[method] = mean(known) if len(known) == len(seeds) else None
    alone = {seeds[0]: method for method, seeds in enumerate(members) if len(seeds) == 1}
    are_alone = len(alone) == len(members)
    return replace(
        singles,
        values=means,
        intervals={alone[k]: ends for k, ends in singles.intervals.items() if k in alone},
        best=frozenset(alone[k] for k in singles.best) if are_alone else frozenset(),
        tied=frozenset(alone[k] for k in singles.tied) if are_alone else frozenset(),
    )


def _deviation(singles: ScoreEntries | None, seeds: Sequence[int]) -> float | None:
    values = [singles.values.get(seed) for seed in seeds] if singles else []
    known = [value for value in values if value is not None]
    return stdev(known) if len(known) == len(seeds) > 1 else None
