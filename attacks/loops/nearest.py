"""The nearest image that fools: every image takes every step, and the nearest of the iterates that fool is judged.

Where the nearest image is barely beyond an eps, an attack at that eps may decide otherwise, and few images need it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from robustsweep.attacks.loops.checked_steps import Stepper
from robustsweep.attacks.loops.pool import Pool, batches
from robustsweep.attacks.norms import per_image
from robustsweep.attacks.outcome import Ledger
from robustsweep.attacks.spec import AttackSpec
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.catalogue import ATTACKS
from robustsweep.attacks.steps.rules import State
from robustsweep.attacks.target import Target

_CLOSE = 0.03
_CLOSE_RULE = "apgd-ce"
_CLOSE_STEPS = 100


@dataclass(frozen=True, slots=True)
class Nearest(State):
    """The nearest images so far that fool; minus one step and an infinite distance where there is none.

    Attributes:
        images: float32 (n, ...); the clean image without one.
        logits: float32 (n, K), the model's outputs for them.
        distance: float64 (n,), in the attack's norm.
        restart: int16 (n,), the start from which it was met.
        step: int16 (n,), the step after which it was met.
    """

    logits: Tensor
    distance: Tensor
    restart: Tensor
    step: Tensor

    @classmethod
    def none_yet(cls, clean: Tensor) -> "Nearest":
        """Begin with clean images (n, ...)."""
        n, device = len(clean), clean.device
        distance = torch.full((n,), torch.inf, dtype=torch.float64, device=device)
        place = torch.full((n,), -1, dtype=torch.int16, device=device)
        return cls(clean.clone(), torch.empty((n, 0), device=device), distance, place, place.clone())

    def look(self, images: Tensor, logits: Tensor, is_fooled: Tensor, ball: Ball, restart: int, step: int) -> "Nearest":
        """Return these, with those of the iterates that fool and are nearer than what is there."""
        distance = ball.norm.length(images - ball.centre)
        nearer = is_fooled & (distance < self.distance)
        return Nearest(
            torch.where(per_image(nearer, images), images, self.images),
            torch.where(nearer.unsqueeze(1), logits, self.logits) if self.logits.shape[1] else logits,
            torch.where(nearer, distance, self.distance),
            self.restart.masked_fill(nearer, restart),
            self.step.masked_fill(nearer, step),
        )

    def close_to(self, eps: Fraction) -> Tensor:
        """Return the positions (int64) of those that are barely beyond an eps."""
        beyond = self.distance / float(eps)
        return ((beyond > 1) & (beyond <= 1 + _CLOSE)).nonzero().squeeze(1)


def find_nearest(target: Target, stepper: Stepper, pool: Pool, ledger: Ledger, batch_size: int) -> None:
    """Run a rule without a budget on images that the model gets right.

    Args:
        target: The model under attack, which searches itself.
        stepper: The attack.
        pool: The images.
        ledger: Where the nearest ones are noted.
        batch_size: Images per forward pass.
    """
    if not len(pool.rows):
        return
    spec, found = stepper.spec, Nearest.none_yet(pool.clean)
    for batch in pool.batches(batch_size):
        part, nearest = pool.keep(batch), Nearest.none_yet(pool.clean[batch])
        for restart in range(spec.restarts):
            nearest = _pursue(target, replace(stepper, restart=restart), part, ledger, nearest)
        if not found.logits.shape[1]:
            found = replace(found, logits=nearest.logits.new_empty((len(pool.rows), nearest.logits.shape[1])))
        found.write_rows(batch, nearest)
    if spec.random_start:
        for start in _close_starts(stepper):
            for batch in batches(found.close_to(start.spec.eps[0]), batch_size):
                found.write_rows(batch, _pursue(target, start, pool.keep(batch), ledger, found.rows(batch)))
    ledger.nearest(pool.rows, pool.clean, found.images, found.logits, (found.restart, found.step))


def _close_starts(stepper: Stepper) -> Iterator[Stepper]:
    """Yield the starts at each eps that follow those of the attack."""
    spec, rule = stepper.spec, ATTACKS[_CLOSE_RULE]
    for eps in spec.eps:
        at_eps = AttackSpec(_CLOSE_RULE, spec.norm, (eps,), _CLOSE_STEPS, rule.step_ratio)
        for restart in range(spec.restarts, spec.restarts + ATTACKS[spec.rule].close_starts):
            yield replace(stepper, spec=at_eps, restart=restart)


def _pursue(target: Target, stepper: Stepper, part: Pool, ledger: Ledger, found: Nearest) -> Nearest:
    """Take all steps from one start with the images of one batch; return the nearest of what is there and was met."""
    target = replace(target, loss=target.loss.at_start(stepper.restart))
    rows, labels = part.rows, part.labels
    ball = stepper.ball(part.clean, found.distance.float() if ATTACKS[stepper.spec.rule].minimum_norm else None)
    everyone, restart = torch.ones_like(labels, dtype=torch.bool), stepper.restart
    state = stepper.start(ball, part.ids)
    for number in range(1, stepper.spec.steps + 1):
        leaf, logits = target.differentiable(state.images)
        is_fooled = logits.detach().argmax(1) != labels
        found = found.look(state.images, logits.detach(), is_fooled, ball, restart, number - 1)
        gradient, loss = target.gradient(leaf, logits, labels, None, everyone)
        ledger.passed(rows, forward=1, backward=1)
        ledger.flat(rows, gradient)
        state = stepper.step(state, gradient, loss, ball, number, is_fooled)
    answer = target.verdict(state.images)
    ledger.passed(rows, forward=1)
    return found.look(state.images, answer, answer.argmax(1) != labels, ball, restart, stepper.spec.steps)
