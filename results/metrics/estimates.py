"""Errors as estimates: intervals, and which rows of a table are as good as the best."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.metrics.mce_by_reference import MCE_BY_REFERENCE, PER_CORRUPTION, mce_estimate, stacked
from robustsweep.results.metrics.method_scores import MethodScore, MethodScores, not_worse_than_best
from robustsweep.results.metrics.per_image import MeasuredCells, read_scores
from robustsweep.results.metrics.scores import Score, mean_score, scores_of
from robustsweep.results.statistics.intervals import Estimate, Floats, wilson
from robustsweep.results.statistics.seeds import MethodDifference
from robustsweep.results.stored.recounts import ContradictionError

_KINDS = ("clean", "primary", "group", "corruption", "extra corruption", "attack")

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimates:
    """What the predictions per image leave open about the errors of a set's checkpoints, or of its methods.

    Attributes:
        intervals: Ends of the 95% interval, by name of the score and position of the checkpoint or method.
        tied: Positions of those that do not differ significantly from the lowest error, its own among them, by name of
            the score; only for scores that all have.
        problem: Why there are none; empty where there are.
    """

    intervals: Mapping[tuple[str, int], Ends] = field(default_factory=dict)
    tied: Mapping[str, frozenset[int]] = field(default_factory=dict)
    problem: str = ""


def estimates_of(
    unit: Unit,
    methods: Unit | None,
    groups: Sequence[SeedGroup],
    runs: Sequence[Path],
    names: set[str],
    reference: Sequence[str] = (),
) -> tuple[Estimates, Estimates]:
    """Read the predictions per image, one checkpoint at a time beside the best ones.

    Where they cannot be read, or there are fewer than two images, there are no estimates, with the reason.

    Args:
        unit: The measurements.
        methods: The same by method, as ``by_method`` returns them; None: methods are not estimated.
        groups: The methods' checkpoints, as ``seed_groups`` returns them.
        runs: Where their cells are.
        names: Scores to estimate; of those that are not a mean of errors only mCE, which has no ties where its
            reference is measured.
        reference: Ids of the checkpoints whose mean errors divide those of mCE.

    Returns:
        Those of the checkpoints, and those of the methods, over images and training seeds.
    """
    rows = pd.concat([unit.rows, unit.attacks])
    names = names | {score.name for score in PER_CORRUPTION} if MCE_BY_REFERENCE in names else names
    found = [*scores_of(rows, published_reference=unit.is_imagenet), *_single_corruptions(rows)]
    scores = [score for score in found if score.name in names and score.kind in _KINDS]
    if not scores:
        return Estimates(), Estimates()
    try:
        return _Reading(unit, methods, groups, runs, scores, reference).estimates()
    except ContradictionError:
        raise
    except DataError as error:
        return Estimates(problem=str(error)), Estimates(problem=str(error))


def _single_corruptions(rows: pd.DataFrame) -> Iterator[Score]:
    for condition in rows.loc[rows["kind"] == "corruption", "condition"].unique():
        yield mean_score(f"{condition}_error", str(condition), "corruption", [str(condition)])


def _best(unit: Unit, scores: Sequence[Score]) -> dict[str, int]:
    """Return the position of the lowest mean of each score that several checkpoints or methods, and all, have."""
    rows = pd.concat([unit.rows, unit.attacks])
    wide = rows.assign(eps=rows["eps"].fillna("")).pivot(
        index=["condition", "eps"], columns="checkpoint_id", values="error"
    )
    errors = wide.reindex(columns=unit.checkpoints.index)
    best = {}
    for score in scores if len(unit.checkpoints) > 1 else ():
        means = np.asarray(score.weights) @ errors.reindex(list(score.cells)).to_numpy(dtype=np.float64)
        if not np.isnan(means).any():
            best[score.name] = int(means.argmin())
    return best


class _Rows:
    """The scores of checkpoints or methods, taken one row after another and held against the best row of each score."""

    def __init__(self, scores: Sequence[Score], unit: Unit, members: Sequence[Sequence[MeasuredCells]]) -> None:
        self._scores, self._best = scores, _best(unit, scores)
        self._are_methods = unit.subject == "method"
        self._lowest: dict[str, MethodScore] = {}
        for row in sorted(set(self._best.values())):
            wanted = [score for score in scores if self._best.get(score.name) == row]
            self._lowest |= MethodScores.of(members[row], wanted).all()
        self._intervals: dict[tuple[str, int], Ends] = {}
        self._differences: dict[str, dict[int, MethodDifference]] = {name: {} for name in self._best}

    def take(self, row: int, found: Mapping[str, MethodScore], reference: Mapping[str, MethodScore] | None) -> None:
        """Judge the scores of one row; mCE where there is a reference."""
        for score in self._scores:
            if score.name not in found:
                continue
            self._intervals[score.name, row] = _ends(score, found[score.name])
            if self._best.get(score.name, row) != row:
                self._differences[score.name][row] = found[score.name].minus(self._lowest[score.name])
        if reference is not None and (mine := _errors(found)) and (divisor := _errors(reference)):
            self._intervals[MCE_BY_REFERENCE, row] = _clipped(mce_estimate(mine, divisor), math.inf)

    def estimates(self) -> Estimates:
        tied = {
            name: not_worse_than_best(row, self._differences[name], of_methods=self._are_methods)
            for name, row in self._best.items()
        }
        return Estimates(self._intervals, {name: frozenset(rows) for name, rows in tied.items()})


class _Reading:
    """One reading of all checkpoints of a set, each beside the seeds of its method."""

    def __init__(
        self,
        unit: Unit,
        methods: Unit | None,
        groups: Sequence[SeedGroup],
        runs: Sequence[Path],
        scores: Sequence[Score],
        reference: Sequence[str],
    ) -> None:
        cells = MeasuredCells.of_each(unit, runs)
        self._places = {str(identifier): place for place, identifier in enumerate(unit.checkpoints.index)}
        self._cells, self._scores = cells, scores
        self._groups = [group.checkpoint_ids for group in groups]
        members = [[cells[self._places[i]] for i in group] for group in self._groups]
        self._checkpoints = _Rows(scores, unit, [[one] for one in cells])
        self._methods = _Rows(scores, methods, members) if methods else None
        self._reference_ids = tuple(reference)
        divisors = [cells[self._places[i]] for i in reference]
        self._reference = MethodScores.of(divisors, PER_CORRUPTION).all() if divisors else None

    def estimates(self) -> tuple[Estimates, Estimates]:
        for row, group in enumerate(self._groups):
            together = MethodScores()
            for identifier in group:
                read = read_scores(self._cells[self._places[identifier]], self._scores)
                together.add(read)
                found = {name: MethodScore(values, np.array([values.mean()])) for name, values in read.items()}
                self._checkpoints.take(self._places[identifier], found, self._divisor((identifier,)))
            if self._methods:
                self._methods.take(row, together.all(), self._divisor(group))
        methods = self._methods.estimates() if self._methods else Estimates()
        return self._checkpoints.estimates(), methods

    def _divisor(self, of: tuple[str, ...]) -> Mapping[str, MethodScore] | None:
        """Return what divides the errors of a row; nothing for the reference itself, whose mCE is 100 by definition."""
        return None if of == self._reference_ids else self._reference


def _errors(found: Mapping[str, MethodScore]) -> tuple[Floats, Floats] | None:
    """Put errors per corruption side by side: by image, shape (n, 15), and by seed, (K, 15); None where one lacks."""
    by_image = stacked({name: score.by_image for name, score in found.items()})
    by_seed = stacked({name: score.by_seed for name, score in found.items()})
    return None if by_image is None or by_seed is None else (by_image, by_seed)


def _ends(score: Score, found: MethodScore) -> Ends:
    if len(score.cells) == 1 and len(found.by_seed) == 1:
        interval = wilson(int(found.by_image.sum()), len(found.by_image))
        return interval.low, interval.high
    return _clipped(found.mean(), sum(score.weights))


def _clipped(estimate: Estimate, most: float) -> Ends:
    interval = estimate.interval()
    return max(0.0, interval.low), min(most, interval.high)
