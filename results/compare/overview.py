"""The overview of a comparison: its main score in a sentence per opponent, and one table of differences."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from robustsweep.results.compare.comparison import UnitComparison
from robustsweep.results.compare.paired_scores import Comparison
from robustsweep.results.compare.two_benchmarks import orders_among
from robustsweep.results.compare.wording import UNTESTED, reading
from robustsweep.results.metrics.scores import C_BAR, PRIMARY
from robustsweep.results.statistics.intervals import ALPHA
from robustsweep.results.tables.table import Column, Table, Value

Place = tuple[int, int]

_MARK = "≈: no significant difference (paired by image, training seeds counted, Holm over these scores at 5%)."


def main_findings(found: UnitComparison, metrics: Collection[str]) -> Iterator[str]:
    """Say for each opponent what the data say of the first declared score that it shares, and of C and C-bar.

    Without a declared score the first one of all stands for it.
    """
    declared, orders = _declared(found, metrics), orders_among(found.comparisons)
    for other in (second for _, second in found.pairs):
        mine = [one for one in declared if one.second == other]
        mine = mine or [one for one in found.comparisons if one.second == other][:1]
        means = [one for one in mine[1:] if one.score.kind in (PRIMARY, C_BAR)]
        for one in (*mine[:1], *means):
            yield f"{one.first.name} against {one.second.name}, {one.score.named}: {reading(one)}."
        yield from (one.sentence() for one in orders if one.on_c.second == other and one.on_c_bar in mine)


def overview(found: UnitComparison, metrics: Collection[str]) -> list[Table]:
    """Build the declared differences: against one opponent with means and p values, against several side by side.

    Args:
        found: The comparisons of a set of images.
        metrics: Names of the declared scores; none: those that ``KINDS`` declares.

    Returns:
        A table of fractions and one of other scores, as far as there are such.
    """
    declared = _declared(found, metrics)
    of_kinds = [[one for one in declared if one.score.is_fraction == is_fraction] for is_fraction in (True, False)]
    return [(_side_by_side if _several(chosen) else _against_one)(found, chosen) for chosen in of_kinds if chosen]


def _declared(found: UnitComparison, metrics: Collection[str]) -> list[Comparison]:
    def is_declared(one: Comparison) -> bool:
        return one.score.name in metrics if metrics else one.score.is_declared

    return list(filter(is_declared, found.comparisons))


def _several(chosen: Sequence[Comparison]) -> bool:
    return len({one.second.name for one in chosen}) > 1


def _against_one(found: UnitComparison, chosen: Sequence[Comparison]) -> Table:
    first, second, unit = chosen[0].first.name, chosen[0].second.name, _unit(chosen[0])
    columns = [Column("score", "score"), Column("first", first, unit), Column("second", second, unit)]
    columns += [Column("difference", "difference", unit), Column("p_holm", "p (Holm)", "p_value")]
    rows = tuple((one.score.named, *one.values, one.difference.estimate.value, one.p_holm) for one in chosen)
    return _finished(found, chosen, columns, rows, {id(one): (r, 3) for r, one in enumerate(chosen)})


def _side_by_side(found: UnitComparison, chosen: Sequence[Comparison]) -> Table:
    titles = list(dict.fromkeys(one.score.named for one in chosen))
    opponents = list(dict.fromkeys(one.second.name for one in chosen))
    columns = [Column("score", "score"), *(Column(name, name, _unit(chosen[0])) for name in opponents)]
    places = {id(one): (titles.index(one.score.named), 1 + opponents.index(one.second.name)) for one in chosen}
    rows: list[list[Value]] = [[title, *(None for _ in opponents)] for title in titles]
    for one in chosen:
        row, column = places[id(one)]
        rows[row][column] = one.difference.estimate.value
    return _finished(found, chosen, columns, tuple(map(tuple, rows)), places)


def _unit(one: Comparison) -> Literal["percent", "number"]:
    return "percent" if one.score.is_fraction else "number"


def _finished(
    found: UnitComparison,
    chosen: Sequence[Comparison],
    columns: Sequence[Column],
    rows: tuple[tuple[Value, ...], ...],
    places: Mapping[int, Place],
) -> Table:
    """Mark differences that are not significant, and give them their intervals."""
    first = chosen[0].first.name
    several = _several(chosen)
    title = f"{first} minus each other" if several else f"{first} against {chosen[0].second.name}"
    how = "percentage points" if several else "%, differences in percentage points"
    title += f" ({how}; below zero {first} is better)" if chosen[0].score.is_fraction else ""
    notes = [_MARK, *([] if all(one.difference.is_tested for one in chosen) else [UNTESTED])]
    return Table(
        "compare_overview",
        title,
        found.unit.scope,
        tuple(columns),
        rows,
        (*notes, *found.notes),
        intervals={places[id(one)]: (one.interval.low, one.interval.high) for one in chosen},
        tied=frozenset(places[id(one)] for one in chosen if one.p_holm is None or one.p_holm >= ALPHA),
    )
