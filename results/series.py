"""What the figures draw: one series per method, its training seeds together."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from robustsweep.printable import printable
from robustsweep.results.cells import canonical_json
from robustsweep.results.fairness import facts_of
from robustsweep.results.frame import UNSPECIFIED
from robustsweep.results.headline import value_or_missing
from robustsweep.results.metrics import corruption_error
from robustsweep.results.references import DEFAULT_METHOD
from robustsweep.results.taxonomy import CORRUPTIONS
from robustsweep.results.units import Unit

MAX_DRAWN = 40
"""More methods than this and figures show the best of them only."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One method, or one checkpoint where the method does not tell it apart.

    Attributes:
        label: What figures call it.
        errors: Fractions, shape (checkpoints, 16): the fifteen corruptions and their mean; NaN where not measured.
        is_baseline: Whether its method is ``baseline``.
    """

    label: str
    errors: npt.NDArray[np.float64]
    is_baseline: bool

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean over the checkpoints, shape (16,)."""
        return np.asarray(self.errors.mean(axis=0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SeedGroup:
    """Checkpoints that differ by their training seed alone.

    Attributes:
        label: The method, or the checkpoint's name where the method does not tell it apart; printable.
        method: The training-time augmentation.
        checkpoint_ids: Their ids, at least one.
    """

    label: str
    method: str
    checkpoint_ids: tuple[str, ...]


def seed_groups(unit: Unit) -> list[SeedGroup]:
    """Group checkpoints that differ by their training seed alone; the baseline comes first, then the tables' order."""
    groups: dict[Hashable, list[str]] = {}
    for identifier, row in unit.checkpoints.iterrows():
        groups.setdefault(_seeds_apart(str(identifier), row), []).append(str(identifier))
    methods = [str(unit.checkpoints.loc[identifiers[0], "method"]) for identifiers in groups.values()]
    found = []
    for identifiers, method in zip(groups.values(), methods, strict=True):
        label = method
        if method == UNSPECIFIED or methods.count(method) > 1:
            label = ", ".join(unit.checkpoints.loc[identifiers, "label"])
        if len(identifiers) > 1:
            label = f"{label} ({len(identifiers)} seeds)"
        found.append(SeedGroup(printable(label), method, tuple(identifiers)))
    return sorted(found, key=lambda group: group.method != DEFAULT_METHOD)


def drawn_groups(unit: Unit) -> list[SeedGroup]:
    """Return what figures draw: all of ``seed_groups``, or the baseline and those with the lowest errors.

    Where there are more than ``MAX_DRAWN``, the baseline and then the lowest mean error over what was measured decide
    who is drawn; the order stays that of ``seed_groups``.
    """
    groups = seed_groups(unit)
    if len(groups) <= MAX_DRAWN:
        return groups
    rows = unit.attacks if unit.rows.empty else unit.rows
    errors = rows.groupby("checkpoint_id")["error"].mean()
    means = [float(errors.reindex(list(group.checkpoint_ids)).mean()) for group in groups]
    keys = [(group.method != DEFAULT_METHOD, np.isnan(m), m) for group, m in zip(groups, means, strict=True)]
    ranked = sorted(range(len(groups)), key=lambda i: keys[i])
    return [groups[i] for i in sorted(ranked[:MAX_DRAWN])]


def who_is_drawn(unit: Unit) -> str:
    """Say which methods figures leave out; empty where none."""
    groups = seed_groups(unit)
    if len(groups) <= MAX_DRAWN:
        return ""
    baseline = "the baseline and " if any(group.method == DEFAULT_METHOD for group in groups) else ""
    return f" ({baseline}the lowest mean errors: {MAX_DRAWN} of {len(groups)}; the tables have all)"


def series_of(unit: Unit) -> list[Series]:
    """Return one series of errors per ``drawn_groups``, in their order."""
    errors = unit.values()
    return [
        Series(
            group.label,
            np.stack([_errors(errors[identifier]) for identifier in group.checkpoint_ids]),
            group.method == DEFAULT_METHOD,
        )
        for group in drawn_groups(unit)
    ]


def _seeds_apart(identifier: str, row: "pd.Series[str]") -> Hashable:
    """Return a key that checkpoints share when only the training seed tells them apart."""
    if row["method"] == UNSPECIFIED or pd.isna(row["seed"]):
        return identifier
    return (row["method"], str(row["method_parameters"]), canonical_json(facts_of(str(row["card"]))))


def _errors(values: "pd.Series[float]") -> npt.NDArray[np.float64]:
    found = [value_or_missing(corruption_error(name), values) for name in CORRUPTIONS]
    array = np.array([np.nan if value is None else value for value in found])
    return np.append(array, array.mean())  # NaN unless all fifteen are there
