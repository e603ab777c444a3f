"""Wrong images of one run, per checkpoint and cell: all that the gate knows of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.results.comparable.comparable_sets import Unit, split_units
from robustsweep.results.comparable.frame import read_runs
from robustsweep.results.metrics.catalogue.error_scores import MEAN_CORRUPTION, condition_score
from robustsweep.results.metrics.catalogue.every_score import scores_of
from robustsweep.results.metrics.catalogue.quotient_scores import MCE
from robustsweep.results.metrics.measured_cells import Flags, MeasuredCells
from robustsweep.results.metrics.scores import CellName, Score
from robustsweep.results.statistics.intervals import Ids

NETWORK_FIELDS = ("architecture", "normalisation", "input_size")
"""Fields of a card that decide what a network makes of an image, beside its weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """One checkpoint's wrong images.

    Attributes:
        name: Its label.
        method: Of its card, or ``UNSPECIFIED``.
        checkpoint_id: Hash of its weights, architecture and normalisation, 12 hexadecimal digits.
        settings: Per cell all that decides its numbers but the checkpoint, as canonical JSON.
        wrong: Per cell whether each image was wrong; for attacks, at that eps or before.
        network: Architecture, normalisation and input size, as far as they are stated.
    """

    name: str
    method: str
    checkpoint_id: str
    settings: Mapping[CellName, str]
    wrong: Mapping[CellName, Flags]
    network: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class RunAnswers:
    """All checkpoints of one run, on one set of images.

    Attributes:
        title: What the images are, for people.
        scores: The scores that are judged, if a run says them; a baseline file has none of its own.
        checkpoints: One per checkpoint, in the tables' order.
        ids: Source image of each row.
        notes: Sentences about where they come from.
    """

    title: str
    scores: tuple[Score, ...]
    checkpoints: tuple[Answers, ...]
    ids: Ids
    notes: tuple[str, ...] = ()


def read_answers(run: Path) -> RunAnswers:
    """Read a run folder; windows, which probe a claim, and sequences are not judged.

    Raises:
        NothingToCompareError: If it has no finished cell, or cells of several sets of images.
    """
    measured = read_runs([run])
    units = split_units(measured.frame, by_training=False)
    if not units:
        raise NothingToCompareError(f"{run} has no finished cell to judge; run robustsweep sweep first.")
    if len(units) > 1:
        titles = "; ".join(unit.scope.title for unit in units)
        raise NothingToCompareError(
            f"{run} has cells of {len(units)} sets of images ({titles}); gate one run for each."
        )
    unit = units[0]
    rows = pd.concat([unit.rows, unit.attacks])
    if rows.empty:
        raise NothingToCompareError(
            f"{run} has windows or sequences alone, which the gate does not judge; sweep corruptions too."
        )
    found = [MeasuredCells.of(unit, str(identifier), [run]) for identifier in unit.checkpoints.index]
    checkpoints = [
        _answers(unit, str(identifier), cells) for identifier, cells in zip(unit.checkpoints.index, found, strict=True)
    ]
    ids, _ = found[0].images(next(iter(found[0].rows)))
    return RunAnswers(unit.scope.title, tuple(gated_scores(rows, unit)), tuple(checkpoints), ids, measured.notes)


def _answers(unit: Unit, checkpoint_id: str, cells: MeasuredCells) -> Answers:
    names = [cell for cell, row in cells.rows.items() if row["kind"] not in ("window", "sequence")]
    settings = {cell: cells.settings[cell] for cell in names}
    wrong = {cell: cells.wrong(cell) for cell in names}
    name, method = (str(unit.checkpoints.loc[checkpoint_id, column]) for column in ("label", "method"))
    card = json.loads(str(unit.checkpoints.loc[checkpoint_id, "card"]))
    network = {key: card[key] for key in NETWORK_FIELDS if key in card}
    return Answers(name, method, checkpoint_id, settings, wrong, network)


def gated_scores(rows: pd.DataFrame, unit: Unit) -> Sequence[Score]:
    """List what is judged: the means, complete corruptions, clean images and attacks; single conditions of the rest."""
    scores = scores_of(rows, published_reference=unit.is_imagenet)
    scores = [score for score in scores if score.margin is not None]
    if any(score.name == MCE.name for score in scores):
        scores = [score for score in scores if score != MEAN_CORRUPTION]
    covered = {condition for score in scores for condition, _ in score.cells}
    single = [str(name) for name in rows.loc[rows["kind"] == "corruption", "condition"].unique()]
    return [
        *scores,
        *(condition_score(name) for name in single if name not in covered),
    ]
