"""Which measurements may stand beside each other: the same pixels, shown to different checkpoints."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from robustsweep.errors import DataError
from robustsweep.results.alexnet import N_IMAGES as ALEXNET_N_IMAGES

_SAME_IMAGES = ["data", "split", "fingerprint", "provenance", "images_key", "preprocessing"]
_SAME_CORRUPTIONS = ["table", "jpeg_quality"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What every table header says about its numbers.

    Attributes:
        data: Name of the data set.
        provenance: ``"generated"`` or ``"official"``.
        n: Images behind each number.
        subset: ``"500 of 10000"``, or None for all images.
        table: Name of the severity table, or None where nothing was corrupted.
        jpeg_quality: Quality of the JPEG round trip that ended each generated corruption, or None.
        checkpoint_level_only: Whether several methods are here and one of them with a single training seed.
    """

    data: str
    provenance: str
    n: int
    subset: str | None
    table: str | None
    jpeg_quality: int | None
    checkpoint_level_only: bool

    @property
    def title(self) -> str:
        """One line for people."""
        jpeg = f", then JPEG quality {self.jpeg_quality}" if self.jpeg_quality else ""
        parts = [self.data, self.provenance]
        parts += [f"{self.table} severities{jpeg}"] if self.table else []
        parts += [f"SUBSET: {self.subset} images" if self.subset else f"{self.n} images"]
        parts += ["checkpoint-level only"] if self.checkpoint_level_only else []
        return " · ".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """Measurements of the same images under the same corruptions; the only ones that share a table.

    Attributes:
        scope: What the headers say.
        fingerprint: Of the data set.
        split: Of the data set.
        preprocessing: What was done to the images before [0, 1].
        classes: Classes of the data set.
        notes: Sentences of the data set and of its cells.
        checkpoints: Index ``checkpoint_id``; columns ``label`` (unique), ``checkpoint``, ``method``, ``seed``,
            ``architecture``, ``method_parameters``, ``card``. Ordered by architecture, method, seed and name.
        rows: Clean and corruption rows of the frame.
        attacks: Attack rows of the frame; empty where an earlier unit of the same images already has them.
    """

    scope: Scope
    fingerprint: str
    split: str
    preprocessing: str
    classes: int
    notes: tuple[str, ...]
    checkpoints: pd.DataFrame
    rows: pd.DataFrame
    attacks: pd.DataFrame

    def values(self, quantity: str = "error") -> pd.DataFrame:
        """Return a quantity by condition name (index) and checkpoint id (columns, in order); NaN is missing."""
        wide = self.rows.pivot(index="condition", columns="checkpoint_id", values=quantity)
        return wide.reindex(columns=self.checkpoints.index).astype("float64")

    @property
    def is_imagenet(self) -> bool:
        """Whether published AlexNet errors may divide these, with or without a caveat."""
        return self.classes == 1000

    @property
    def is_published_imagenet_c(self) -> bool:
        """Whether these are all images of the official ImageNet-C, so that mCE compares with published values."""
        scope = self.scope
        return self.is_imagenet and scope.provenance == "official" and scope.n == ALEXNET_N_IMAGES


def split_units(frame: pd.DataFrame) -> list[Unit]:
    """Sort the rows of a frame into units that never mix.

    Rows belong together when data set, split, fingerprint, provenance, images and preprocessing agree, and for
    corruptions also the severity table and the JPEG round trip. Clean rows join every severity table of their images.

    Raises:
        DataError: If one checkpoint was measured twice under one condition in two ways, such as two corruption seeds.
    """
    return [
        unit for _, rows in frame.groupby(_SAME_IMAGES, dropna=False, sort=True) for unit in _units_of_same_images(rows)
    ]


def _units_of_same_images(rows: pd.DataFrame) -> Iterator[Unit]:
    clean, attacks = rows[rows["kind"] == "clean"], rows[rows["kind"] == "attack"]
    corrupted = rows[rows["kind"] == "corruption"]
    if corrupted.empty:
        yield _unit(clean, attacks)
        return
    for _, variant in corrupted.groupby(_SAME_CORRUPTIONS, dropna=False, sort=True):
        yield _unit(pd.concat([clean, variant]), attacks)
        attacks = attacks.iloc[:0]


def _unit(rows: pd.DataFrame, attacks: pd.DataFrame) -> Unit:
    everything = pd.concat([rows, attacks])
    _refuse_double_measurements(everything)
    checkpoints = _checkpoints(everything)
    seeds = checkpoints.groupby("method").size()
    first = everything.iloc[-1] if rows.empty else rows.iloc[-1]  # the last row is a corruption where there is one
    return Unit(
        scope=Scope(
            data=first["data"],
            provenance=first["provenance"],
            n=int(first["n"]),
            subset=_or_none(first["subset"]),
            table=_or_none(first["table"]),
            jpeg_quality=None if pd.isna(first["jpeg_quality"]) else int(first["jpeg_quality"]),
            checkpoint_level_only=len(seeds) > 1 and int(seeds.min()) < 2,
        ),
        fingerprint=first["fingerprint"],
        split=_or_none(first["split"]) or "all",
        preprocessing=_or_none(first["preprocessing"]) or "none",
        classes=int(first["classes"]),
        notes=_notes(everything),
        checkpoints=checkpoints,
        rows=rows,
        attacks=attacks,
    )


def _or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _refuse_double_measurements(rows: pd.DataFrame) -> None:
    for _, same in rows.groupby(["checkpoint_id", "condition", "eps"], dropna=False):
        if len(same) > 1:
            first, second = same.iloc[0], same.iloc[1]
            names = sorted(set(first["identity"]) | set(second["identity"]))
            differing = [n for n in names if first["identity"].get(n) != second["identity"].get(n)]
            raise DataError(
                f"{first['condition']} of {first['checkpoint']} was measured twice on the same images, with different "
                f"{', '.join(differing)}; report those runs separately."
            )


def _notes(rows: pd.DataFrame) -> tuple[str, ...]:
    notes = [note for notes in rows["data_notes"] for note in notes]
    notes += [
        f"{name}: {warning}"
        for name, warnings in zip(rows["checkpoint"], rows["warnings"], strict=True)
        for warning in warnings
    ]
    return tuple(dict.fromkeys(notes))


def _checkpoints(rows: pd.DataFrame) -> pd.DataFrame:
    columns = ["checkpoint_id", "checkpoint", "method", "seed", "architecture", "method_parameters", "card"]
    found = rows[columns].drop_duplicates("checkpoint_id")
    found = found.sort_values(["architecture", "method", "seed", "checkpoint", "checkpoint_id"]).set_index(
        "checkpoint_id"
    )
    twice = found["checkpoint"].duplicated(keep=False)
    found["label"] = [
        f"{name} ({identifier[:6]})" if again else name
        for identifier, name, again in zip(found.index, found["checkpoint"], twice, strict=True)
    ]
    return found
