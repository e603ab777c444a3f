"""An attack's rule at one eps and from one start: every state it returns is checked, and clipped exactly."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.spec import AttackSpec
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.catalogue import ATTACKS
from robustsweep.attacks.steps.rules import Probe, State
from robustsweep.draws import Draws
from robustsweep.errors import AttackError

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Stepper:
    """Starts and steps of one attack.

    Attributes:
        spec: The attack.
        seed: The run's seed.
        eps_level: Which of the attack's eps.
        restart: Which of its starts.
    """

    spec: AttackSpec
    seed: int
    eps_level: int = 0
    restart: int = 0

    def ball(self, clean: Tensor, nearest: Tensor | None = None) -> Ball:
        """Return the budgets of ``clean`` images, float32 (n, ...).

        Args:
            clean: The images.
            nearest: float (n,), for a minimum-norm attack: the distances that are to be undercut.
        """
        eps = float(self.spec.eps[self.eps_level]) if nearest is None else nearest
        return Ball(find_norm(self.spec.norm, self.spec.protocol), eps, clean)

    def start(self, ball: Ball, ids: Tensor) -> State:
        """Start from the draws of ``ids`` (int64 (n,)), or at the clean images, as a minimum-norm attack first does.

        Raises:
            AttackError: If the rule leaves its budget by more than 1e-6, or pixels are not finite.
            UsageError: If a rule of another package fails, or returns something else than a state of these images.
        """
        noise = None
        is_bounded = not ATTACKS[self.spec.rule].minimum_norm
        if self.spec.random_start and (is_bounded or self.restart > 0):
            eps = f"@{self.spec.eps[self.eps_level]}" if is_bounded else ""
            stream = f"attack/{self.spec.rule}-{self.spec.norm}{eps}/{self.restart}"
            noise = ball.norm.sample(Draws(self.seed, stream, ids), tuple(ball.centre.shape[1:]))
        with ATTACKS.using(self.spec.rule):
            state = ATTACKS[self.spec.rule].start(ball, noise)
        return self._checked(state, ball)

    def step(
        self,
        state: State,
        gradient: Tensor,
        loss: Tensor,
        ball: Ball,
        number: int,
        is_fooled: Tensor | None = None,
    ) -> State:
        """Make step ``number``, counted from 1; all else is told of the state's images, as in ``Probe``.

        Raises:
            AttackError: As ``start``.
        """
        step_size = float(self.spec.eps[self.eps_level] * self.spec.step_ratio)
        probe = Probe(gradient, loss, number, self.spec.steps, step_size, is_fooled)
        with ATTACKS.using(self.spec.rule):
            state = ATTACKS[self.spec.rule].step(state, probe, ball)
        return self._checked(state, ball)

    def _checked(self, state: State, ball: Ball) -> State:
        """Return the state with its images clipped exactly, or refuse it."""
        images = state.images if isinstance(state, State) else None
        if not isinstance(images, Tensor) or (images.dtype, images.shape) != (ball.centre.dtype, ball.centre.shape):
            came = f"images {images.dtype} {tuple(images.shape)}" if isinstance(images, Tensor) else f"{state!r:.200}"
            expected = f"a State with images {ball.centre.dtype} {tuple(ball.centre.shape)}"
            raise ATTACKS.refuse(self.spec.rule, f"returned {came}, expected {expected}")
        if not state.images.isfinite().all():
            raise AttackError(f"{self.spec.name}: the step rule made pixels that are not finite (NaN or infinity).")
        excess = float(ball.excess(state.images).max())
        if excess > _TOLERANCE:
            eps = float(torch.as_tensor(ball.eps).max())
            raise AttackError(
                f"{self.spec.name}: the step rule left its budget (eps {eps:.6g}, pixels in [0, 1]) "
                f"by {excess:.3g}; it must end with ball.project."
            )
        return replace(state, images=ball.project(state.images))
