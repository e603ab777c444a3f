"""The headline's errors as estimates: intervals, ties with the best, and what they say in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.per_image import MeasuredCells, read_scores
from robustsweep.results.scores import MEAN_CORRUPTION, Score, mean_score
from robustsweep.results.statistics.families import tied_with_best
from robustsweep.results.statistics.intervals import Floats, clustered_mean, wilson
from robustsweep.results.statistics.paired import paired_difference
from robustsweep.results.tables import Table
from robustsweep.results.taxonomy import GROUPS, conditions_of
from robustsweep.results.units import Unit

HEADLINE = "headline"

_SCORES: tuple[Score, ...] = (
    mean_score("clean_error", "clean", "clean", ["clean"]),
    MEAN_CORRUPTION,
    *(mean_score(f"{group}_error", group, "group", conditions_of(*names)) for group, names in GROUPS.items()),
)
_INTERVALS = (
    "[a, b]: 95 % interval over which images were drawn, for this checkpoint: Wilson's for clean images, clustered by "
    "source image for means. It says nothing of other training seeds."
)
_TIES = (
    "≈: cannot be told apart from the best of its column (differences paired by image, two-sided, Holm within the "
    "column at 5 %)."
)


def with_intervals(table: Table, unit: Unit, runs: Sequence[Path]) -> Table:
    """Add to the headline the intervals of its errors, and which cannot be told apart from the best of their column.

    Other tables are returned as they are. Where the answers per image cannot be read, or there are fewer than two
    images, the headline says so and has no intervals.

    Args:
        table: A table of ``unit`` with a row per checkpoint, in the unit's order.
        unit: The measurements.
        runs: Where their cells are.
    """
    if table.slug != HEADLINE:
        return table
    places = {score.name: place for score in _SCORES if (place := _place(table, score.name)) is not None}
    try:
        intervals, tied = _estimated(table, places, MeasuredCells.of_each(unit, runs))
    except DataError as error:
        return replace(table, notes=(*table.notes, f"No intervals: {error}"))
    notes = [*([_INTERVALS] if intervals else []), *([_TIES] if tied else [])]
    return replace(table, intervals=intervals, tied=tied, notes=(*table.notes, *notes))


def _estimated(
    table: Table, places: Mapping[str, int], cells: Sequence[MeasuredCells]
) -> tuple[dict[tuple[int, int], tuple[float, float]], frozenset[tuple[int, int]]]:
    """Compute intervals and ties, holding the answers of one checkpoint and of the best ones at a time."""
    scores = [score for score in _SCORES if score.name in places]
    best = {score.name: row for score in scores if (row := _best(table, places[score.name])) is not None}
    leading = {s.name: read_scores(cells[best[s.name]], [s])[s.name] for s in scores if s.name in best}
    intervals: dict[tuple[int, int], tuple[float, float]] = {}
    p_values: dict[str, dict[str, float]] = {name: {} for name in best}
    for row, mine in enumerate(cells):
        for name, values in read_scores(mine, scores).items():
            intervals[row, places[name]] = _ends(name, values)
            if name in best and row != best[name]:
                p_values[name][str(row)] = paired_difference(values, leading[name]).p_two_sided()
    tied = {(row, places[name]) for name in best for row in _tied(table, places[name], best[name], p_values[name])}
    return intervals, frozenset(tied)


def _best(table: Table, place: int) -> int | None:
    """Return the row with the lowest value of a column; None where a row is not measured, or there is but one."""
    values = [row[place] for row in table.rows]
    errors = [value for value in values if isinstance(value, float)]
    return errors.index(min(errors)) if len(errors) == len(values) > 1 else None


def _tied(table: Table, place: int, best: int, p_values: Mapping[str, float]) -> Iterator[int]:
    """Yield the rows above the lowest value that cannot be told apart from it."""
    lowest = table.rows[best][place]
    names = tied_with_best(str(best), p_values)[1:]
    yield from (int(name) for name in names if table.rows[int(name)][place] != lowest)


def _place(table: Table, name: str) -> int | None:
    return next((place for place, column in enumerate(table.columns) if column.name == name), None)


def _ends(name: str, values: Floats) -> tuple[float, float]:
    if name == "clean_error":
        interval = wilson(int(values.sum()), len(values))
        return interval.low, interval.high
    interval = clustered_mean(values).interval()
    return max(0.0, interval.low), min(1.0, interval.high)


def summary_of(table: Table) -> Iterator[str]:
    """Say in sentences which checkpoint has the lowest errors in the headline, and which cannot be told apart from it.

    Args:
        table: The first table of a section; nothing is said of one that is not the headline.
    """
    if table.slug != HEADLINE or len(table.rows) < 2:
        return
    for name, what in (("mean_corruption_error", "mean error over the 15 corruptions"), ("clean_error", "clean error")):
        place = _place(table, name)
        rows = [row for row, values in enumerate(table.rows) if place is not None and values[place] is not None]
        if place is None or len(rows) < len(table.rows):
            continue
        errors = {row: float(str(table.rows[row][place])) for row in rows}
        low, high = min(errors.values()), max(errors.values())
        best, worst = ([row for row in rows if errors[row] == end] for end in (low, high))
        tied = [row for row in rows if (row, place) in table.tied]
        also = f" Not told apart from it: {_names(table, tied)}." if tied else ""
        shown = table.columns[place].shown
        yield (
            f"Lowest {what}: {_names(table, best)}, {shown(low)} %.{also} "
            f"Highest: {_names(table, worst)}, {shown(high)} %."
        )


def _names(table: Table, rows: Sequence[int]) -> str:
    return ", ".join(str(table.rows[row][0]) for row in rows)
