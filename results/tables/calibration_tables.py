"""Tables of calibration: ECE per checkpoint, and the bins behind the reliability diagrams."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.notes import Note
from robustsweep.results.metrics.confidence_bins import WHERE, Calibration
from robustsweep.results.metrics.method_scores import MethodScore, not_worse_than_best
from robustsweep.results.statistics.calibration import N_BINS
from robustsweep.results.tables.table import INTERVALS_NOTE, Column, Table, Value

SLUG = "calibration"

_TITLES = {"clean": "clean", "corruptions": "15 corruptions"}
_WHAT = (
    "ECE: distance between confidence and accuracy in 15 bins of equal width, averaged over the images; the 15 "
    "corruptions x 5 severities are pooled. Confidence - accuracy: above zero the network is surer than it is right."
)
_INTERVALS = (
    f"{INTERVALS_NOTE} of ECE over which images were drawn (delta method, clustered by source image), for this "
    "checkpoint. It says nothing of other training seeds."
)
_TIES = (
    "≈: not significantly different from the best of its column (paired by image, two-sided, Holm within the column "
    "at 5%)."
)
_UNREAD = "Some confidences cannot be read, so that reliability diagrams or intervals are missing: "


def calibration_tables(unit: Unit, found: Sequence[Calibration]) -> Iterator[Table]:
    """Build the table of ECE, and for programs that of the bins; nothing where neither side of ``WHERE`` is measured.

    Args:
        unit: The measurements.
        found: As ``read_calibrations`` returns them.
    """
    measured = [where for where in WHERE if any(where in one.bins for one in found)]
    problems = list(dict.fromkeys(problem for one in found for problem in one.problems))
    if measured or problems:
        yield _calibration(unit, found, measured or ["clean"], problems)
    if measured:
        yield _bins(unit, found)


def _calibration(unit: Unit, found: Sequence[Calibration], measured: Sequence[str], problems: Sequence[str]) -> Table:
    columns = [Column("checkpoint", "checkpoint")]
    for where in measured:
        columns.append(Column(f"{where}_ece", f"ECE, {_TITLES[where]}", "percent", False))
        columns.append(Column(f"{where}_overconfidence", f"confidence - accuracy, {_TITLES[where]}", "percent"))
    rows: list[tuple[Value, ...]] = []
    for label, one in zip(unit.checkpoints["label"], found, strict=True):
        bins = [one.bins.get(where) for where in measured]
        pairs = [(b.expected_calibration_error, b.overconfidence) if b else (None, None) for b in bins]
        rows.append((label, *(value for pair in pairs for value in pair)))
    intervals: dict[tuple[int, int], tuple[float, float]] = {}
    tied: set[tuple[int, int]] = set()
    for place, where in enumerate(measured):
        column = 1 + 2 * place
        values = {row: one.scores[where] for row, one in enumerate(found) if len(one.scores.get(where, ())) > 1}
        scores = {row: MethodScore(one, np.array([one.mean()])) for row, one in values.items()}
        for row, score in scores.items():
            interval = score.mean().interval()
            intervals[row, column] = (max(0.0, interval.low), min(1.0, interval.high))
        if len(scores) == len(found):
            best = min(scores, key=lambda row: float(scores[row].by_seed[0]))
            others = {row: score.minus(scores[best]) for row, score in scores.items() if row != best}
            tied |= {(row, column) for row in not_worse_than_best(best, others)}
    table = Table(
        SLUG,
        "Calibration (%, ECE: lower is better)",
        unit.scope,
        tuple(columns),
        tuple(rows),
        (),
        best_along="column",
        intervals=intervals,
    )
    best = table.best()
    tied = {place for place in tied - best if place[1] in {column for _, column in best}}
    unread = [f"{_UNREAD}{problem}" for problem in problems[:1]]
    unread += [f"So it is with {len(problems) - 1} more."] if len(problems) > 1 else []
    notes = (_WHAT, *([Note(_INTERVALS, "intervals")] if intervals else []), *([_TIES] if tied else []), *unread)
    return replace(table, notes=notes, tied=frozenset(tied))


def _bins(unit: Unit, found: Sequence[Calibration]) -> Table:
    edges = np.linspace(0, 1, N_BINS + 1)
    rows: list[tuple[Value, ...]] = []
    for label, one in zip(unit.checkpoints["label"], found, strict=True):
        for where, bins in one.bins.items():
            for k, (n, right, confidence) in enumerate(zip(bins.counts, bins.right, bins.confidence, strict=True)):
                means = (float(confidence / n), float(right / n)) if n else (None, None)
                rows.append((label, _TITLES[where], float(edges[k]), float(edges[k + 1]), int(n), *means))
    columns = (
        *(Column("checkpoint", "checkpoint"), Column("images", "images")),
        *(Column("bin_low", "confidence above", "percent"), Column("bin_high", "up to", "percent")),
        Column("predictions", "predictions", "count"),
        *(Column("mean_confidence", "mean confidence", "percent"), Column("accuracy", "accuracy", "percent")),
    )
    title = "Accuracy by confidence (%)"
    return Table("confidence_bins", title, unit.scope, columns, tuple(rows), keys=2, depth="data")
