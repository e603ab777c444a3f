"""Tables of how predictions change along sequences: flip probabilities and top-5 distances."""

from collections.abc import Iterator

import pandas as pd

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.metrics.catalogue.sequence_scores import FLIPS, MEAN_FLIP, MEAN_TOP5_DISTANCE, TOP5_DISTANCES
from robustsweep.results.tables.table import Column, Line, Table, matrix, score_table, subject_column

_NOT_DIVIDED = (
    "Neither is divided by AlexNet's rates, so that there is no mFR and no mT5D: these rates are published in no file "
    "that could be read."
)


def sequence_tables(unit: Unit) -> Iterator[Table]:
    """Build both tables; nothing if no sequence is measured."""
    if unit.sequences.empty:
        return
    yield _flips(unit)
    yield _distances(unit)


def _means(unit: Unit, quantity: str) -> pd.DataFrame:
    wide = unit.sequences.pivot(index="condition", columns="checkpoint_id", values=quantity)
    return wide.reindex(columns=unit.checkpoints.index).astype("float64")


def _flips(unit: Unit) -> Table:
    means = _means(unit, "flip")
    there = [score for score in FLIPS if score.cells[0][0] in means.index]
    lines = [Line("perturbation", score.title, tuple(score.values(means)), score) for score in there]
    lines.append(Line("all", MEAN_FLIP.title, tuple(MEAN_FLIP.values(means)), MEAN_FLIP))
    notes = [f"{MEAN_FLIP.title}: {MEAN_FLIP.definition}", _NOT_DIVIDED]
    title = "Flip probability along sequences (%, lower is better)"
    return matrix(unit, "sequence_flips", title, ("group", "sequence"), lines, notes)


def _distances(unit: Unit) -> Table:
    means = _means(unit, "top5_distance")
    there = [score for score in (*TOP5_DISTANCES, MEAN_TOP5_DISTANCE) if score.cells[0][0] in means.index]
    columns = [Column(score.name, score.title, score.unit, score.is_accuracy) for score in there]
    lines = [Line("", score.name, tuple(score.values(means)), score) for score in there]
    title = "Top-5 distance along sequences (0 to 15, lower is better)"
    note = f"{MEAN_TOP5_DISTANCE.title}: {MEAN_TOP5_DISTANCE.definition}"
    table = Table("sequence_distances", title, unit.scope, (), (), (note,), subject=unit.subject, depth="detail")
    return score_table(table, [subject_column(unit)], [(label,) for label in unit.checkpoints["label"]], columns, lines)
