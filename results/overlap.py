"""Checkpoints that have seen in training what corrupts the images that they are tested on."""

import json
from collections.abc import Iterator
from dataclasses import replace

from robustsweep.results.tables import Table
from robustsweep.results.units import Unit


def with_overlap(table: Table, unit: Unit) -> Table:
    """Add ``overlap_notes`` to a table of a unit's corruption errors."""
    return replace(table, notes=(*table.notes, *overlap_notes(unit)))


def overlap_notes(unit: Unit) -> Iterator[str]:
    """Name the checkpoints whose cards say that their method overlaps the corruptions, where corruptions were measured.

    A method is named where all of its checkpoints do.
    """
    if not unit.rows["corruption"].notna().any():
        return
    checkpoints = unit.checkpoints
    does_overlap = checkpoints["card"].map(lambda card: json.loads(card).get("overlaps_corruptions") is True)
    names: list[str] = []
    for method, same in checkpoints.groupby("method", sort=True):
        flagged = same[does_overlap[same.index]]
        names += [str(method)] if len(flagged) == len(same) else list(flagged["label"])
    if names:
        yield (
            f"Trained with operations that overlap the corruptions, so that these were not all unseen: "
            f"{', '.join(names)}."
        )
