"""One method or checkpoint against another, score by score, with what the data can carry."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from robustsweep.errors import NothingToCompareError
from robustsweep.registry import unknown_name
from robustsweep.results.comparable.comparable_sets import Unit, split_units
from robustsweep.results.comparable.frame import read_runs
from robustsweep.results.comparable.notes import of_kind
from robustsweep.results.comparable.rows import UNSPECIFIED
from robustsweep.results.comparable.sides import Side, find_side, other_sides, refuse_unknown
from robustsweep.results.comparable.training_overlap import overlap_notes
from robustsweep.results.compare.paired_scores import (
    Comparison,
    compared_by_reference,
    compared_score,
    measured_differently,
    read_sides,
    tied_groups,
)
from robustsweep.results.compare.request import ALL
from robustsweep.results.compare.training_of_sides import (
    differing_training,
    refuse_unequal_training,
    repeated_seeds,
    unstated_training,
)
from robustsweep.results.metrics.catalogue.every_score import scores_of
from robustsweep.results.metrics.per_image import left_out
from robustsweep.results.metrics.quotients import MCE_BY_REFERENCE
from robustsweep.results.metrics.scores import Score
from robustsweep.results.statistics.families import holm


@dataclass(frozen=True, slots=True, eq=False)
class UnitComparison:
    """Everything that one unit says.

    Attributes:
        unit: The measurements.
        comparisons: By opponent, in the order of the scores.
        tied: Per declared score the methods that do not differ significantly from the best, if there are three or more.
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
    against: str | Sequence[str],
    metrics: Sequence[str] = (),
    reference: str | None = None,
) -> list[UnitComparison]:
    """Compare a method, or one checkpoint, with another, with several or with all others.

    Args:
        runs: Run folders.
        method: A method, or the label of a checkpoint.
        against: Another one, several of them, or ``"all"``. With several a set of images takes part if it has one.
        metrics: Names of scores that form the declared family; none: those that ``KINDS`` declares.
        reference: Checkpoint or method whose measured errors, the mean of its training seeds', divide those of an
            additional mCE.

    Raises:
        NothingToCompareError: If the two were never measured on the same images, methods were trained differently, or
            no set of images has the reference.
        UsageError: If a name is known to no set of images.
    """
    measured = read_runs(runs)
    frame = measured.frame
    if frame.empty:
        raise NothingToCompareError(f"No finished cell in {', '.join(map(str, runs))}; run robustsweep sweep first.")
    trainings, units = split_units(frame), split_units(frame, by_training=False)
    named = [against] if isinstance(against, str) else list(dict.fromkeys(against))
    refuse_unknown(units, [method, *(name for name in named if name != ALL)])
    refuse_unknown([*trainings, *units], [] if reference is None else [reference], "reference")
    # Within each training first: methods may be there in several. Sides that share none still share images.
    for candidates in (trainings, units):
        found = [_compare_unit(unit, method, named, metrics, reference, runs) for unit in candidates]
        if any(found):
            wanted = sorted(set(frame["method"]) - {UNSPECIFIED}) if ALL in named else named
            noted = [_noting_absent(one, wanted) for one in found if one]
            noted = [replace(one, notes=(*one.notes, *measured.notes)) for one in noted]
            return _with_what_was_named(noted, metrics, reference)
    raise NothingToCompareError(
        f"{method} and {' or '.join(named)} were never measured on the same images: {_where(units)}. Sweep them alike."
    )


def _noting_absent(one: UnitComparison, wanted: Sequence[str]) -> UnitComparison:
    """Name those that were asked for and have no part in a comparison."""
    compared = {side.name for pair in one.pairs for side in pair}
    methods = {str(one.unit.checkpoints.loc[i, "method"]) for pair in one.pairs for i in pair[0].checkpoint_ids}
    absent = [name for name in wanted if name not in compared | methods]
    if not absent:
        return one
    note = f"Not compared here, since measured on other images or trained otherwise: {', '.join(absent)}."
    return replace(one, notes=(*one.notes, note))


def _with_what_was_named(
    found: list[UnitComparison], metrics: Sequence[str], reference: str | None
) -> list[UnitComparison]:
    """Check that some unit has each score that was asked for; the notes of a unit say what it lacks."""
    known = list(dict.fromkeys(one.score.name for unit in found for one in unit.comparisons))
    for name in metrics:
        if name not in known:
            raise unknown_name("metric", name, known)
    if reference is not None and MCE_BY_REFERENCE not in known:
        reasons = [note for unit in found for note in of_kind(unit.notes, "no mCE")]
        raise NothingToCompareError(" ".join(dict.fromkeys(reasons)))
    return found


