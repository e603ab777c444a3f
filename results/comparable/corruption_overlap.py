"""Checkpoints that have seen in training what corrupts the images that they are tested on."""

import json
from collections.abc import Iterator

from robustsweep.results.comparable.comparable_sets import Unit


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
