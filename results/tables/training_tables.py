"""Costs of training runs, and the methods at the baseline's cost."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import pandas as pd

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.equal_training import training_of
from robustsweep.results.comparable.rows import DEFAULT_METHOD
from robustsweep.results.comparable.training_overlap import overlap_notes
from robustsweep.results.method_names import written_name
from robustsweep.results.metrics.catalogue.error_scores import CLEAN, MEAN_CORRUPTION
from robustsweep.results.tables.provenance_tables import pairs_text
from robustsweep.results.tables.table import Column, Table, Value

_COST_NOTES = (
    "Seconds and images/s are medians over the epochs; minutes are the sum of all epochs.",
    "Time / baseline: median time of an epoch, divided by the baseline's if the same run trained both on the same "
    "device; only there is it stated.",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """One checkpoint's training.

    Attributes:
        method: Its method with its parameters, as one name.
        epochs: Epochs trained.
        device: What computed it.
        minutes: Wall-clock time of all epochs.
        seconds_per_epoch: Median over the epochs.
        images_per_second: Likewise.
        ratio: Time of an epoch over the baseline's, or None.
        alike: What else must agree for two costs to be compared, as text.
    """

    method: str
    epochs: int
    device: str
    minutes: float
    seconds_per_epoch: float
    images_per_second: float | None
    ratio: float | None
    alike: str


def cost_of(card: str) -> Cost | None:
    """Read what a card says of its training's cost; None if it says nothing that can be used."""
    values, training = json.loads(card), training_of(card)
    facts = values.get("training")
    if training is None or not isinstance(facts, dict):
        return None
    wall, seconds, epochs = (
        _positive(facts, "wall_seconds"),
        _positive(facts, "seconds_per_epoch"),
        values.get("epochs"),
    )
    if wall is None or seconds is None or type(epochs) is not int:
        return None
    pairs = pairs_text(json.dumps(values.get("method_parameters")))
    device = str(facts.get("device"))
    return Cost(
        method=f"{values.get('method')}" + (f" ({pairs})" if pairs else ""),
        epochs=epochs,
        device=device,
        minutes=wall / 60,
        seconds_per_epoch=seconds,
        images_per_second=_positive(facts, "images_per_second"),
        ratio=_positive(facts, "ratio_to_baseline"),
        alike=json.dumps([device, {name: value for name, value in training.items() if name != "epochs"}]),
    )


def _positive(facts: dict[str, Any], name: str) -> float | None:
    value = facts.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < math.inf else None


def training_cost(frame: pd.DataFrame) -> Table | None:
    """Build one row per checkpoint whose card states its training's cost; None if none does."""
    rows: list[tuple[Value, ...]] = []
    found = frame.drop_duplicates("checkpoint_id").sort_values(["architecture", "method", "seed", "checkpoint"])
    for _, one in found.iterrows():
        if cost := cost_of(one["card"]):
            seed = None if pd.isna(one["seed"]) else int(one["seed"])
            head = (one["checkpoint"], one["method"], seed, cost.epochs)
            rows.append((*head, cost.seconds_per_epoch, cost.images_per_second, cost.minutes, cost.ratio, cost.device))
    columns = (
        *(Column("checkpoint", "checkpoint"), Column("method", "method", "method"), Column("seed", "seed", "count")),
        Column("epochs", "epochs", "count"),
        Column("seconds_per_epoch", "seconds per epoch", "number"),
        Column("images_per_second", "images/s", "number"),
        Column("minutes", "minutes", "number"),
        Column("ratio_to_baseline", "time / baseline", "number"),
        Column("device", "device"),
    )
    notes = (*_COST_NOTES, *_search_notes(found))
    return Table("training_cost", "Training cost", None, columns, tuple(rows), notes) if rows else None


def _search_notes(checkpoints: pd.DataFrame) -> Iterator[str]:
    """Name the methods that rest on a search, with its time."""
    searched: dict[tuple[str, float], None] = {}
    for method, card in zip(checkpoints["method"], checkpoints["card"], strict=True):
        facts = json.loads(card).get("training")
        if isinstance(facts, dict) and (seconds := _positive(facts, "search_seconds")):
            searched[method, seconds] = None
    for method, seconds in searched:
        yield f"{written_name(method)}: its policy was searched for {seconds / 60:.3g} minutes, which no row holds."


