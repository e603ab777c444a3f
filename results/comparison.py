"""One method or checkpoint against another, score by score, with what the data can carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.registry import unknown_name
from robustsweep.results.comparability import (
    Side,
    differing_training,
    find_side,
    other_sides,
    refuse_unequal_training,
    refuse_unknown_sides,
    repeated_seeds,
)
from robustsweep.results.frame import load_frame
from robustsweep.results.pairing import (
    Comparison,
    compared_by_reference,
    compared_score,
    measured_differently,
    read_sides,
    tied_groups,
)
from robustsweep.results.per_image import left_out
from robustsweep.results.scores import Score, scores_of
from robustsweep.results.statistics.families import holm
from robustsweep.results.units import Unit, split_units

DECLARED_KINDS = ("primary", "corruption", "clean", "attack")
"""Kinds of scores that form the declared family where no metric is named; all others are exploratory."""

ALL = "all"


@dataclass(frozen=True, slots=True, eq=False)
class UnitComparison:
    """Everything that one unit says.

    Attributes:
        unit: The measurements.
        comparisons: By opponent, in the order of the scores.
        tied: Per declared score the methods that cannot be told apart from the best, where there are three or more.
        notes: Sentences that belong beside the numbers.
        pairs: The sides that were compared.
    """

    unit: Unit
    comparisons: tuple[Comparison, ...]
    tied: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    pairs: tuple[tuple[Side, Side], ...]


def compare(
    runs: Sequence[Path],
    method: str,
    against: str,
    metrics: Sequence[str] = (),
    reference: str | None = None,
) -> list[UnitComparison]:
    """Compare a method, or one checkpoint, with another or with all others.

    Args:
        runs: Run folders.
        method: A method, or the label of a checkpoint.
        against: Another one, or ``"all"``.
        metrics: Names of scores that form the declared family; none: those of ``DECLARED_KINDS``.
        reference: Checkpoint whose measured errors divide those of an additional mCE.

    Raises:
        NothingToCompareError: If the two were never measured on the same images, or methods were trained differently.
        UsageError: If a name is unknown.
    """
    frame = load_frame(runs)
    if frame.empty:
        raise NothingToCompareError(f"No finished cell in {', '.join(map(str, runs))}; run robustsweep sweep first.")
    units = split_units(frame)
    refuse_unknown_sides(units, [method, *([] if against == ALL else [against])])
    found = [one for unit in units if (one := _compare_unit(unit, method, against, metrics, reference, runs))]
    if not found:
        raise NothingToCompareError(
            f"{method} and {against} were never measured on the same images: {_where(units)}. Sweep them alike."
        )
    return found


def _where(units: Sequence[Unit]) -> str:
    return "; ".join(f"{', '.join(unit.checkpoints['label'])} on {unit.scope.title}" for unit in units)


def _compare_unit(
    unit: Unit, method: str, against: str, metrics: Sequence[str], reference: str | None, runs: Sequence[Path]
) -> UnitComparison | None:
    first = find_side(unit, method)
    second = None if against == ALL else find_side(unit, against)
    if first is None or (second is None and against != ALL):
        return None
    opponents = [second] if second else other_sides(unit, first)
    if second and set(first.checkpoint_ids) & set(second.checkpoint_ids):
        raise NothingToCompareError(f"{method} and {against} share a checkpoint; name two different ones.")
    if not opponents:
        return None
    notes = [note for other in opponents for note in _training_notes(unit, first, other)]
    notes += [note for side in (first, *opponents) for note in repeated_seeds(unit, side)]
    everything = pd.concat([unit.rows, unit.attacks, unit.windows])
    scores = scores_of(everything, published_reference=unit.is_imagenet)
    refused = measured_differently(everything, (first, *opponents))
    if refused:
        notes.append(f"Left out, because the checkpoints were measured in different settings: {', '.join(refused)}.")
    scores = [score for score in scores if not {cell for cell, _ in score.cells} & set(refused)]
    notes += left_out(unit, [i for side in (first, *opponents) for i in side.checkpoint_ids], scores, runs)
    read, ids = read_sides(unit, (first, *opponents), scores, runs)
    compared = [
        compared_score(score, first, other, read[first][score.name], read[other][score.name], ids)
        for other in opponents
        for score in scores
        if score.name in read[first] and score.name in read[other]
    ]
    if reference is not None:
        compared += compared_by_reference(unit, first, opponents, reference, runs)
    if not compared:
        return None
    declared = _declared(scores, metrics, compared)
    tied = tied_groups(read, [s for s in scores if s.name in declared], ids) if len(opponents) > 1 else {}
    pairs = tuple((first, other) for other in opponents)
    return UnitComparison(unit, tuple(_adjusted(compared, declared)), tied, tuple(dict.fromkeys(notes)), pairs)


def _training_notes(unit: Unit, first: Side, second: Side) -> list[str]:
    if first.is_method and second.is_method:
        refuse_unequal_training(unit, (first, second))
        return []
    differing = differing_training(unit, (first, second))
    return [f"{first.name} and {second.name} differ in {'; '.join(differing)}."] if differing else []


def _declared(scores: Sequence[Score], metrics: Sequence[str], compared: Sequence[Comparison]) -> set[str]:
    known = list(dict.fromkeys(one.score.name for one in compared))
    for name in metrics:
        if name not in known:
            raise unknown_name("metric", name, known)
    return set(metrics) if metrics else {score.name for score in scores if score.kind in DECLARED_KINDS}


def _adjusted(compared: Sequence[Comparison], declared: set[str]) -> list[Comparison]:
    family = [one for one in compared if one.score.name in declared]
    adjusted = dict(zip(map(id, family), holm([one.p for one in family]), strict=True))
    return [replace(one, p_holm=adjusted.get(id(one)), family_size=max(1, len(family))) for one in compared]
