"""Scores as estimates: intervals, and which rows of a table are as good as the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.metrics.benchmarks import BENCHMARKS
from robustsweep.results.metrics.confidence_bins import WHERE, Calibration
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.method_scores import MethodScore, MethodScores, not_worse_than_best
from robustsweep.results.metrics.per_image import read
from robustsweep.results.metrics.quotients import Divided
from robustsweep.results.metrics.references import Reference
from robustsweep.results.metrics.scores import Score
from robustsweep.results.statistics.intervals import wilson
from robustsweep.results.statistics.seeds import MethodDifference
from robustsweep.results.stored.recounts import ContradictionError

Ends = tuple[float, float]
Place = tuple[str, int]
MOST_COMPARED = 40
"""Of more checkpoints or methods no two are compared with each other, only with the best."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """What the predictions per image say of the scores of a set's checkpoints, or of its methods.

    Attributes:
        values: By name of the score and position of the checkpoint or method.
        intervals: Ends of the 95% interval, likewise.
        standard_errors: Likewise.
        by_image: The means over C and C-bar image by image, likewise; of at most ``MOST_COMPARED``.
        tied: Positions of those that do not differ significantly from the best, its own among them, by name of the
            score; only for scores that all have.
        problem: Why there are no intervals; empty if there are.
    """

    values: Mapping[Place, float] = field(default_factory=dict)
    intervals: Mapping[Place, Ends] = field(default_factory=dict)
    standard_errors: Mapping[Place, float] = field(default_factory=dict)
    by_image: Mapping[Place, MethodScore] = field(default_factory=dict)
    tied: Mapping[str, frozenset[int]] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Estimated:
    """What one reading of all checkpoints of a set says.

    Attributes:
        checkpoints: Their scores.
        methods: Those of the methods, over images and training seeds.
        calibrations: The checkpoints' confidences, in their order.
    """

    checkpoints: Estimates
    methods: Estimates
    calibrations: tuple[Calibration, ...]


def estimate(
    unit: Unit,
    methods: Unit | None,
    groups: Sequence[SeedGroup],
    runs: Sequence[Path],
    scores: Sequence[Score],
    reference: Reference | None = None,
) -> Estimated:
    """Read the predictions per image, one checkpoint at a time beside the best ones.

    If they cannot be read, or there are fewer than two images, there are no intervals, with the reason.

    Args:
        unit: The measurements.
        methods: The same by method, as ``by_method`` returns them; None: methods are not estimated.
        groups: The methods' checkpoints, as ``seed_groups`` returns them.
        runs: Where their cells are.
        scores: What to estimate.
        reference: Whose measured errors divide, if some do.

    Raises:
        ContradictionError: If what is stored per image contradicts the counts.
    """
    cells = dict(zip(map(str, unit.checkpoints.index), MeasuredCells.of_each(unit, runs), strict=True))
    places = {identifier: place for place, identifier in enumerate(cells)}
    checkpoints = _Rows(scores, unit, [(identifier,) for identifier in cells], reference)
    by_method = _Rows(scores, methods, [group.checkpoint_ids for group in groups], reference) if methods else None
    try:
        divisor = _read_divisor(cells, scores, reference)
        for rows in (checkpoints, *([by_method] if by_method else [])):
            rows.read_best(cells, divisor)
    except ContradictionError:
        raise
    except DataError as error:
        checkpoints.problem = str(error)
    calibrations: dict[int, Calibration] = {}
    for row, group in enumerate(groups):
        together = MethodScores()
        for identifier in group.checkpoint_ids:
            reading = read(cells[identifier], scores, WHERE)
            calibrations[places[identifier]] = Calibration.of(reading)
            if reading.failures:
                checkpoints.problem = checkpoints.problem or str(reading.failures[0])
            together.add(reading.scores)
            one = {name: MethodScore.of_one(values) for name, values in reading.scores.items()}
            checkpoints.take(places[identifier], one)
        if by_method:
            by_method.take(row, together.all())
    of_methods = by_method.estimates(checkpoints.problem) if by_method else Estimates()
    in_order = tuple(calibrations[place] for place in range(len(cells)))
    return Estimated(checkpoints.estimates(), of_methods, in_order)


def _read_divisor(
    cells: Mapping[str, MeasuredCells], scores: Sequence[Score], reference: Reference | None
) -> dict[str, MethodScore]:
    """Read the errors of a measured reference."""
    used = [score for score in scores if score.by_reference]
    return MethodScores.of([cells[i] for i in reference.checkpoint_ids], used).all() if reference and used else {}


class _Rows:
    """The scores of checkpoints or methods, taken one row after another and held against the best row of each score."""

    def __init__(
        self, scores: Sequence[Score], unit: Unit, members: Sequence[Sequence[str]], reference: Reference | None
    ) -> None:
        self._scores, self._members, self._reference = scores, members, reference
        self._are_methods = unit.subject == "method"
        self._best = _best_rows(unit, scores, reference)
        self._lowest: dict[str, MethodScore] = {}
        self._divisor: Mapping[str, MethodScore] = {}
        self._kept: dict[str, dict[int, MethodScore]] = {score.name: {} for score in scores if score.quantity == "ece"}
        self._by_image: dict[Place, MethodScore] = {}
        self._differences: dict[str, dict[int, MethodDifference]] = {name: {} for name in self._best}
        self._values: dict[Place, float] = {}
        self._intervals: dict[Place, Ends] = {}
        self._standard_errors: dict[Place, float] = {}
        self.problem = ""

    def read_best(self, cells: Mapping[str, MeasuredCells], divisor: Mapping[str, MethodScore]) -> None:
        """Read the row that is the best of each score."""
        self._divisor = divisor
        for row in sorted(set(self._best.values())):
            wanted = [score for score in self._scores if self._best.get(score.name) == row]
            found = MethodScores.of([cells[i] for i in self._members[row]], wanted).all()
            whole = Divided(found, divisor)
            self._lowest |= {score.name: one for score in wanted if (one := whole.of(score))}

    def take(self, row: int, found: Mapping[str, MethodScore]) -> None:
        """Take the sums of one row."""
        whole = Divided(found, self._divisor)
        scored = [(score, one) for score in self._scores if (one := whole.of(score))]
        self._values |= {(score.name, row): float(one.by_image.mean()) for score, one in scored}
        try:
            for score, one in scored:
                self._judge(score, row, one)
        except DataError as error:
            self.problem = self.problem or str(error)

    def _judge(self, score: Score, row: int, found: MethodScore) -> None:
        # The reference's own quotients are 1 by definition.
        is_own = score.by_reference and self._reference and self._members[row] == self._reference.checkpoint_ids
        if not is_own:
            mean = found.mean()
            self._standard_errors[score.name, row] = mean.standard_error
            interval, (least, most) = mean.interval(), score.bounds
            clipped = max(least, interval.low), min(most, interval.high)
            self._intervals[score.name, row] = _wilson(score, found) or clipped
        if score in BENCHMARKS.values() and len(self._members) <= MOST_COMPARED:
            self._by_image[score.name, row] = found
        if score.name in self._kept:
            self._kept[score.name][row] = found
        elif score.name in self._lowest and self._best[score.name] != row:
            self._differences[score.name][row] = found.minus(self._lowest[score.name])

    def estimates(self, problem: str = "") -> Estimates:
        """Return what was found."""
        if problem := self.problem or problem:
            return Estimates(self._values, problem=problem)
        n_others = len(self._members) - 1
        for name, found in self._kept.items():
            if n_others and len(found) > n_others:  # the frame knows no ECE, so that the best is only known now
                self._best[name] = min(found, key=lambda row: float(found[row].by_seed.mean()))
                best = found.pop(self._best[name])
                self._differences[name] = {row: one.minus(best) for row, one in found.items()}
        tied = {
            name: frozenset(not_worse_than_best(row, self._differences[name], of_methods=self._are_methods))
            for name, row in self._best.items()
            if len(self._differences[name]) == n_others
        }
        return Estimates(self._values, self._intervals, self._standard_errors, self._by_image, tied)


def _best_rows(unit: Unit, scores: Sequence[Score], reference: Reference | None) -> dict[str, int]:
    """Return the position of the best of each score that several checkpoints or methods, and all, have."""
    rows = unit.everything
    rows = rows.assign(eps=rows["eps"].fillna(""))
    means, best = dict[str, pd.DataFrame](), {}
    for score in scores if len(unit.checkpoints) > 1 else ():
        if score.column not in rows or min(score.weights, default=1) < 0:  # of a difference neither end is better
            continue
        if score.column not in means:
            wide = rows.pivot(index=["condition", "eps"], columns="checkpoint_id", values=score.column)
            means[score.column] = wide.reindex(columns=unit.checkpoints.index)
        values = score.values(means[score.column], reference.errors if reference else None)
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            best[score.name] = int(np.argmax(known) if score.is_accuracy else np.argmin(known))
    return best


def _wilson(score: Score, found: MethodScore) -> Ends | None:
    """Return Wilson's interval for one cell of one checkpoint."""
    if not score.is_counted or len(found.by_seed) > 1:
        return None
    n, total = len(found.by_image), int(found.by_image.sum())
    if not score.is_accuracy:
        return wilson(total, n).low, wilson(total, n).high
    errors = wilson(n - total, n)
    return 1 - errors.high, 1 - errors.low
