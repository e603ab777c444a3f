"""The errors that divide others: published AlexNet, or one checkpoint of the run."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name
from robustsweep.results.alexnet_errors import alexnet_errors
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.rows import DEFAULT_METHOD

NOT_COMPARABLE = "not comparable with published mCE"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A reference and what has to be said wherever its quotients are shown.

    Attributes:
        name: ``"AlexNet"`` or the checkpoint's label.
        errors: Errors (fractions) by condition name.
        caveat: A few words, empty where none are due.
        is_published: Whether these are published constants and no checkpoint of the run.
    """

    name: str
    errors: "pd.Series[float]"
    caveat: str
    is_published: bool = False

    @property
    def short_name(self) -> str:
        """``"AlexNet"`` or ``"reference"``, for headers and file names."""
        return self.name if self.is_published else "reference"


def references_of(unit: Unit, wanted: str | None) -> list[Reference]:
    """Choose the references of one unit.

    Published AlexNet is one on ImageNet's 1000 classes only. A checkpoint of the run is one when ``wanted`` names it or
    its method, or, with no wish, when exactly one checkpoint of the unit has the method ``baseline``.

    Raises:
        UsageError: If ``wanted`` is a method of several checkpoints.
    """
    references = []
    if unit.is_imagenet:
        caveat = "" if unit.is_published_imagenet_c else NOT_COMPARABLE
        references.append(Reference("AlexNet", alexnet_errors(), caveat, is_published=True))
    chosen = _matching(unit, wanted or DEFAULT_METHOD)
    if wanted and len(chosen) > 1:
        labels = ", ".join(unit.checkpoints.loc[chosen, "label"])
        raise UsageError(f"--reference {wanted} fits {len(chosen)} checkpoints ({labels}); name one of them.")
    if len(chosen) == 1:
        label = str(unit.checkpoints.loc[chosen[0], "label"])
        errors = unit.values()[chosen[0]].rename(label)
        references.append(Reference(label, errors, NOT_COMPARABLE))
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
