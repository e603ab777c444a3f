"""What the tables of a unit say, in sentences."""

from collections.abc import Iterator, Sequence

from robustsweep.results.comparable.notes import of_kind
from robustsweep.results.tables.intervals_and_ties import HEADLINE
from robustsweep.results.tables.table import Column, Table

_ERRORS = (("mean_corruption_error", "mean error over the 15 corruptions"), ("clean_error", "clean error"))
_ATTACKS = "robust_accuracy"

Place = tuple[int, int]


def summary_of(tables: Sequence[Table]) -> Iterator[str]:
    """Say which checkpoints are best and worst, and which cannot be told apart from the best.

    Of errors the headline's mean and clean ones, of accuracies under attack the last line of their table, which is the
    largest eps of an iterative attack where there is one; where an audit warns, its warning instead.

    Args:
        tables: Those of a unit, finished.
    """
    for table in tables:
        if table.slug == HEADLINE:
            columns = [column.name for column in table.columns]
            for name, what in _ERRORS:
                if name in columns:
                    place = columns.index(name)
                    labels = {(row, place): table.columns[0].shown(values[0]) for row, values in enumerate(table.rows)}
                    yield from _sentence(table, what, table.columns[place], labels)
        if table.slug == _ATTACKS and table.best_along == "row":
            last = len(table.rows) - 1
            labels = {(last, c): table.columns[c].title for c in range(table.keys, len(table.columns))}
            what = "accuracy under {} at {}".format(*table.rows[last][:2])
            yield from _sentence(table, what, table.columns[-1], labels)
        if table.slug == _ATTACKS and table.best_along == "column":
            last = len(table.columns) - 1
            labels = {(row, last): table.columns[0].shown(values[0]) for row, values in enumerate(table.rows)}
            yield from _sentence(table, f"accuracy under {table.columns[last].title}", table.columns[last], labels)
        if table.slug == _ATTACKS and table.best_along is None:
            yield from of_kind(table.notes, "audits")


def _sentence(table: Table, what: str, column: Column, labels: dict[Place, str]) -> Iterator[str]:
    values = {place: table.rows[place[0]][place[1]] for place in labels}
    numbers = {place: float(value) for place, value in values.items() if value is not None}
    if len(numbers) < max(2, len(labels)):
        return
    ends = (("Lowest", min(numbers.values())), ("Highest", max(numbers.values())))
    (best, best_value), (worst, worst_value) = reversed(ends) if column.higher_is_better else ends
    tied = [label for place, label in labels.items() if place in table.tied]
    also = f" Not told apart from it: {', '.join(tied)}." if tied else ""

    def who(wanted: float) -> str:
        return ", ".join(label for place, label in labels.items() if numbers[place] == wanted)

    yield (
        f"{best} {what}: {who(best_value)}, {column.shown(best_value)} %.{also} "
        f"{worst}: {who(worst_value)}, {column.shown(worst_value)} %."
    )