def _where(units: Sequence[Unit]) -> str:
    return "; ".join(f"{', '.join(unit.checkpoints['label'])} on {unit.scope.title}" for unit in units)


def _compare_unit(
    unit: Unit, method: str, against: Sequence[str], metrics: Sequence[str], reference: str | None, runs: Sequence[Path]
) -> UnitComparison | None:
    first = find_side(unit, method)
    opponents = [] if first is None else _opponents(unit, first, against)
    return compare_sides(unit, first, opponents, runs, metrics, reference) if first and opponents else None


def compare_sides(
    unit: Unit,
    first: Side,
    opponents: Sequence[Side],
    runs: Sequence[Path],
    metrics: Sequence[str] = (),
    reference: str | None = None,
    *,
    exploratory: bool = True,
) -> UnitComparison | None:
    """Compare one side with others of a set; None if no score is measured on both sides of any pair.

    Args:
        unit: The measurements.
        first: The side that is compared.
        opponents: The others, at least one; none shares a checkpoint with it.
        runs: Where the cells are.
        metrics: As in ``compare``.
        reference: As in ``compare``.
        exploratory: Whether scores outside the declared family are compared as well.

    Raises:
        NothingToCompareError: If methods were trained differently.
    """
    sides = (first, *opponents)
    everything = unit.everything
    scores = scores_of(everything, published_reference=unit.is_imagenet)
    declared = set(metrics) or {score.name for score in scores if score.is_declared}
    scores = [score for score in scores if exploratory or score.name in declared]
    refused = measured_differently(everything, sides)
    scores = [score for score in scores if not {cell for cell, _ in score.cells} & set(refused)]
    notes = [*_side_notes(unit, first, opponents), *_left_out_notes(unit, sides, scores, refused, runs)]
    read, ids = read_sides(unit, sides, scores, runs)
    compared = [
        compared_score(score, first, other, read[first][score.name], read[other][score.name], ids)
        for other in opponents
        for score in scores
        if score.name in read[first] and score.name in read[other]
    ]
    if reference is not None:
        by_reference, reasons = compared_by_reference(unit, first, opponents, reference, runs)
        compared, notes = compared + by_reference, notes + reasons
    if not compared:
        return None
    if missing := set(metrics) - {one.score.name for one in compared}:
        notes.append(f"Not measured here: {', '.join(sorted(missing))}.")
    tied = tied_groups(read, [s for s in scores if s.name in declared], ids) if len(opponents) > 1 else {}
    pairs = tuple((first, other) for other in opponents)
    return UnitComparison(unit, tuple(_adjusted(compared, declared)), tied, tuple(dict.fromkeys(notes)), pairs)


def _side_notes(unit: Unit, first: Side, opponents: Sequence[Side]) -> Iterator[str]:
    """Say what sets the checkpoints of some sides apart beside their methods."""
    sides = (first, *opponents)
    for other in opponents:
        yield from _training_notes(unit, first, other)
    yield from unstated_training(unit, sides)
    for side in sides:
        yield from repeated_seeds(unit, side)
    compared = [identifier for side in sides for identifier in side.checkpoint_ids]
    yield from overlap_notes(replace(unit, checkpoints=unit.checkpoints.loc[compared]))


def _left_out_notes(
    unit: Unit, sides: Sequence[Side], scores: Sequence[Score], refused: Sequence[str], runs: Sequence[Path]
) -> Iterator[str]:
    if refused:
        yield f"Left out, because the checkpoints were measured in different settings: {', '.join(refused)}."
    yield from left_out(unit, [identifier for side in sides for identifier in side.checkpoint_ids], scores, runs)


def _opponents(unit: Unit, first: Side, against: Sequence[str]) -> list[Side]:
    if ALL in against:
        return other_sides(unit, first)
    found = [side for name in against if (side := find_side(unit, name))]
    for side in found:
        if set(first.checkpoint_ids) & set(side.checkpoint_ids):
            raise NothingToCompareError(f"{first.name} and {side.name} share a checkpoint; name two different ones.")
    return found


def _training_notes(unit: Unit, first: Side, second: Side) -> list[str]:
    if first.is_method and second.is_method:
        refuse_unequal_training(unit, (first, second))
        return []
    differing = differing_training(unit, (first, second))
    return [f"{first.name} and {second.name} differ in {'; '.join(differing)}."] if differing else []


def _adjusted(compared: Sequence[Comparison], declared: set[str]) -> list[Comparison]:
    family = [one for one in compared if one.score.name in declared and one.difference.is_tested]
    adjusted = dict(zip(map(id, family), holm([one.p for one in family]), strict=True))
    return [replace(one, p_holm=adjusted.get(id(one)), family_size=max(1, len(family))) for one in compared]
