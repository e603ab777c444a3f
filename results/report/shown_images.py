"""Images that a report shows: their pictures under each condition, their classes, and where their predictions are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.stored.cells import Array
from robustsweep.results.stored.store import CellStore

Pictures = dict[str, dict[int, Array]]
_MOST_LETTERS = 32


@dataclass(frozen=True, slots=True, eq=False)
class ShownImages:
    """The images that the runs of a comparable set hold pictures of.

    Attributes:
        pictures: uint8 of shape (H, W, 3), by condition and id of the image.
        rows: The place of each image, by its id, in the arrays of a cell.
        labels: int64, shape (n,), of all images of the set.
        names: What the data set calls its classes; empty if it does not say.
        notes: Sentences about what cannot be read.
    """

    pictures: Pictures
    rows: Mapping[int, int]
    labels: Array
    names: Sequence[str]
    notes: tuple[str, ...]

    def class_name(self, index: int) -> str:
        """Return what the data set calls a class, with spaces where lines may break; its number if it has no name."""
        name = self.names[index].replace("_", " ") if 0 <= index < len(self.names) else str(index)
        return name if len(name) <= _MOST_LETTERS else f"{name[:_MOST_LETTERS]}…"


def shown_images(unit: Unit, runs: Sequence[Path]) -> ShownImages:
    """Find the pictures of a set, each in the first run that holds it; none in runs of earlier versions.

    Args:
        unit: The measurements.
        runs: Where the pictures are.
    """
    notes: list[str] = []
    nothing = np.empty(0, np.int64)
    if not (pictures := _pictures(unit, [CellStore(run) for run in runs], notes)):
        return ShownImages({}, {}, nothing, (), tuple(notes))
    first = unit.rows.iloc[0]
    cells = MeasuredCells.of(unit, first["checkpoint_id"], runs)
    try:
        ids, labels = cells.images((first["condition"], ""))
    except DataError as error:
        return ShownImages({}, {}, nothing, (), (*notes, str(error)))
    shown = dict.fromkeys(identifier for images in pictures.values() for identifier in images)
    rows = {identifier: int(row) for identifier in shown for row in np.flatnonzero(ids == identifier)[:1]}
    return ShownImages(pictures, rows, labels, _class_names(first["images_key"], cells.stores, notes), tuple(notes))


def _pictures(unit: Unit, stores: Sequence[CellStore], notes: list[str]) -> Pictures:
    found: Pictures = {}
    settings = unit.rows[["condition", "setting"]].drop_duplicates()
    for condition, setting in settings.itertuples(index=False):
        for store in stores:
            if condition in found:
                break
            try:
                samples = store.samples.of(setting)
            except DataError as error:
                notes.append(str(error))
            else:
                if samples is not None:
                    found[condition] = dict(zip(samples.ids.tolist(), samples.pixels, strict=True))
    return found


def _class_names(images_key: str, stores: Sequence[CellStore], notes: list[str]) -> tuple[str, ...]:
    names: tuple[str, ...] = ()
    for store in stores:
        try:
            names = names or store.samples.class_names(images_key)
        except DataError as error:
            notes.append(str(error))
    return names
