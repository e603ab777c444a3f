"""Comparable sets: the same pixels, shown to checkpoints that were trained alike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from robustsweep.errors import DataError
from robustsweep.results.alexnet_errors import N_IMAGES as ALEXNET_N_IMAGES
from robustsweep.results.comparable.equal_training import described, training_key
from robustsweep.results.comparable.scope import Scope

_SAME_IMAGES = ["data", "split", "fingerprint", "provenance", "images_key", "preprocessing", "protocol", "precision"]
_SAME_CORRUPTIONS = ["table", "jpeg_quality", "draw_seed"]


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """Measurements of the same images under the same corruptions; the only ones that share a table.

    Attributes:
        scope: What the headers say.
        split: Of the data set.
        preprocessing: What was done to the images before [0, 1].
        classes: Classes of the data set.
        notes: Sentences of the data set and of its cells.
        checkpoints: Index ``checkpoint_id``; columns ``label`` (unique), ``checkpoint``, ``method``, ``seed``,
            ``architecture``, ``method_parameters``, ``card``. Ordered by architecture, method, seed and name.
        rows: Clean, natural shift and corruption rows of the frame.
        attacks: Attack rows of the frame; empty if an earlier unit of the same images already has them.
        windows: Window rows of the frame; likewise.
        sequences: Sequence rows of the frame; likewise.
        subject: What a row of a table is: a checkpoint, or a method whose seeds are averaged, see ``method_rows``.
    """

    scope: Scope
    split: str
    preprocessing: str
    classes: int
    notes: tuple[str, ...]
    checkpoints: pd.DataFrame
    rows: pd.DataFrame
    attacks: pd.DataFrame
    windows: pd.DataFrame
    sequences: pd.DataFrame
    subject: Literal["checkpoint", "method"] = "checkpoint"

    @property
    def everything(self) -> pd.DataFrame:
        """All its rows."""
        return pd.concat([self.rows, self.attacks, self.windows, self.sequences])

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


def shift_of(unit: Unit) -> str:
    """Return the natural shift that the images of a set are; empty if they are none."""
    return next((str(name) for name in unit.rows.loc[unit.rows["kind"] == "shift", "condition"]), "")


def split_units(frame: pd.DataFrame, *, by_training: bool = True) -> list[Unit]:
    """Sort the rows of a frame into units that never mix.

    Rows belong together when data set, split, fingerprint, provenance, images, preprocessing, protocol and precision
    agree, and for corruptions also the severity table, the JPEG round trip and the seed. Clean rows join every unit of
    their images. With ``by_training`` checkpoints that were not trained alike, see ``equal_training``, are in units of
    their own, whose titles name what differs. If a row still mixes settings, such as a codec's, the unit carries a
    note.

    Raises:
        DataError: If one checkpoint was measured twice under one condition of a unit.
    """
    split = _units_of_each_training if by_training else _units_of_same_images
    groups = frame.groupby(_SAME_IMAGES, dropna=False, sort=True)
    return _told_apart([unit for _, rows in groups for unit in split(rows)])


def _units_of_each_training(rows: pd.DataFrame) -> Iterator[Unit]:
    keys = rows["card"].map({card: training_key(card) for card in rows["card"].unique()})
    trainings = sorted(keys.unique())
    for key in trainings:
        text = described(key, trainings) if len(trainings) > 1 else ""
        for unit in _units_of_same_images(rows[keys == key]):
            yield replace(unit, scope=replace(unit.scope, training=text))


def _told_apart(units: list[Unit]) -> list[Unit]:
    titles = [unit.scope.title for unit in units]
    marked = []
    for position, unit in enumerate(units):
        if titles.count(unit.scope.title) > 1:
            number = titles[: position + 1].count(unit.scope.title)
            text = f"no. {number}: split {unit.split}, fingerprint {unit.scope.fingerprint[:6]}, {unit.preprocessing}"
            unit = replace(unit, scope=replace(unit.scope, distinction=text))
        marked.append(unit)
    return marked


def _units_of_same_images(rows: pd.DataFrame) -> Iterator[Unit]:
    clean, corrupted = rows[rows["kind"].isin(["clean", "shift"])], rows[rows["kind"] == "corruption"]
    drawn = rows[rows["kind"].isin(["attack", "window", "sequence"])]
    by_seed = {_or_missing(seed): same for seed, same in _grouped(drawn, ["draw_seed"])}
    for (_, _, seed), variant in _grouped(corrupted, _SAME_CORRUPTIONS):
        # Attacks and windows go with the first corruptions of their seed; official ones have none and take any.
        with_seed = next((s for s in by_seed if s == _or_missing(seed) or pd.isna(seed)), None)
        found = by_seed.pop(with_seed) if with_seed in by_seed else rows.iloc[:0]
        yield _unit(pd.concat([clean, variant]), found)
    for found in by_seed.values():
        yield _unit(clean, found)
    if corrupted.empty and drawn.empty:
        yield _unit(clean, rows.iloc[:0])


def _grouped(rows: pd.DataFrame, columns: list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    for values, same in rows.groupby(columns, dropna=False, sort=True):
        yield values if len(columns) > 1 else values[0], same


def _or_missing(seed: Any) -> int | None:
    return None if pd.isna(seed) else int(seed)


def _unit(rows: pd.DataFrame, drawn: pd.DataFrame) -> Unit:
    everything = pd.concat([rows, drawn])
    _refuse_double_measurements(everything)
    checkpoints = _checkpoints(everything)
    seeds = checkpoints.groupby(["method", "method_parameters"], dropna=False).size()
    first = everything.iloc[-1] if rows.empty else rows.iloc[-1]  # the last row is a corruption where there is one
    return Unit(
        scope=Scope(
            data=first["data"],
            fingerprint=first["fingerprint"],
            provenance=first["provenance"],
            n=int(first["n"]),
            subset=_or_none(first["subset"]),
            table=_or_none(first["table"]),
            jpeg_quality=None if pd.isna(first["jpeg_quality"]) else int(first["jpeg_quality"]),
            draw_seed=next((int(seed) for seed in everything["draw_seed"].dropna()), None),
            checkpoint_level_only=len(seeds) > 1 and int(seeds.min()) < 2,
        ),
        split=_or_none(first["split"]) or "all",
        preprocessing=_or_none(first["preprocessing"]) or "none",
        classes=int(first["classes"]),
        notes=_notes(everything),
        checkpoints=checkpoints,
        rows=rows,
        attacks=drawn[drawn["kind"] == "attack"],
        windows=drawn[drawn["kind"] == "window"],
        sequences=drawn[drawn["kind"] == "sequence"],
    )


def _or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _refuse_double_measurements(rows: pd.DataFrame) -> None:
    columns = ["checkpoint_id", "condition", "eps"]
    twice = rows[rows.duplicated(columns, keep=False)]
    for _, same in twice.groupby(columns, dropna=False):
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
    return tuple(dict.fromkeys([*notes, *_mixed_settings(rows)]))


def _mixed_settings(rows: pd.DataFrame) -> Iterator[str]:
    mixed = rows.groupby("condition", sort=False)["setting"].nunique()
    names = list(mixed.index[mixed > 1])
    if names:
        yield (
            f"The checkpoints were not measured alike under {', '.join(names)} (other library versions or attack "
            "parameters, see cells.csv); do not compare them there."
        )


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
