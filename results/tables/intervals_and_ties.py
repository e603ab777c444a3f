"""Intervals and ties in tables, and the words for what has none."""

from collections.abc import Iterator
from dataclasses import replace

from robustsweep.results.comparable.notes import Note
from robustsweep.results.metrics.estimates import Estimates
from robustsweep.results.metrics.per_image import FLAGS
from robustsweep.results.stored.store import NEEDS_EXAMPLES
from robustsweep.results.tables.table import INTERVALS_NOTE, Table

HEADLINE = "headline"


def with_intervals(table: Table, estimates: Estimates) -> Table:
    """Add to a table the intervals of its scores, and which do not differ significantly from the best of their line.

    A note says why a score has no interval; if none has any, the headline alone.

    Args:
        table: A table of the unit; values without a score stay as they are.
        estimates: What is known of the unit's scores.
    """
    if estimates.problem:
        note = (f"No intervals: {estimates.problem}",) if table.slug == HEADLINE else ()
        return replace(table, notes=(*table.notes, *note))
    found = {
        place: ends for place, (s, row) in table.scores.items() if (ends := estimates.intervals.get((s.name, row)))
    }
    best, axis = table.best(), 0 if table.best_along == "row" else 1
    lines = {place[axis] for place in best}
    tied = {
        place
        for place, (score, row) in table.scores.items()
        if place[axis] in lines and place not in best and row in estimates.tied.get(score.name, ())
    }
    marked = replace(table, intervals=found, tied=frozenset(tied))
    notes: list[str] = [Note(_what_intervals_are(marked), "intervals")] if found else []
    notes += [_what_ties_are(marked)] if tied else []
    return replace(marked, notes=(*table.notes, *notes, *_without_interval(marked, estimates)))


def _without_interval(table: Table, estimates: Estimates) -> Iterator[str]:
    """Say why scores with a value have no interval, but for a reference's own quotients, which the notes explain."""
    bounded = {score.name for score, _ in map(table.scores.__getitem__, table.intervals)}
    lacking: dict[str, list[str]] = {}
    for place, (score, row) in table.scores.items():
        is_own = score.by_reference and (score.name, row) in estimates.values
        if score.name in bounded or is_own or table.rows[place[0]][place[1]] is None:
            continue
        needed = NEEDS_EXAMPLES if score.quantity not in FLAGS else "needs scores of single images, which are missing."
        titles = lacking.setdefault(score.no_interval or f"that {needed}", [])
        titles += [title] if (title := _name_of_line(table, place)) not in titles else []
    yield from (f"No interval of {', '.join(titles)}: {reason}" for reason, titles in lacking.items())


def _name_of_line(table: Table, place: tuple[int, int]) -> str:
    if table.best_along == "row":
        return str(table.rows[place[0]][table.keys - 1])
    return table.columns[place[1]].title


def _what_intervals_are(table: Table) -> str:
    scores = {score.name: score for score, _ in map(table.scores.__getitem__, table.intervals)}.values()
    linearised = ", of quotients and ECE by the delta method" if any(s.is_linearised for s in scores) else ""
    by_reference = any(score.by_reference for score in scores)
    if table.subject == "method":
        reference = ", those of the reference included" if by_reference else ""
        return (
            f"{INTERVALS_NOTE} of the mean over training seeds: it covers which images were drawn and which seeds were "
            f"trained{reference} (degrees of freedom by Satterthwaite{linearised}); for a method with one seed, images "
            "alone."
        )
    n_counted = sum(score.is_counted for score in scores)
    how = "Wilson's" if n_counted == len(scores) else "clustered by source image"
    how = "Wilson's for single cells, clustered by source image for means" if 0 < n_counted < len(scores) else how
    how += linearised
    if by_reference:
        how += "; a reference is a sample of the same images, and with its seeds if it has several"
    return (
        f"{INTERVALS_NOTE} over which images were drawn, for this checkpoint: {how}. It says nothing of other training "
        "seeds."
    )


def _what_ties_are(table: Table) -> str:
    line = table.best_along
    known = f"two-sided, Holm within the {line} at 5%)"
    if table.subject == "method":
        return (
            f"≈: not significantly different from the best of its {line} (differences paired by image, training seeds "
            f"counted, {known}; methods with fewer than three seeds are not tested and bear the mark as well."
        )
    return f"≈: not significantly different from the best of its {line} (differences paired by image, {known}."
