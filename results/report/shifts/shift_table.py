"""A natural shift beside clean images of the same classes, and what its accuracies are beyond the clean ones."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from robustsweep.results.comparable.comparable_sets import Unit, shift_of
from robustsweep.results.metrics.catalogue.error_scores import SHIFT_ERRORS
from robustsweep.results.metrics.effective_robustness import LogitLine, has_logit, logit_line
from robustsweep.results.statistics.intervals import newcombe, wilson
from robustsweep.results.tables.table import INTERVALS_NOTE, Column, Table, Value

SLUG = "natural_shift"

Row = Mapping[Any, Any]

_INTERVALS = (
    f"{INTERVALS_NOTE} over which images were drawn, for this checkpoint: Wilson's, and Newcombe's of the rise, whose "
    "two errors are of different images. Effective robustness has none: the line is fitted to these very checkpoints."
)


def shift_table(unit: Unit, others: Sequence[Unit]) -> Table | None:
    """Put the error under a natural shift beside the clean error on the same classes, one checkpoint per row.

    Args:
        unit: The measurements of the shift.
        others: All sets of the report, among which are the clean images.

    Returns:
        None if ``unit`` is not a natural shift.
    """
    if not (shift := shift_of(unit)):
        return None
    title = SHIFT_ERRORS[shift].title
    rows_of_shift = {row["checkpoint_id"]: row for row in _records(unit.rows, "shift")}
    shifted = {str(i): rows_of_shift[i] for i in unit.checkpoints.index if i in rows_of_shift}
    beside = _clean_rows(unit, others)
    clean = {identifier: row for identifier, row in beside.items() if identifier in shifted}
    accuracies = [(1 - clean[i]["error"], 1 - shifted[i]["error"]) for i in clean]
    line = logit_line([c for c, _ in accuracies], [s for _, s in accuracies])
    rows: list[tuple[Value, ...]] = []
    intervals: dict[tuple[int, int], tuple[float, float]] = {}
    labels = unit.checkpoints.loc[list(shifted), "label"]
    for place, (identifier, label) in enumerate(labels.items()):
        one, other = shifted[str(identifier)], clean.get(str(identifier))
        rows.append((str(label), *_values(one, other, line)))
        intervals |= {(place, column): ends for column, ends in _ends(one, other)}
    columns = (
        Column("checkpoint", "checkpoint"),
        Column("clean_error_of_same_classes", "clean error, same classes (%)", "percent", False),
        Column(f"{shift}_error", f"{title} error (%)", "percent", False),
        Column("rise", "rise (pp)", "percent", False),
        Column("effective_robustness", "effective robustness (pp)", "percent", True),
    )
    notes = tuple(_notes(unit, title, clean, line))
    return Table(
        SLUG,
        f"{title} beside clean images of the same classes",
        unit.scope,
        columns,
        tuple(rows),
        notes,
        intervals=intervals,
    )


def _records(rows: pd.DataFrame, kind: str) -> Sequence[Row]:
    return rows[rows["kind"] == kind].to_dict("records")


def _clean_rows(unit: Unit, others: Sequence[Unit]) -> dict[str, Row]:
    """Find the clean images of the same classes, by checkpoint: of the largest set that is not a training split."""
    classes = {str(name) for name in unit.rows["class_set"].dropna()}
    candidates = [other for other in others if not shift_of(other) and other.split != "train"]
    found: dict[str, Row] = {}
    for other in sorted(candidates, key=lambda one: -one.scope.n):
        for row in _records(other.rows, "clean"):
            if row["class_set"] in classes:
                found.setdefault(row["checkpoint_id"], row)
    return found


def _values(one: Row, other: Row | None, line: LogitLine | str) -> tuple[Value, ...]:
    if other is None:
        return None, float(one["error"]), None, None
    clean, error = float(other["error"]), float(one["error"])
    on_line = isinstance(line, LogitLine) and has_logit(1 - clean)
    beyond = line.effective_robustness(1 - clean, 1 - error) if on_line and isinstance(line, LogitLine) else None
    return clean, error, error - clean, beyond


def _ends(one: Row, other: Row | None) -> Iterator[tuple[int, tuple[float, float]]]:
    found = {2: wilson(*_counts(one))}
    if other is not None:
        found |= {1: wilson(*_counts(other)), 3: newcombe(_counts(one), _counts(other))}
    yield from ((column, (ends.low, ends.high)) for column, ends in found.items())


def _counts(row: Row) -> tuple[int, int]:
    return int(row["n"] - row["n_right"]), int(row["n"])


def _notes(unit: Unit, title: str, clean: Mapping[str, Row], line: LogitLine | str) -> Iterator[str]:
    if not clean:
        yield (
            f"No clean images of the same {unit.classes} classes are measured here: sweep the same checkpoints on "
            f"{_clean_spec(unit)} as well, and report both run folders, or one that holds both."
        )
        yield _INTERVALS
        return
    sets = dict.fromkeys(f"{row['data']} ({int(row['n'])} images)" for row in clean.values())
    yield f"Clean images: {', '.join(sets)}, restricted to the same {unit.classes} classes."
    if isinstance(line, LogitLine):
        yield (
            f"Effective robustness: accuracy on {title} minus what a line predicts from the clean accuracy. The line "
            f"is fitted by least squares to the logits of both accuracies of the {line.n} checkpoints of this report "
            f"(slope {line.slope:.2f}), and not to the networks of the literature: it says which of these checkpoints "
            "lie above their common trend, and compares with no published value."
        )
    else:
        yield f"No effective robustness: {line}."
    yield _INTERVALS


def _clean_spec(unit: Unit) -> str:
    return "imagenet:DIR" if unit.classes == 1000 else "imagenet:DIR,classes=THESE (the folder of the shift)"
