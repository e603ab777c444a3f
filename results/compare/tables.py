"""Comparisons as tables."""

import json
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.sides import Side
from robustsweep.results.compare.comparison import UnitComparison
from robustsweep.results.compare.paired_scores import Comparison
from robustsweep.results.compare.wording import FOOTNOTE, UNTESTED, reading
from robustsweep.results.statistics.seeds import combine
from robustsweep.results.tables.table import Column, Table, Value


def comparison_tables(found: UnitComparison) -> list[Table]:
    """Build errors, calibration, training time and, with several opponents, the methods tied with the best."""
    errors = [one for one in found.comparisons if one.score.kind != "calibration"]
    calibration = [one for one in found.comparisons if one.score.kind == "calibration"]
    tables = []
    if errors:
        tables.append(_table(found, "compare_errors", "Differences of errors (lower is better)", "percent", errors))
    if calibration:
        title = "Differences of calibration (lower is better)"
        tables.append(_table(found, "compare_calibration", title, "number", calibration))
    times = [row for pair in found.pairs for row in _training_time(found.unit, *pair)]
    if times:
        tables.append(_time_table(found, times))
    return [*tables, *([_tied_table(found)] if found.tied else [])]


def _table(
    found: UnitComparison,
    slug: str,
    title: str,
    shown: Literal["percent", "number"],
    comparisons: Sequence[Comparison],
) -> Table:
    suffix = " (%)" if shown == "percent" else ""
    numbers: list[Column] = [
        Column("first", f"{comparisons[0].first.name}{suffix}", shown),
        Column("second", f"against{suffix}", shown),
        Column("difference", "first - second", shown),
        Column("low", "95% from", shown),
        Column("high", "to", shown),
    ]
    columns = [Column("against", "against"), Column("score", "score"), *numbers]
    columns += [Column("p", "p", "p_value"), Column("p_holm", "p (Holm)", "p_value"), Column("seeds", "seeds")]
    columns.append(Column("reading", "what the data say"))
    rows = tuple(_row(one) for one in comparisons)
    notes = (FOOTNOTE, *([] if all(one.difference.is_tested for one in comparisons) else [UNTESTED]), *found.notes)
    return Table(slug, title, found.unit.scope, tuple(columns), rows, notes, keys=2)


def _row(one: Comparison) -> tuple[Value, ...]:
    p = one.p if one.difference.is_tested else None
    numbers = (*one.values, one.difference.estimate.value, one.interval.low, one.interval.high, p, one.p_holm)
    seeds = "{} v {}".format(*one.difference.n_seeds)
    return (one.second.name, one.score.named, *numbers, seeds, reading(one))


def _training_time(unit: Unit, first: Side, second: Side) -> list[tuple[Value, ...]]:
    """Compare seconds per epoch on a log scale, by Welch's test over the seeds; nothing if one is unknown."""
    courses = [
        [json.loads(str(unit.checkpoints.loc[i, "card"])).get("training") or {} for i in side.checkpoint_ids]
        for side in (first, second)
    ]
    devices = {course.get("device") for side in courses for course in side}
    seconds = [[course.get("seconds_per_epoch") for course in side] for side in courses]
    if len(devices) > 1 or not all(isinstance(s, (int, float)) and s > 0 for side in seconds for s in side):
        return []
    logs = tuple(np.log(np.asarray(side, dtype=np.float64)) for side in seconds)
    difference = combine(float(logs[0].mean() - logs[1].mean()), 0.0, 2, (logs[0], logs[1]))
    ratio, estimate = math.exp(difference.estimate.value), difference.estimate
    means = [float(np.exp(side.mean())) for side in logs]
    ends: tuple[Value, Value] = (None, None)
    said = f"one training each of these checkpoints took {ratio:.2f} times as long"
    if difference.is_about_methods and estimate.standard_error > 0:
        interval = estimate.interval()
        ends = math.exp(interval.low), math.exp(interval.high)
        said = f"{first.name} takes {ratio:.2f} times as long ({ends[0]:.2f} to {ends[1]:.2f})"
        if interval.low <= 0 <= interval.high:
            said = f"no difference shown; the ratio lies between {ends[0]:.2f} and {ends[1]:.2f}"
    seeds = "{} v {}".format(*difference.n_seeds)
    return [(second.name, *means, ratio, *ends, seeds, said)]


def _time_table(found: UnitComparison, rows: Sequence[tuple[Value, ...]]) -> Table:
    first = found.pairs[0][0].name
    columns = [Column("against", "against"), Column("first", f"{first} (s per epoch)", "number")]
    columns += [Column("second", "against (s per epoch)", "number"), Column("ratio", "ratio", "number")]
    columns += [Column("low", "95% from", "number"), Column("high", "to", "number")]
    columns += [Column("seeds", "seeds"), Column("reading", "what the data say")]
    note = "Geometric means over seeds, as the cards say. They compare methods only if one idle machine trained all."
    return Table("compare_training_time", "Training time", None, tuple(columns), tuple(rows), (note,))


def _tied_table(found: UnitComparison) -> Table:
    rows = tuple((title, names[0], ", ".join(names[1:]) or "none") for title, names in found.tied.items())
    columns = (
        Column("score", "score"),
        Column("best", "lowest mean"),
        Column("tied", "no significant difference from it"),
    )
    note = (
        "Two-sided tests against the lowest mean, Holm within each row at 5%. The lowest mean was chosen by its value."
    )
    return Table("compare_tied", "Methods tied with the best", found.unit.scope, columns, rows, (note,))
