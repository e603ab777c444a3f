"""A check that checkpoints may represent their methods: trained alike but for the method."""

import json
from collections.abc import Iterator, Sequence

import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.equal_training import differing_fields, facts_of, states_training
from robustsweep.results.comparable.sides import Side


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
    """Warn of a method whose checkpoints share a seed or name none: they may not be independent training runs."""
    seeds = unit.checkpoints.loc[list(side.checkpoint_ids), "seed"]
    if len(seeds) > 1 and (seeds.isna().any() or seeds.duplicated().any()):
        shown = ", ".join("none" if pd.isna(seed) else str(seed) for seed in seeds)
        yield f"{side.name}: its checkpoints name the seeds {shown}; the comparison counts each as a training run."
