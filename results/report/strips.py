"""Strips of a report: a test image clean and under one corruption, and what each method predicted there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.rows import corruptions_of
from robustsweep.results.comparable.seed_groups import SeedGroup, seed_groups
from robustsweep.results.figures.method_series import drawn_groups
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.report.shown_images import ShownImages, shown_images
from robustsweep.results.stored.cells import Array
from robustsweep.results.tables.table import MISSING

MOST_METHODS = 8
"""More methods than this and the strips have the baseline and those with the lowest errors."""
_MOST_NOTES = 5


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a method made of one picture.

    Attributes:
        outcome: ``"mixed"``: right for some of the method's training seeds.
        text: The predicted class, how many seeds are right, or what else is known.
    """

    outcome: Literal["right", "wrong", "mixed", "missing"]
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One image under one corruption.

    Attributes:
        corruption: Its name.
        place: 0 for the first of the images that are shown, 1 for the second.
        label: The image's class.
        shown: ``"clean"`` and severities, in this order, as far as there are pictures.
        pixels: Their pictures, uint8 of shape (H, W, 3) each.
        predictions: By method, as figures call it, one for each picture.
    """

    corruption: str
    place: int
    label: str
    shown: tuple[str, ...]
    pixels: tuple[Array, ...]
    predictions: Mapping[str, tuple[Prediction, ...]]


@dataclass(frozen=True, slots=True)
class Strips:
    """The strips of one comparable set.

    Attributes:
        strips: By corruption in the tables' order, then by image.
        n_methods: How many methods there are, shown or not.
        notes: Sentences about pictures that cannot be read.
    """

    strips: tuple[Strip, ...] = ()
    n_methods: int = 0
    notes: tuple[str, ...] = ()

    @property
    def by_corruption(self) -> list[tuple[str, list[Strip]]]:
        """The strips of each corruption."""
        return [(name, list(same)) for name, same in groupby(self.strips, key=lambda strip: strip.corruption)]


def strips_of(unit: Unit, runs: Sequence[Path]) -> Strips:
    """Read the pictures of a set and what the methods predicted for them.

    A run without pictures has no strips. What cannot be read is named in the notes and left out; no number depends
    on it.

    Args:
        unit: The measurements, by checkpoint.
        runs: Where the cells and the pictures are.
    """
    shown = shown_images(unit, runs)
    corruptions = {name.rpartition("@")[0] for name in shown.pictures if name != "clean"}
    if not corruptions:
        return Strips(notes=_few(shown.notes))
    groups, notes = drawn_groups(unit, MOST_METHODS), list(shown.notes)
    drawn = [identifier for group in groups for identifier in group.checkpoint_ids]
    measured = MeasuredCells.of_each(replace(unit, checkpoints=unit.checkpoints.loc[drawn]), runs)
    cells = dict(zip(drawn, measured, strict=True))
    said = {group.label: _predictions(group, cells, shown, notes) for group in groups}
    strips = tuple(
        strip for name in corruptions_of(unit.rows) if name in corruptions for strip in _strips(name, shown, said)
    )
    return Strips(strips, len(seed_groups(unit)), _few(notes))


def _few(notes: Sequence[str]) -> tuple[str, ...]:
    """Take each note once, and the first ones of many."""
    first = tuple(dict.fromkeys(notes))
    more = (f"{len(first) - _MOST_NOTES} more pictures or predictions cannot be read.",)
    return first if len(first) <= _MOST_NOTES else (*first[:_MOST_NOTES], *more)


def _predictions(
    group: SeedGroup, cells: Mapping[str, MeasuredCells], shown: ShownImages, notes: list[str]
) -> dict[tuple[str, int], Prediction]:
    """Say what a method predicted, by condition and image, so far as all its checkpoints were measured."""
    found: dict[tuple[str, int], Prediction] = {}
    rows = list(shown.rows.values())
    by_checkpoint = [
        _answers(cells[identifier], shown, rows, notes, wants_class=len(group.checkpoint_ids) == 1)
        for identifier in group.checkpoint_ids
    ]
    for condition in shown.pictures:
        answers = [said[condition] for said in by_checkpoint if condition in said]
        if len(answers) < len(by_checkpoint):
            continue
        for column, identifier in enumerate(shown.rows):
            found[condition, identifier] = _told([said[column] for said in answers], shown)
    return found


def _answers(
    cells: MeasuredCells, shown: ShownImages, rows: list[int], notes: list[str], *, wants_class: bool
) -> dict[str, list[tuple[bool, int | None]]]:
    """Read whether a checkpoint is right about the images, and if it is wanted and stored, what it says instead."""
    found: dict[str, list[tuple[bool, int | None]]] = {}
    for condition in shown.pictures:
        cell = (condition, "")
        if cell not in cells.rows:
            continue
        try:
            right = (~cells.wrong(cell)[rows]).tolist()
            has_class = wants_class and cells.has_examples(cell)
            said = cells.examples(cell).prediction[rows].tolist() if has_class else [None] * len(rows)
        except DataError as error:
            notes.append(str(error))
        else:
            found[condition] = list(zip(right, said, strict=True))
    return found


def _told(answers: Sequence[tuple[bool, int | None]], shown: ShownImages) -> Prediction:
    """Put what the checkpoints of a method say of one picture into a word."""
    n_right = sum(right for right, _ in answers)
    outcome: Literal["right", "wrong", "mixed"] = "mixed"
    if n_right in (0, len(answers)):
        outcome = "right" if n_right else "wrong"
    if len(answers) > 1:
        return Prediction(outcome, f"{n_right} of {len(answers)}")
    said = answers[0][1]
    return Prediction(outcome, outcome if said is None else shown.class_name(said))


def _strips(
    corruption: str, shown: ShownImages, said: Mapping[str, Mapping[tuple[str, int], Prediction]]
) -> Iterator[Strip]:
    severities = sorted(
        (name for name in shown.pictures if name.rpartition("@")[0] == corruption),
        key=lambda name: int(name.rpartition("@")[2]),
    )
    for place, (identifier, row) in enumerate(shown.rows.items()):
        conditions = [name for name in ("clean", *severities) if identifier in shown.pictures.get(name, ())]
        if set(conditions) <= {"clean"}:
            continue
        yield Strip(
            corruption,
            place,
            shown.class_name(int(shown.labels[row])),
            tuple(name.rpartition("@")[2] for name in conditions),
            tuple(shown.pictures[name][identifier] for name in conditions),
            {
                method: tuple(found.get((name, identifier), Prediction("missing", MISSING)) for name in conditions)
                for method, found in said.items()
            },
        )
