"""Errors as estimates: intervals over the images, and ties with the best."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from robustsweep.errors import DataError
from robustsweep.results.per_image import MeasuredCells, read_scores
from robustsweep.results.scores import Score, mean_score, scores_of
from robustsweep.results.statistics.families import tied_with_best
from robustsweep.results.statistics.intervals import Floats, clustered_mean, wilson
from robustsweep.results.statistics.paired import paired_difference
from robustsweep.results.tables import INTERVALS_NOTE, Table
from robustsweep.results.units import Unit

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


def estimates_of(unit: Unit, runs: Sequence[Path], names: set[str]) -> Estimates:
    """Read the answers per image, one checkpoint at a time beside the best ones.

    Where they cannot be read, or there are fewer than two images, there are no estimates, with the reason.

    Args:
        unit: The measurements.
        runs: Where their cells are.
        names: Scores to estimate; those that are no plain error are left out.
    """
    rows = pd.concat([unit.rows, unit.attacks])
    found = [*scores_of(rows, published_reference=False), *_single_corruptions(rows)]
    scores = [score for score in found if score.name in names and score.kind in _KINDS]
    if not scores:
        return Estimates({}, {})
    try:
        return _estimates(unit, runs, scores, _best(rows, scores, list(unit.checkpoints.index)))
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


def _estimates(unit: Unit, runs: Sequence[Path], scores: Sequence[Score], best: Mapping[str, int]) -> Estimates:
    cells = MeasuredCells.of_each(unit, runs)
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
    interval = clustered_mean(values).interval()
    return max(0.0, interval.low), min(1.0, interval.high)


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
