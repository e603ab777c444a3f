"""Sides of a comparison: a method with all of its training seeds, or one checkpoint."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from robustsweep.errors import NothingToCompareError
from robustsweep.registry import unknown_name
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.rows import UNSPECIFIED
from robustsweep.results.comparable.seed_groups import SeedGroup, seed_groups


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison, or what others are divided by.

    Attributes:
        name: As it was asked for: a method, or the label of one checkpoint.
        checkpoint_ids: Its checkpoints, one per training seed.
        is_method: Whether it was named as a method.
    """

    name: str
    checkpoint_ids: tuple[str, ...]
    is_method: bool


def find_side(unit: Unit, wanted: str) -> Side | None:
    """Find the checkpoints of a method, else the checkpoint of that label or name; None if there is none.

    Raises:
        NothingToCompareError: If a name that is not a method fits several checkpoints.
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


def training_seeds(unit: Unit, side: Side) -> SeedGroup | None:
    """Return the group of training seeds that a side is; None if it is another choice of checkpoints."""
    return next((group for group in seed_groups(unit) if set(group.checkpoint_ids) == set(side.checkpoint_ids)), None)


def refuse_unknown(units: Sequence[Unit], wanted: Iterable[str], noun: str = "method or checkpoint") -> None:
    """Check that every name is a method or checkpoint of some unit.

    Args:
        units: Where to look.
        wanted: The names.
        noun: What they are called in the error.

    Raises:
        UsageError: If one is not, listing what there is.
    """
    for name in wanted:
        if not any(find_side(unit, name) for unit in units):
            known = {found: None for unit in units for c in ("method", "label") for found in unit.checkpoints[c]}
            known.pop(UNSPECIFIED, None)
            raise unknown_name(noun, name, list(known))
