"""The summary of a comparable set, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from robustsweep.results.comparable.notes import of_kind
from robustsweep.results.metrics.benchmarks import C_BARS
from robustsweep.results.metrics.catalogue.error_scores import (
    CLEAN,
    GROUP_ERRORS,
    MEAN_CORRUPTION,
    NOT_OVERLAPPED,
    SHIFT_ERRORS,
)
from robustsweep.results.statistics.seeds import FEWEST_SEEDS
from robustsweep.results.tables.intervals_and_ties import HEADLINE
from robustsweep.results.tables.table import Table

_ERRORS = {MEAN_CORRUPTION.name: "mean error over the 15 corruptions of C"}
_ERRORS |= {score.name: f"mean error over the 10 corruptions of {name}" for name, score in C_BARS.items()}
_ERRORS |= {CLEAN.name: "clean error"}
_ERRORS |= {score.name: f"error on {score.title}" for score in SHIFT_ERRORS.values()}
_ERRORS |= {NOT_OVERLAPPED: "mean error over the corruptions of C that no method here overlaps"}
_ATTACKS = "robust_accuracy"
_MOST_IN_SHORT = 2

Place = tuple[int, int]


def summary_of(tables: Sequence[Table], seeds: Mapping[str, int]) -> Iterator[str]:
    """Say which methods or checkpoints are best and worst, and which do not differ significantly from the best.

    Of errors the headline's clean ones, its means, each with its benchmark, and in one sentence those of the groups; of
    accuracies under attack the last line of their table, which is the largest eps of an iterative attack if there is
    one; if an audit warns, its warning instead.

    Args:
        tables: Those of a unit, finished.
        seeds: Training seeds by method, as tables write it; empty if rows are checkpoints.
    """
    for table in tables:
        if table.slug == HEADLINE:
            places = {column.name: place for place, column in enumerate(table.columns)}
            for name, what in _ERRORS.items():
                if name in places:
                    yield from _down(table, places[name], what, seeds).sentence()
            groups = [_down(table, places[one.name], one.header, seeds) for one in GROUP_ERRORS if one.name in places]
            if best := [ranking.in_short() for ranking in groups if ranking.values()]:
                yield f"Lowest error by group of corruptions of C: {'; '.join(best)}."
        if table.slug == _ATTACKS and table.best_along == "row":
            last = len(table.rows) - 1
            names = {(last, c): table.columns[c].title for c in range(table.keys, len(table.columns))}
            what = "accuracy under {} at {}".format(*table.rows[last][:2])
            yield from _Ranking(table, what, names, seeds).sentence()
        if table.slug == _ATTACKS and table.best_along == "column":
            last = len(table.columns) - 1
            yield from _down(table, last, f"accuracy under {table.columns[last].title}", seeds).sentence()
        if table.slug == _ATTACKS and table.best_along is None:
            yield from of_kind(table.notes, "audits")


def _down(table: Table, column: int, what: str, seeds: Mapping[str, int]) -> "_Ranking":
    names = {(row, column): table.columns[0].shown(values[0]) for row, values in enumerate(table.rows)}
    return _Ranking(table, what, names, seeds)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """One score of all methods or checkpoints.

    Attributes:
        table: Where it stands.
        what: What a sentence calls it.
        names: Methods or checkpoints, by the place of their value.
        seeds: As in ``summary_of``.
    """

    table: Table
    what: str
    names: Mapping[Place, str]
    seeds: Mapping[str, int]

    def values(self) -> dict[Place, float]:
        """Return the values, best first; none if one is missing or there is nothing to compare."""
        found = {place: self.table.rows[place[0]][place[1]] for place in self.names}
        numbers = {place: float(value) for place, value in found.items() if value is not None}
        if not len(numbers) == len(found) > 1:
            return {}
        return dict(sorted(numbers.items(), key=lambda item: item[1], reverse=self._is_higher_better))

    @property
    def _is_higher_better(self) -> bool:
        return any(self.table.columns[column].higher_is_better for _, column in self.names)

    def sentence(self) -> Iterator[str]:
        """Name the best with its interval, what does not differ significantly from it, and the worst."""
        if not (values := self.values()):
            return
        best, *_, worst = values
        ends = ("Highest", "Lowest") if self._is_higher_better else ("Lowest", "Highest")
        interval = self.table.shown_interval(*best)
        said = f"{self._with_value(values, best)} {interval}".rstrip()
        yield " ".join(
            [f"{ends[0]} {self.what}: {said}.", *self._ties(best), f"{ends[1]}: {self._with_value(values, worst)}."]
        )

    def in_short(self) -> str:
        """Name the best, with what bears the mark of a tie."""
        values = self.values()
        tied = self._tied()
        who = f"{len(tied)} others" if _MOST_IN_SHORT < len(tied) < len(self.names) - 1 else self._listed(tied)
        return f"{self.what} {self._with_value(values, next(iter(values)))}" + (f" (≈ {who})" if tied else "")

    def _tied(self) -> list[Place]:
        return [place for place in self.names if place in self.table.tied]

    def _ties(self, best: Place) -> Iterator[str]:
        """Tell those that were tested from those that bear the mark because they could not be."""
        few = {place for place, name in self.names.items() if self.seeds.get(name, FEWEST_SEEDS) < FEWEST_SEEDS}
        untested = [place for place in self._tied() if best in few or place in few]
        tested = [place for place in self._tied() if place not in untested]
        if tested:
            yield f"No significant difference from it: {self._listed(tested)}."
        if untested:
            yield f"Not tested, for want of {FEWEST_SEEDS} seeds on both sides: {self._listed(untested)}."

    def _listed(self, places: Sequence[Place]) -> str:
        everyone = 1 < len(places) == len(self.names) - 1
        return "all others" if everyone else ", ".join(self.names[place] for place in places)

    def _with_value(self, values: Mapping[Place, float], wanted: Place) -> str:
        names = ", ".join(name for place, name in self.names.items() if values[place] == values[wanted])
        return f"{names}, {self.table.columns[wanted[1]].shown(values[wanted])}%"
