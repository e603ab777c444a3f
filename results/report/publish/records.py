"""The scores of every checkpoint of some runs, with their uncertainty, one record per set of comparable images."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from robustsweep.errors import DataError, NothingToCompareError
from robustsweep.results.comparable.comparable_sets import Unit, split_units
from robustsweep.results.comparable.frame import read_runs
from robustsweep.results.comparable.seed_groups import seed_groups
from robustsweep.results.metrics.catalogue.error_scores import condition_score
from robustsweep.results.metrics.catalogue.every_score import scores_of
from robustsweep.results.metrics.estimates import Ends, Estimates, estimate
from robustsweep.results.metrics.scores import Score
from robustsweep.results.stored.cells import Json, identity_key


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """One score of a checkpoint.

    Attributes:
        score: What it is.
        value: Its value, a fraction for errors and accuracies.
        interval: Ends of its 95% interval over images; None: there is none.
        standard_error: Over images; None: there is none.
    """

    score: Score
    value: float
    interval: Ends | None
    standard_error: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """What one checkpoint did on one set of images.

    Attributes:
        unit: The set.
        checkpoint: The checkpoint's name.
        checkpoint_id: Its id.
        card: Its card.
        scores: Its scores, in the order of the catalogue.
        precision: Of the computation.
        protocol: Version of what decides the numbers.
        version: Of robustsweep, as the cells were computed.
        device: On which.
    """

    unit: Unit
    checkpoint: str
    checkpoint_id: str
    card: Json
    scores: tuple[ScoreRecord, ...]
    precision: str
    protocol: str
    version: str
    device: str

    @property
    def key(self) -> str:
        """64 hexadecimal digits, the same whenever the same checkpoint met the same images."""
        scope, first = self.unit.scope, self.unit.everything.iloc[0]
        drawn = {"table": scope.table, "jpeg_quality": scope.jpeg_quality, "seed": scope.draw_seed}
        images = {"fingerprint": scope.fingerprint, "images_key": str(first["images_key"]), "of": scope.provenance}
        how = {"precision": self.precision, "protocol": self.protocol, "preprocessing": self.unit.preprocessing}
        return identity_key({"checkpoint": self.checkpoint_id, **drawn, **images, **how})


def read_records(runs: Sequence[Path]) -> list[Record]:
    """Read the scores of every checkpoint that some run folders hold.

    Args:
        runs: Run folders.

    Raises:
        NothingToCompareError: If no run holds a finished cell.
        DataError: If a folder or a cell cannot be read.
    """
    frame = read_runs(runs).frame
    if frame.empty:
        listed = ", ".join(map(str, runs))
        raise NothingToCompareError(f"No finished cell in {listed}; run robustsweep sweep first.")
    return [record for unit in split_units(frame) for record in _records(unit, runs)]


def _scores(unit: Unit) -> list[Score]:
    """List what is compared, and single conditions of corruptions that lack some severities."""
    scores = scores_of(unit.everything, published_reference=unit.is_published_imagenet_c)
    covered = {condition for score in scores for condition, _ in score.cells}
    names = unit.rows.loc[unit.rows["kind"] == "corruption", "condition"].unique()
    return [*scores, *(condition_score(str(name)) for name in names if name not in covered)]


def _records(unit: Unit, runs: Sequence[Path]) -> Iterator[Record]:
    rows, scores = unit.everything, _scores(unit)
    found = estimate(unit, None, seed_groups(unit), runs, scores).checkpoints
    if found.problem:
        raise DataError(f"Scores are published with their uncertainty, which is unknown here: {found.problem}")
    for place, (identifier, checkpoint) in enumerate(unit.checkpoints.iterrows()):
        first = rows[rows["checkpoint_id"] == identifier].iloc[0]
        versions = json.loads(first["versions"]) if isinstance(first["versions"], str) else {}
        yield Record(
            unit,
            str(checkpoint["label"]),
            str(identifier),
            json.loads(checkpoint["card"]),
            tuple(_measured(scores, found, place)),
            precision=str(first["precision"]),
            protocol=str(first["protocol"]),
            version=str(versions.get("robustsweep", "unknown")),
            device="unknown" if pd.isna(first["device"]) else str(first["device"]),
        )


def _measured(scores: Sequence[Score], found: Estimates, place: int) -> Iterator[ScoreRecord]:
    for score in scores:
        at = score.name, place
        if at in found.values:
            yield ScoreRecord(score, found.values[at], found.intervals.get(at), found.standard_errors.get(at))