def equal_compute(units: Sequence[Unit]) -> list[Table]:
    """Build the methods at the baseline's training time.

    The budget is the wall-clock time of the baseline's longest training, the median over its seeds. Of each method,
    those checkpoints are shown whose number of epochs took the longest time, the median over their seeds, that is not
    above it. Only training runs on one device that are alike in all but method, seed and epochs are set side by side.

    Args:
        units: Units of the same images, whatever the training: each holds a checkpoint once.
    """
    tables: list[Table] = []
    for unit in units:
        measured = list(_measured(unit))
        scope = replace(unit.scope, checkpoint_level_only=False)
        for alike in dict.fromkeys(cost.alike for cost, _ in measured):
            table = _equal_compute([(cost, row) for cost, row in measured if cost.alike == alike])
            if table:
                tables.append(replace(table, scope=scope, notes=(*table.notes, *overlap_notes(unit))))
    return tables


def _measured(unit: Unit) -> Iterator[tuple[Cost, tuple[float | None, float | None]]]:
    errors = unit.values()
    found = zip(CLEAN.values(errors), MEAN_CORRUPTION.values(errors), strict=True)
    for card, values in zip(unit.checkpoints["card"], found, strict=True):
        cost = cost_of(card)
        if cost and len(unit.rows):
            yield cost, values


CostedErrors = list[tuple[Cost, tuple[float | None, float | None]]]


def _equal_compute(measured: CostedErrors) -> Table | None:
    methods = sorted({cost.method for cost, _ in measured}, key=lambda name: (name != DEFAULT_METHOD, name))
    if len(methods) < 2 or methods[0] != DEFAULT_METHOD:
        return None
    budget = max(_minutes_by_epochs(measured, DEFAULT_METHOD).values())
    rows: list[tuple[Value, ...]] = []
    notes = [
        f"Budget: {budget:.3g} minutes, the baseline's longest training (median over its seeds), on "
        f"{measured[0][0].device}. Of each method the longest training that is not above it; errors are means over its "
        "seeds."
    ]
    for method in methods:
        fitting = {e: minutes for e, minutes in _minutes_by_epochs(measured, method).items() if minutes <= budget}
        if not fitting:
            rows.append((method, *[None] * 6))
            notes.append(_training_needed(measured, method, budget))
            continue
        epochs = max(fitting, key=lambda e: fitting[e])
        scores = [row for cost, row in measured if (cost.method, cost.epochs) == (method, epochs)]
        clean, corruption = (_mean([row[position] for row in scores]) for position in (0, 1))
        rows.append((method, epochs, len(scores), fitting[epochs], fitting[epochs] / budget, clean, corruption))
    columns = (
        *(Column("method", "method", "method"), Column("epochs", "epochs", "count"), Column("seeds", "seeds", "count")),
        *(Column("minutes", "minutes", "number"), Column("share_of_budget", "share of budget (%)", "percent")),
        Column("clean_error", CLEAN.title, "percent", False),
        Column("mean_corruption_error", MEAN_CORRUPTION.header, "percent", False),
    )
    title = "Equal compute: errors (%) within the baseline's training time"
    return Table("equal_compute", title, None, columns, tuple(rows), tuple(notes), best_along="column")


def _minutes_by_epochs(measured: CostedErrors, method: str) -> dict[int, float]:
    """Return the median time of each number of epochs that a method was trained for."""
    of_method = [cost for cost, _ in measured if cost.method == method]
    return {e: median(c.minutes for c in of_method if c.epochs == e) for e in sorted({c.epochs for c in of_method})}


def _training_needed(measured: CostedErrors, method: str, budget: float) -> str:
    n_epochs = math.floor(60 * budget / median(cost.seconds_per_epoch for cost, _ in measured if cost.method == method))
    if n_epochs < 1:
        return f"{method}: not even one epoch fits the budget."
    return f"{method}: no checkpoint within the budget; train it for at most {n_epochs} epochs (--epochs {n_epochs})."


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
