"""Intervals and ties in tables."""

from dataclasses import replace

from robustsweep.results.comparable.notes import Note
from robustsweep.results.metrics.estimates import Estimates
from robustsweep.results.metrics.mce_by_reference import MCE_BY_REFERENCE
from robustsweep.results.tables.table import INTERVALS_NOTE, Table

HEADLINE = "headline"


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
    notes: list[str] = [Note(_what_intervals_are(table), "intervals")] if len(intervals) > len(table.intervals) else []
    notes += [_what_ties_are(table)] if len(tied) > len(table.tied) else []
    return replace(table, intervals=intervals, tied=frozenset(tied), notes=(*table.notes, *notes))


def _names(table: Table) -> set[str]:
    return {name for name, _ in table.scores.values()}


def _what_intervals_are(table: Table) -> str:
    if table.subject == "method":
        reference = ", those of the reference included" if MCE_BY_REFERENCE in _names(table) else ""
        return (
            f"{INTERVALS_NOTE} of the mean over training seeds: it covers which images were drawn and which seeds were "
            f"trained{reference} (degrees of freedom by Satterthwaite); for a method with one seed, images alone."
        )
    names = _names(table)
    single = [name for name in names if name == "clean_error" or "@" in name]
    how = "Wilson's" if len(single) == len(names) else "clustered by source image"
    how = "Wilson's for clean images, clustered by source image for means" if 0 < len(single) < len(names) else how
    if MCE_BY_REFERENCE in names:
        how += ", that of mCE with the reference as a sample of the same images and with its seeds if it has several"
    return (
        f"{INTERVALS_NOTE} over which images were drawn, for this checkpoint: {how}. It says nothing of other training "
        "seeds."
    )


def _what_ties_are(table: Table) -> str:
    line = table.best_along
    known = f"two-sided, Holm within the {line} at 5 %)"
    if table.subject == "method":
        return (
            f"≈: not significantly different from the best of its {line} (differences paired by image, training seeds "
            f"counted, {known}; methods with fewer than three seeds are not tested and bear the mark as well."
        )
    return f"≈: cannot be told apart from the best of its {line} (differences paired by image, {known}."
