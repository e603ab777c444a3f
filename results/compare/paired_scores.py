"""Scores of two sides, paired by image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.notes import Note
from robustsweep.results.comparable.sides import Side
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.method_scores import not_worse_than_best
from robustsweep.results.metrics.per_image import read_scores
from robustsweep.results.metrics.quotients import corruption_errors, mce_difference, reference_score
from robustsweep.results.metrics.references import references_of
from robustsweep.results.metrics.scores import Score
from robustsweep.results.statistics.intervals import ALPHA, Floats, Ids, Interval
from robustsweep.results.statistics.seeds import MethodDifference, method_difference

Scores = dict[str, Floats]
"""By name of the score, shape (seeds, images)."""

"""How notes begin that say why a reference divides nothing."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One score of two sides.

    Attributes:
        score: The score; lower is better.
        first: The side that was asked for.
        second: What it is compared with.
        values: The means over seeds of either side.
        difference: First minus second.
        p: Two-sided p value.
        p_holm: After Holm over the declared family; None for an exploratory score, and if nothing is tested.
        family_size: Tests in the declared family.
    """

    score: Score
    first: Side
    second: Side
    values: tuple[float, float]
    difference: MethodDifference
    p: float
    p_holm: float | None = None
    family_size: int = 1

    @property
    def is_significant(self) -> bool:
        """Whether it is declared, tested, and its difference significant within the family."""
        return self.p_holm is not None and self.p_holm < ALPHA

    @property
    def interval(self) -> Interval:
        """The interval of the difference, within what the score can differ by."""
        found, most = self.difference.estimate.interval(), self.score.largest_difference
        return Interval(max(found.low, -most), min(found.high, most))


def measured_differently(rows: pd.DataFrame, sides: Sequence[Side]) -> list[str]:
    """Name the conditions whose cells differ in more than the checkpoint, such as versions of a codec."""
    mine = rows[rows["checkpoint_id"].isin([i for side in sides for i in side.checkpoint_ids])]
    settings = mine.groupby("condition", sort=False)["setting"].nunique()
    return [str(name) for name in settings.index[settings > 1]]


def read_sides(
    unit: Unit, sides: Sequence[Side], scores: Sequence[Score], runs: Sequence[Path]
) -> tuple[dict[Side, Scores], Ids]:
    """Read per-image scores; a score that one seed of a side lacks is left out for that side."""
    read: dict[Side, Scores] = {}
    ids: Ids | None = None
    for side in sides:
        cells = [MeasuredCells.of(unit, identifier, runs) for identifier in side.checkpoint_ids]
        found = [read_scores(one, scores) for one in cells]
        names = [score.name for score in scores if all(score.name in one for one in found)]
        read[side] = {name: np.stack([one[name] for one in found]) for name in names}
        ids = cells[0].images(next(iter(cells[0].rows)))[0] if ids is None else ids
    assert ids is not None, "a side has a checkpoint, and a checkpoint of a unit has a cell"
    return read, ids


def compared_score(score: Score, first: Side, second: Side, a: Floats, b: Floats, ids: Ids) -> Comparison:
    """Compare two sides by one score of each image and seed, shapes (seeds, images)."""
    found = method_difference(a, b, ids)
    return Comparison(score, first, second, (float(a.mean()), float(b.mean())), found, found.estimate.p_two_sided())


def compared_by_reference(
    unit: Unit, first: Side, opponents: Sequence[Side], reference: str, runs: Sequence[Path]
) -> tuple[list[Comparison], list[str]]:
    """Compare mCE with a measured reference, a checkpoint or method; the second item says why some have none."""
    divisor = next((one for one in references_of(unit, reference) if not one.is_published), None)
    if divisor is None:
        return [], [Note(f"No mCE by {reference}: it is not one of the checkpoints here.", "no mCE")]
    ids = divisor.checkpoint_ids

    @cache
    def errors(checkpoint_id: str) -> Floats:
        return corruption_errors(unit, checkpoint_id, runs)

    compared: list[Comparison] = []
    reasons: list[str] = []
    for other in opponents:
        try:
            read = {i: errors(i) for i in (*ids, *first.checkpoint_ids, *other.checkpoint_ids)}
            found, values = mce_difference(read, ids, first.checkpoint_ids, other.checkpoint_ids)
        except NothingToCompareError as error:
            reasons.append(Note(f"No mCE by {reference}: {error}", "no mCE"))
        else:
            score = reference_score(divisor.name, np.mean([read[i] for i in ids], axis=0))
            compared.append(Comparison(score, first, other, values, found, found.estimate.p_two_sided()))
    return compared, reasons


def tied_groups(read: Mapping[Side, Scores], scores: Sequence[Score], ids: Ids) -> dict[str, tuple[str, ...]]:
    """Per score, by title: the sides that do not differ significantly from the best, if three or more have it."""
    tied = {}
    for score in scores:
        sides = [side for side in read if score.name in read[side]]
        if len(sides) < 3:
            continue
        best = min(sides, key=lambda side: float(read[side][score.name].mean()))
        found = {
            side.name: method_difference(read[best][score.name], read[side][score.name], ids)
            for side in sides
            if side is not best
        }
        tied[score.title] = not_worse_than_best(best.name, found)
    return tied
