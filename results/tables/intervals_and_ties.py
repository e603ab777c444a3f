"""Errors as estimates: intervals over the images, and ties with the best."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.metrics.mce_by_reference import MCE_BY_REFERENCE, PER_CORRUPTION, linearised_mce, stacked
from robustsweep.results.metrics.per_image import MeasuredCells, read_scores
from robustsweep.results.metrics.scores import Score, mean_score, scores_of
from robustsweep.results.statistics.families import tied_with_best
from robustsweep.results.statistics.intervals import Floats, clustered_mean, wilson
from robustsweep.results.statistics.paired import paired_difference
from robustsweep.results.stored.recounts import ContradictionError
from robustsweep.results.tables.table import INTERVALS_NOTE, Table

HEADLINE = "headline"

_KINDS = ("clean", "primary", "group", "corruption", "extra corruption", "attack")

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimates:
    """What the answers per image leave open about the errors of a unit's checkpoints.

    Attributes:
        intervals: Ends of the 95 % interval, by name of the score and position of the checkpoint.
        tied: Positions of the checkpoints that cannot be told apart from the lowest error, its own among them, by name
            of the score; only for scores that every checkpoint has.
        problem: Why there are none; empty where there are.
    """

    intervals: Mapping[tuple[str, int], Ends]
    tied: Mapping[str, frozenset[int]]
    problem: str = ""


def estimates_of(unit: Unit, runs: Sequence[Path], names: set[str], reference: str | None = None) -> Estimates:
    """Read the answers per image, one checkpoint at a time beside the best ones.

    Where they cannot be read, or there are fewer than two images, there are no estimates, with the reason.

    Args:
        unit: The measurements.
        runs: Where their cells are.
        names: Scores to estimate; of those that are no mean of errors only mCE, which has no ties where its reference
            is measured.
        reference: Label of the checkpoint whose measured errors divide those of mCE.
    """
    rows = pd.concat([unit.rows, unit.attacks])
    names = names | {score.name for score in PER_CORRUPTION} if MCE_BY_REFERENCE in names else names
    found = [*scores_of(rows, published_reference=unit.is_imagenet), *_single_corruptions(rows)]
    scores = [score for score in found if score.name in names and score.kind in _KINDS]
    if not scores:
        return Estimates({}, {})
    try:
        divisor = None if reference is None else list(unit.checkpoints["label"]).index(reference)
        return _estimates(unit, runs, scores, _best(rows, scores, list(unit.checkpoints.index)), divisor)
    except ContradictionError:
        raise
    except DataError as error:
        return Estimates({}, {}, str(error))


def _single_corruptions(rows: pd.DataFrame) -> Iterator[Score]:
    for condition in rows.loc[rows["kind"] == "corruption", "condition"].unique():
        yield mean_score(f"{condition}_error", str(condition), "corruption", [str(condition)])


def _best(rows: pd.DataFrame, scores: Sequence[Score], checkpoint_ids: list[str]) -> dict[str, int]:
    """Return the position of the lowest mean of each score that several checkpoints, and all, have."""
    wide = rows.assign(eps=rows["eps"].fillna("")).pivot(
        index=["condition", "eps"], columns="checkpoint_id", values="error"
    )
    errors = wide.reindex(columns=checkpoint_ids)
    best = {}
    for score in scores if len(checkpoint_ids) > 1 else ():
        means = np.asarray(score.weights) @ errors.loc[list(score.cells)].to_numpy(dtype=np.float64)
        if not np.isnan(means).any():
            best[score.name] = int(means.argmin())
    return best


def _estimates(
    unit: Unit, runs: Sequence[Path], scores: Sequence[Score], best: Mapping[str, int], divisor: int | None
) -> Estimates:
    cells = MeasuredCells.of_each(unit, runs)
    reference = None if divisor is None else stacked(read_scores(cells[divisor], PER_CORRUPTION))
    lowest: dict[str, Floats] = {}
    for place in sorted(set(best.values())):
        lowest |= read_scores(cells[place], [score for score in scores if best.get(score.name) == place])
    intervals: dict[tuple[str, int], Ends] = {}
    p_values: dict[str, dict[str, float]] = {name: {} for name in best}
    for place, mine in enumerate(cells):
        read = read_scores(mine, scores)
        for score in scores:
            if score.name in read:
                intervals[score.name, place] = _ends(score, read[score.name])
            if best.get(score.name, place) != place:
                difference = paired_difference(read[score.name], lowest[score.name])
                p_values[score.name][str(place)] = difference.p_two_sided()
        errors = stacked(read)
        if errors is not None and reference is not None and place != divisor:  # 100 by definition
            intervals[MCE_BY_REFERENCE, place] = _clustered(linearised_mce(errors, reference), math.inf)
    tied = {name: tied_with_best(str(place), p_values[name]) for name, place in best.items()}
    return Estimates(intervals, {name: frozenset(map(int, places)) for name, places in tied.items()})


def tied_with_lowest(scores: Sequence[Floats]) -> frozenset[int]:
    """Return the places whose means cannot be told apart from the lowest one, which is not among them.

    Args:
        scores: One number per image, shape (n,), for each checkpoint.
    """
    best = min(range(len(scores)), key=lambda place: float(scores[place].mean()))
    p_values = {
        str(place): paired_difference(values, scores[best]).p_two_sided()
        for place, values in enumerate(scores)
        if place != best
    }
    return frozenset(map(int, tied_with_best(str(best), p_values)[1:]))


def _ends(score: Score, values: Floats) -> Ends:
    if len(score.cells) == 1:
        interval = wilson(int(values.sum()), len(values))
        return interval.low, interval.high
    return _clustered(values, sum(score.weights))


def _clustered(values: Floats, most: float) -> Ends:
    interval = clustered_mean(values).interval()
    return max(0.0, interval.low), min(most, interval.high)


def with_intervals(table: Table, estimates: Estimates) -> Table:
    """Add to a table the intervals of its errors, and which cannot be told apart from the best of their line.

    The headline says why where there are none. Of accuracies, the interval is that of the error, turned over.

    Args:
        table: A table of the unit; values without a score stay as they are.
        estimates: What is known of the unit's scores.
    """
    if estimates.problem and table.slug == HEADLINE:
        return replace(table, notes=(*table.notes, f"No intervals: {estimates.problem}"))
    intervals, tied = dict(table.intervals), set(table.tied)
    best, axis = table.best(), 0 if table.best_along == "row" else 1
    lines = {place[axis] for place in best}
    for place, (name, checkpoint) in table.scores.items():
        if ends := estimates.intervals.get((name, checkpoint)):
            turned = table.columns[place[1]].higher_is_better
            intervals[place] = (1 - ends[1], 1 - ends[0]) if turned else ends
        if place[axis] in lines and place not in best and checkpoint in estimates.tied.get(name, ()):
            tied.add(place)
    notes = [_what_intervals_are(table)] if len(intervals) > len(table.intervals) else []
    notes += [_what_ties_are(table)] if len(tied) > len(table.tied) else []
    return replace(table, intervals=intervals, tied=frozenset(tied), notes=(*table.notes, *notes))


def _what_intervals_are(table: Table) -> str:
    names = {name for name, _ in table.scores.values()}
    single = [name for name in names if name == "clean_error" or "@" in name]
    how = "Wilson's" if len(single) == len(names) else "clustered by source image"
    how = "Wilson's for clean images, clustered by source image for means" if 0 < len(single) < len(names) else how
    how += ", that of mCE with the reference as a sample of the same images" if MCE_BY_REFERENCE in names else ""
    return (
        f"{INTERVALS_NOTE} over which images were drawn, for this checkpoint: {how}. It says nothing of other training "
        "seeds."
    )


def _what_ties_are(table: Table) -> str:
    line = table.best_along
    return (
        f"≈: cannot be told apart from the best of its {line} (differences paired by image, two-sided, Holm within the "
        f"{line} at 5 %)."
    )
