"""Step rules: two pure functions that say where an attack starts and where it goes next.

A rule never sees the model. The engine evaluates it, checks every image that a rule returns, and judges it.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Self

from torch import Tensor

from robustsweep.attacks.steps.ball import Ball


@dataclass(frozen=True, slots=True)
class State:
    """What an attack remembers of n images from step to step; a rule that remembers more adds fields.

    Every field is a tensor whose first axis is the image, so that the engine can pack any choice of images together.

    Attributes:
        images: float32 (n, ...), the current iterate: the next to be judged and differentiated.
    """

    images: Tensor

    def rows(self, index: Tensor) -> Self:
        """Copy the rows that ``index`` (int64, or bool of shape (n,)) selects."""
        return type(self)(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def room_for(self, n: int) -> Self:
        """Allocate, without filling it, a state of ``n`` images of this kind."""
        return type(self)(**{f.name: (v := getattr(self, f.name)).new_empty((n, *v.shape[1:])) for f in fields(self)})

    def write_rows(self, index: Tensor, rows: Self) -> None:
        """Overwrite the rows at ``index`` (int64) in place; for the engine, which owns the memory."""
        for f in fields(self):
            getattr(self, f.name)[index] = getattr(rows, f.name)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a rule may look at when it makes a step.

    Attributes:
        gradient: float32 (n, ...), of each image's loss with respect to the state's images; finite.
        loss: float32 (n,), at the state's images.
        step: Number of the step to be made, from 1.
        steps: How many steps there are.
        step_size: Length of a step in the attack's norm, for rules with a fixed one.
        is_fooled: bool (n,), whether the model is fooled at the state's images; None for rules with a budget, which
            make no step from there.
    """

    gradient: Tensor
    loss: Tensor
    step: int
    steps: int
    step_size: float
    is_fooled: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """An attack's step rule and its usual settings.

    Attributes:
        norms: Names of the norms it is defined for.
        start: Maps the balls and noise to the first state. The noise is float64 (n, ...), points of the unit ball, or
            None for a start at the clean images.
        step: Maps a state of the kind that ``start`` makes, the probe at its images and the balls to the next state.
            Its images must lie in the balls.
        single_step: Whether it is one step of full length by definition: no random start, restarts or ladder of eps.
        random_start: Whether it starts at a random point unless told otherwise.
        step_ratio: The step size divided by eps unless told otherwise.
        losses: Names of the losses it may climb; the first is the one it climbs unless told otherwise.
        restarts: Starts per eps unless told otherwise; for a targeted loss, the target classes.
        minimum_norm: Whether it has no budget and looks for the nearest image that fools: it takes every step, from the
            clean image at its first start, with step sizes of its own, and one run serves every eps of a ladder. The
            eps of its balls is the distance of what earlier starts found, float32 (n,): infinity at the first.
        close_starts: Of a minimum-norm attack with random starts, the further starts of an image whose nearest one is
            at most 3% beyond an eps: of Auto-PGD at that eps, 100 steps on the loss of the later starts.
    """

    norms: tuple[str, ...]
    start: Callable[[Ball, Tensor | None], State]
    step: Callable[[Any, Probe, Ball], State]
    single_step: bool = False
    random_start: bool = True
    step_ratio: Fraction = Fraction(1, 4)
    losses: tuple[str, ...] = ("ce", "margin", "dlr")
    restarts: int = 1
    minimum_norm: bool = False
    close_starts: int = 0
