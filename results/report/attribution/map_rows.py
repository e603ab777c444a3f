"""Rows of tables of maps, whose numbers have intervals."""

from collections.abc import Sequence

from robustsweep.results.report.attribution.method_maps import Measured, MethodMaps
from robustsweep.results.tables.table import Column, Table, Value

_INTERVALS = (
    "[a, b]: 95% interval over images, and over training seeds of methods with several; each by itself, not adjusted "
    "for the number of numbers here."
)


class MapRows:
    """Collects rows whose numbers may have intervals."""

    def __init__(self) -> None:
        self.rows: list[tuple[Value, ...]] = []
        self.intervals: dict[tuple[int, int], tuple[float, float]] = {}

    def add(self, keys: Sequence[Value], numbers: Sequence[Measured], counts: Sequence[Value] = ()) -> None:
        """Add a row: what names it, its numbers, and counts behind them."""
        for place, number in enumerate(numbers, len(keys)):
            if number.ends:
                self.intervals[len(self.rows), place] = number.ends
        self.rows.append((*keys, *(number.value for number in numbers), *counts))

    def table(
        self, maps: MethodMaps, slug: str, title: str, columns: Sequence[Column], notes: Sequence[str], keys: int
    ) -> Table:
        """Return the table of the rows; the first ``keys`` columns name a row."""
        return Table(
            f"attribution_{slug}",
            title,
            maps.scope,
            tuple(columns),
            tuple(self.rows),
            (*notes, *maps.notes, _INTERVALS),
            keys=keys,
            intervals=self.intervals,
            subject="method",
        )
