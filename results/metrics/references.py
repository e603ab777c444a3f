"""The errors that divide others: published AlexNet, or a checkpoint or method of the run."""

import math
from dataclasses import dataclass, replace

import pandas as pd

from robustsweep.errors import UsageError
from robustsweep.results.alexnet_errors import alexnet_errors
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.rows import DEFAULT_METHOD
from robustsweep.results.comparable.sides import find_side, training_seeds
from robustsweep.results.metrics.scores import Score

BY_REFERENCE = "_vs_reference"
"""How names of scores end that a measured reference divides."""

NOT_COMPARABLE = "not comparable with published mCE"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A reference and what has to be said wherever its quotients are shown.

    Attributes:
        name: ``"AlexNet"``, the checkpoint's label, or the method with its number of seeds.
        errors: Errors (fractions) by condition name.
        caveat: A few words, empty if none are due.
        is_published: Whether these are published constants and no checkpoint of the run.
        checkpoint_ids: Whose errors these are, the mean of several; empty if they are published.
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

    def dividing(self, score: Score) -> Score:
        """Return a quotient as this reference divides it: published errors are constants, measured ones a sample."""
        named = replace(score, title=f"{score.title} ({self.short_name})")
        if not self.is_published:
            return replace(named, name=f"{score.name}{BY_REFERENCE}")
        means = self.errors.to_frame()
        return named.with_constants([part.values(means)[0] or math.nan for part in score.under])


def references_of(unit: Unit, wanted: str | None) -> list[Reference]:
    """Choose the references of one unit.

    Published AlexNet is one on ImageNet's 1000 classes only. What ``wanted`` names is one, looked up as ``find_side``
    does: a method with the mean of its seeds' errors, or a checkpoint; with no wish, the method ``baseline``.
    Checkpoints of one method that differ by more than their seed have no mean.

    Raises:
        UsageError: If ``wanted`` is a method whose checkpoints differ by more than their seed.
    """
    references = []
    if unit.is_imagenet:
        caveat = "" if unit.is_published_imagenet_c else NOT_COMPARABLE
        references.append(Reference("AlexNet", alexnet_errors(), caveat, is_published=True))
    known = {*unit.checkpoints["method"], *unit.checkpoints["label"]}
    side = find_side(unit, wanted or DEFAULT_METHOD) if wanted or DEFAULT_METHOD in known else None
    if side is None:
        return references
    chosen, together = list(side.checkpoint_ids), training_seeds(unit, side)
    if wanted and len(chosen) > 1 and together is None:
        labels = ", ".join(unit.checkpoints.loc[chosen, "label"])
        raise UsageError(
            f"--reference {wanted} fits {len(chosen)} checkpoints that differ by more than their training seed "
            f"({labels}); name one of them."
        )
    if len(chosen) == 1 or together is not None:
        label = together.label if len(chosen) > 1 and together else str(unit.checkpoints.loc[chosen[0], "label"])
        errors = unit.values()[chosen].mean(axis=1, skipna=False).rename(label)
        references.append(Reference(label, errors, NOT_COMPARABLE, checkpoint_ids=side.checkpoint_ids))
    return references
