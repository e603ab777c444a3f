"""The nearest image that fools: every image takes every step, and the nearest of the iterates that fool is judged."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from robustsweep.attacks.loops.checked_steps import Stepper
from robustsweep.attacks.loops.pool import Pool
from robustsweep.attacks.norms import per_image
from robustsweep.attacks.outcome import Ledger
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.target import Target


@dataclass(slots=True)
class Nearest:
    """The nearest images so far that fool; minus one step and an infinite distance where there is none.

    Attributes:
        images: float32 (n, ...); the clean image without one.
        logits: float32 (n, K), the model's outputs for them.
        distance: float64 (n,), in the attack's norm.
        restart: int16 (n,), the start from which it was met.
        step: int16 (n,), the step after which it was met.
    """

    images: Tensor
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
        return cls(clean, torch.empty((n, 0), device=device), distance, place, place.clone())

    def look(self, images: Tensor, logits: Tensor, is_fooled: Tensor, ball: Ball, restart: int, step: int) -> None:
        """Keep those of the iterates that fool and are nearer than what is there."""
        if self.logits.shape[1] == 0:
            self.logits = logits
        distance = ball.norm.length(images - ball.centre)
        nearer = is_fooled & (distance < self.distance)
        self.images = torch.where(per_image(nearer, images), images, self.images)
        self.logits = torch.where(nearer.unsqueeze(1), logits, self.logits)
        self.distance = torch.where(nearer, distance, self.distance)
        self.restart[nearer], self.step[nearer] = restart, step


def find_nearest(target: Target, stepper: Stepper, pool: Pool, ledger: Ledger, batch_size: int) -> None:
    """Run a rule without a budget on images that the model gets right.

    Args:
        target: The model under attack, which searches itself.
        stepper: The attack.
        pool: The images.
        ledger: Where the nearest ones are noted.
        batch_size: Images per forward pass.
    """
    for batch in pool.batches(batch_size):
        part = pool.keep(batch)
        found = Nearest.none_yet(part.clean)
        for restart in range(stepper.spec.restarts):
            climbed = replace(target, loss=target.loss.at_start(restart))
            _pursue(climbed, replace(stepper, restart=restart), part, ledger, found)
        ledger.nearest(part.rows, part.clean, found.images, found.logits, (found.restart, found.step))


def _pursue(target: Target, stepper: Stepper, part: Pool, ledger: Ledger, found: Nearest) -> None:
    """Take all steps from one start with the images of one batch."""
    rows, labels, ball = part.rows, part.labels, stepper.ball(part.clean, found.distance.float())
    everyone, restart = torch.ones_like(labels, dtype=torch.bool), stepper.restart
    state = stepper.start(ball, part.ids)
    for number in range(1, stepper.spec.steps + 1):
        leaf, logits = target.differentiable(state.images)
        is_fooled = logits.detach().argmax(1) != labels
        found.look(state.images, logits.detach(), is_fooled, ball, restart, number - 1)
        gradient, loss = target.gradient(leaf, logits, labels, None, everyone)
        ledger.passed(rows, forward=1, backward=1)
        ledger.flat(rows, gradient)
        state = stepper.step(state, gradient, loss, ball, number, is_fooled)
    answer = target.verdict(state.images)
    ledger.passed(rows, forward=1)
    found.look(state.images, answer, answer.argmax(1) != labels, ball, restart, stepper.spec.steps)
