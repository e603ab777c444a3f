"""The errors that divide others: published AlexNet, or one checkpoint of the run."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name
from robustsweep.results.alexnet_errors import alexnet_errors
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.rows import DEFAULT_METHOD
from robustsweep.results.comparable.seed_groups import seed_groups

NOT_COMPARABLE = "not comparable with published mCE"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A reference and what has to be said wherever its quotients are shown.

    Attributes:
        name: ``"AlexNet"``, the checkpoint's label, or the method with its number of seeds.
        errors: Errors (fractions) by condition name.
        caveat: A few words, empty where none are due.
        is_published: Whether these are published constants and no checkpoint of the run.
        checkpoint_ids: Whose errors these are, the mean of several; empty where they are published.
    """

    name: str
    errors: "pd.Series[float]"
    caveat: str
    is_published: bool = False
    checkpoint_ids: tuple[str, ...] = ()

    @property
    def short_name(self) -> str:
        """``"AlexNet"`` or ``"reference"``, for headers and file names."""
        return self.name if self.is_published else "reference"


def references_of(unit: Unit, wanted: str | None) -> list[Reference]:
    """Choose the references of one unit.

    Published AlexNet is one on ImageNet's 1000 classes only. A checkpoint of the run is one when ``wanted`` names it; a
    method, with the mean of its seeds' errors, when ``wanted`` names it, or, with no wish, the method ``baseline``.
    Checkpoints of one method that differ by more than their seed have no mean.

    Raises:
        UsageError: If ``wanted`` is a method whose checkpoints differ by more than their seed.
    """
    references = []
    if unit.is_imagenet:
        caveat = "" if unit.is_published_imagenet_c else NOT_COMPARABLE
        references.append(Reference("AlexNet", alexnet_errors(), caveat, is_published=True))
    chosen = tuple(_matching(unit, wanted or DEFAULT_METHOD))
    together = next((group for group in seed_groups(unit) if set(group.checkpoint_ids) == set(chosen)), None)
    if wanted and len(chosen) > 1 and together is None:
        labels = ", ".join(unit.checkpoints.loc[list(chosen), "label"])
        raise UsageError(
            f"--reference {wanted} fits {len(chosen)} checkpoints that differ by more than their training seed "
            f"({labels}); name one of them."
        )
    if len(chosen) == 1 or together is not None:
        one = str(unit.checkpoints.loc[chosen[0], "label"])
        label = one if len(chosen) == 1 or together is None else together.label
        errors = unit.values()[list(chosen)].mean(axis=1, skipna=False).rename(label)
        references.append(Reference(label, errors, NOT_COMPARABLE, checkpoint_ids=chosen))
    return references


def refuse_unknown_reference(units: Sequence[Unit], wanted: str | None) -> None:
    """Check that some unit has a checkpoint or method called ``wanted``.

    Raises:
        UsageError: If none has, listing what there is.
    """
    if wanted and not any(_matching(unit, wanted) for unit in units):
        known = {name: None for unit in units for column in ("label", "method") for name in unit.checkpoints[column]}
        raise unknown_name("reference", wanted, list(known))


def _matching(unit: Unit, wanted: str) -> list[str]:
    for column in ("label", "checkpoint", "method"):
        found = unit.checkpoints.index[unit.checkpoints[column] == wanted]
        if len(found):
            return list(found)
    return []
