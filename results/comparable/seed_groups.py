"""Checkpoints that differ by their training seed alone, grouped."""

from collections.abc import Hashable
from dataclasses import dataclass

import pandas as pd

from robustsweep.printable import printable
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.equal_training import facts_of
from robustsweep.results.comparable.rows import DEFAULT_METHOD, UNSPECIFIED
from robustsweep.results.method_names import written_name
from robustsweep.results.stored.cells import canonical_json


@dataclass(frozen=True, slots=True)
class SeedGroup:
    """Checkpoints that differ by their training seed alone.

    Attributes:
        name: The method, or the checkpoints' names if several groups share the method; printable.
        method: The training-time augmentation.
        checkpoint_ids: Their ids, at least one.
    """

    name: str
    method: str
    checkpoint_ids: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name as papers write it."""
        return written_name(self.name)

    @property
    def label(self) -> str:
        """The name as papers write it, with the number of seeds if there are several."""
        n_seeds = len(self.checkpoint_ids)
        return self.title if n_seeds == 1 else f"{self.title} ({n_seeds} seeds)"


def seed_groups(unit: Unit) -> list[SeedGroup]:
    """Group a unit's checkpoints; see ``groups_of``."""
    return groups_of(unit.checkpoints)


def groups_of(checkpoints: pd.DataFrame) -> list[SeedGroup]:
    """Group checkpoints that differ by their training seed alone; the baseline comes first, then the tables' order.

    Args:
        checkpoints: As ``Unit.checkpoints``.
    """
    groups: dict[Hashable, list[str]] = {}
    for identifier, row in checkpoints.iterrows():
        groups.setdefault(_seeds_apart(str(identifier), row), []).append(str(identifier))
    methods = [str(checkpoints.loc[identifiers[0], "method"]) for identifiers in groups.values()]
    found = []
    for identifiers, method in zip(groups.values(), methods, strict=True):
        is_clear = method != UNSPECIFIED and methods.count(method) == 1
        name = method if is_clear else ", ".join(checkpoints.loc[identifiers, "label"])
        found.append(SeedGroup(printable(name), method, tuple(identifiers)))
    return sorted(found, key=lambda group: group.method != DEFAULT_METHOD)


def _seeds_apart(identifier: str, row: "pd.Series[str]") -> Hashable:
    """Return a key that checkpoints share when only the training seed tells them apart."""
    if row["method"] == UNSPECIFIED or pd.isna(row["seed"]):
        return identifier
    return (row["method"], str(row["method_parameters"]), canonical_json(facts_of(str(row["card"]))))
