"""Which checkpoints may stand for their methods: those that were trained alike but for the method."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.registry import unknown_name
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.equal_training import differing_fields, facts_of, states_training
from robustsweep.results.comparable.rows import UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: As it was asked for: a method, or the label of one checkpoint.
        checkpoint_ids: Its checkpoints, one per training seed.
        is_method: Whether it was named as a method.
    """

    name: str
    checkpoint_ids: tuple[str, ...]
    is_method: bool


def find_side(unit: Unit, wanted: str) -> Side | None:
    """Find the checkpoints of a method, else the checkpoint of that label or name; None where there is none.

    Raises:
        NothingToCompareError: If a name that is no method fits several checkpoints.
    """
    for column in ("method", "label", "checkpoint"):
        found = tuple(str(i) for i in unit.checkpoints.index[unit.checkpoints[column] == wanted])
        is_method = column == "method" and wanted != UNSPECIFIED
        if len(found) > 1 and not is_method:
            labels = ", ".join(unit.checkpoints.loc[list(found), "label"])
            raise NothingToCompareError(
                f"{wanted} fits {len(found)} checkpoints ({labels}) of no one method; name one."
            )
        if found:
            return Side(wanted, found, is_method)
    return None


def other_sides(unit: Unit, than: Side) -> list[Side]:
    """List every other method of a unit, in the tables' order; checkpoints without a method stand for themselves."""
    others = unit.checkpoints.drop(list(than.checkpoint_ids))
    sides = []
    for method, same in others.groupby("method", sort=False):
        if method == UNSPECIFIED:
            sides += [Side(str(label), (str(i),), False) for i, label in same["label"].items()]
        else:
            sides.append(Side(str(method), tuple(str(i) for i in same.index), True))
    return sides


def refuse_unknown_sides(units: Sequence[Unit], wanted: Sequence[str]) -> None:
    """Check that every name is a method or checkpoint of some unit.

    Raises:
        UsageError: If one is not, listing what there is.
    """
    for name in wanted:
        if not any(find_side(unit, name) for unit in units):
            known = {found: None for unit in units for c in ("method", "label") for found in unit.checkpoints[c]}
            known.pop(UNSPECIFIED, None)
            raise unknown_name("method or checkpoint", name, list(known))


def differing_training(unit: Unit, sides: Sequence[Side]) -> list[str]:
    """Describe what else than method and seed differs between the checkpoints of some sides.

    That is all that ``equal_training`` asks to be equal, and within a method its parameters.
    """
    cards = {i: str(unit.checkpoints.loc[i, "card"]) for side in sides for i in side.checkpoint_ids}
    facts = [facts_of(card) for card in cards.values()]
    differing = [f"{title} ({_listed({json.dumps(one[title]) for one in facts})})" for title in differing_fields(facts)]
    for side in sides:
        values = {_parameters(cards[i]) for i in side.checkpoint_ids}
        if len(values) > 1:
            differing.append(f"the parameters of {side.name} ({_listed(values)})")
    return differing


def _parameters(card: str) -> str:
    return json.dumps(json.loads(card).get("method_parameters"), sort_keys=True)


def _listed(values: set[str]) -> str:
    shown = sorted(value if len(value) <= 40 else f"{value[:37]}..." for value in values)
    return ", ".join(shown)


def refuse_unequal_training(unit: Unit, sides: Sequence[Side]) -> None:
    """Check that methods differ by nothing but the method.

    Raises:
        NothingToCompareError: If more than the method differs, naming what.
    """
    if differing := differing_training(unit, sides):
        names = " and ".join(side.name for side in sides)
        raise NothingToCompareError(
            f"{names} cannot be compared as methods, because more than the method differs: {'; '.join(differing)}. "
            "Train them alike, or name two checkpoints to compare these alone."
        )


def unstated_training(unit: Unit, sides: Sequence[Side]) -> Iterator[str]:
    """Warn of methods with a checkpoint whose card does not say how it was trained."""
    cards = unit.checkpoints["card"]
    names = [
        side.name
        for side in sides
        if side.is_method and not all(states_training(str(cards[i])) for i in side.checkpoint_ids)
    ]
    if names:
        yield f"Training not stated for {', '.join(names)}; whether more than the method differs is unknown."


def repeated_seeds(unit: Unit, side: Side) -> Iterator[str]:
    """Warn of a method whose checkpoints share a seed or name none: they may not be independent trainings."""
    seeds = unit.checkpoints.loc[list(side.checkpoint_ids), "seed"]
    if len(seeds) > 1 and (seeds.isna().any() or seeds.duplicated().any()):
        shown = ", ".join("none" if pd.isna(seed) else str(seed) for seed in seeds)
        yield f"{side.name}: its checkpoints name the seeds {shown}; the comparison takes each for another training."
