"""Tables of calibration: ECE per checkpoint and method, and the bins behind the reliability diagrams."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mean

import numpy as np

from robustsweep.results.comparable.comparable_sets import Unit, shift_of
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS
from robustsweep.results.metrics.catalogue.probability_scores import ECE
from robustsweep.results.metrics.confidence_bins import WHERE, Calibration
from robustsweep.results.statistics.calibration import N_BINS
from robustsweep.results.tables.table import Column, Table, Value, subject_column

SLUG = "calibration"

_TITLES = {"clean": "clean", "corruptions": "15 corruptions"}
_TITLES |= {name: shift.title for name, shift in NATURAL_SHIFTS.items()}
_WHAT = (
    "ECE: distance between confidence and accuracy in 15 bins of equal width, averaged over the images; the 15 "
    "corruptions x 5 severities are pooled. Confidence - accuracy: above zero the network is surer than it is right."
)
_OVER_SEEDS = "Means over training seeds of what each checkpoint has."
_UNREAD = "Some confidences cannot be read, so that reliability diagrams or intervals are missing: "


def calibration_tables(unit: Unit, found: Sequence[Sequence[Calibration]]) -> Iterator[Table]:
    """Build the table of ECE, and of checkpoints that of the bins; nothing if neither of ``WHERE`` is measured.

    Args:
        unit: The measurements, by checkpoint or by method.
        found: The calibrations of each row: one, or those of a method's seeds.
    """
    measured = [where for where in WHERE if any(where in one.bins for row in found for one in row)]
    problems = list(dict.fromkeys(problem for row in found for one in row for problem in one.problems))
    if measured or problems:
        yield _calibration(unit, found, measured or [shift_of(unit) or "clean"], problems)
    if measured and unit.subject == "checkpoint":
        yield _bins(unit, [one for (one,) in found])


def _calibration(
    unit: Unit, found: Sequence[Sequence[Calibration]], measured: Sequence[str], problems: Sequence[str]
) -> Table:
    columns = [subject_column(unit)]
    for where in measured:
        columns.append(Column(f"{where}_ece", f"ECE, {_TITLES[where]}", "percent", False))
        columns.append(Column(f"{where}_overconfidence", f"confidence - accuracy, {_TITLES[where]}", "percent"))
    rows = [
        (label, *(value for where in measured for value in _means(mine, where)))
        for label, mine in zip(unit.checkpoints["label"], found, strict=True)
    ]
    unread = [f"{_UNREAD}{problem}" for problem in problems[:1]]
    unread += [f"So it is with {len(problems) - 1} more."] if len(problems) > 1 else []
    notes = (_WHAT, *([_OVER_SEEDS] if unit.subject == "method" else []), *unread)
    title = "Calibration (%, ECE: lower is better)"
    table = Table(SLUG, title, unit.scope, tuple(columns), tuple(rows), notes, best_along="column")
    places = {(r, 1 + 2 * c): (ECE[where], r) for r in range(len(rows)) for c, where in enumerate(measured)}
    return replace(table, scores=places, subject=unit.subject)


def _means(mine: Sequence[Calibration], where: str) -> tuple[float | None, float | None]:
    """Average ECE and confidence minus accuracy over seeds; nothing if one of them lacks it."""
    bins = [one.bins[where] for one in mine if where in one.bins]
    if len(bins) < len(mine):
        return None, None
    return mean(b.expected_calibration_error for b in bins), mean(b.overconfidence for b in bins)


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
