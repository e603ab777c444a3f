"""Auto-PGD: ascent with momentum whose step is halved, image by image, if it stops paying.

Source: Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
attacks" (ICML 2020), section 3 and algorithm 1, with the constants of the authors' code (autoattack at a392200): first
step 2 eps, momentum 0.75 / 0.25, checkpoints after 22% of the steps and then at intervals shorter by 3% each, down to
6%, rho 0.75.

As in that code, and unlike the paper's inequality, a step is also halved if exactly 75% of the steps raised the
loss; the momentum of the step after a restart is the best point minus the point before the last step.

Differences from that code: the first checkpoint compares the first step's loss with the loss at the start, as in the
paper; there it is compared with zero, from a row of the table not yet filled. Lengths are summed in float64, and
1e-12 is not added to them. A fooled image is dropped at once.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import torch
from torch import Tensor

from robustsweep.attacks.norms import per_image
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.rules import Probe, Rule, State

_RHO = 0.75
_FORWARD = 0.75


@dataclass(frozen=True, slots=True)
class Search(State):
    """What Auto-PGD remembers of n images; a loss that is not known yet is minus infinity.

    Attributes:
        previous: float32 (n, ...), the point from which the last step was made.
        best: float32 (n, ...), the point of the largest loss so far.
        best_gradient: float32 (n, ...), the gradient there.
        best_loss: float32 (n,).
        last_loss: float32 (n,), the loss at ``previous`` or, just after a restart, at the iterate given up.
        checked_loss: float32 (n,), ``best_loss`` at the last checkpoint.
        rises: int64 (n,), how many steps since the last checkpoint raised the loss.
        scale: float32 (n,), the step size divided by the first.
        halved: bool (n,), whether the last checkpoint halved it.
    """

    previous: Tensor
    best: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    last_loss: Tensor
    checked_loss: Tensor
    rises: Tensor
    scale: Tensor
    halved: Tensor


@cache
def checkpoints(steps: int) -> dict[int, int]:
    """Map each number of steps after which the step size is reconsidered to the steps since the time before."""
    interval, shortest, shrinkage = (max(percent * steps // 100, 1) for percent in (22, 6, 3))
    found, done = {}, interval
    while done <= steps:
        found[done] = interval
        interval = max(interval - shrinkage, shortest)
        done += interval
    return found


def start(ball: Ball, noise: Tensor | None) -> Search:
    """Start at the clean images, or on the sphere of radius eps in the direction of ``noise``, clipped to the box.

    In Linf that is a point of the cube rescaled until its largest entry is eps.
    """
    images = ball.centre
    if noise is not None:
        length = ball.norm.length(noise)
        unit = noise / per_image(torch.where(length > 0, length, 1.0), noise)
        images = ball.project(images + (unit * ball.eps).to(images.dtype))
    n = len(images)
    unknown = torch.full((n,), -torch.inf, device=images.device)
    return Search(
        images,
        previous=images,
        best=images,
        best_gradient=torch.zeros_like(images),
        best_loss=unknown,
        last_loss=unknown,
        checked_loss=unknown,
        rises=torch.zeros(n, dtype=torch.int64, device=images.device),
        scale=torch.ones(n, device=images.device),
        halved=torch.ones(n, dtype=torch.bool, device=images.device),
    )


def step(state: Search, probe: Probe, ball: Ball) -> Search:
    """Take the loss at the iterate into account, halve and restart if it is due, then step with momentum."""
    improved = probe.loss > state.best_loss
    best = _where(improved, state.images, state.best)
    best_gradient = _where(improved, probe.gradient, state.best_gradient)
    best_loss = torch.where(improved, probe.loss, state.best_loss)
    first = probe.step == 1
    rises = state.rises if first else state.rises + (probe.loss > state.last_loss)
    checked_loss, scale, halved = best_loss if first else state.checked_loss, state.scale, state.halved
    point, gradient = state.images, probe.gradient

    interval = checkpoints(probe.steps).get(probe.step - 1)
    if interval is not None:
        halved = (rises <= _RHO * interval) | (~state.halved & (best_loss <= checked_loss))
        scale = torch.where(halved, scale / 2, scale)
        point, gradient = _where(halved, best, point), _where(halved, best_gradient, gradient)
        checked_loss, rises = best_loss, torch.zeros_like(rises)

    step_size = per_image(probe.step_size * scale, point)
    images = ball.project(point + step_size * ball.norm.ascent(gradient))
    if not first:
        images = ball.project(point + _FORWARD * (images - point) + (1 - _FORWARD) * (point - state.previous))
    return Search(images, point, best, best_gradient, best_loss, probe.loss, checked_loss, rises, scale, halved)


def _where(chosen: Tensor, images: Tensor, others: Tensor) -> Tensor:
    return torch.where(per_image(chosen, images), images, others)


APGD_CE = Rule(("linf", "l2"), start, step, step_ratio=Fraction(2), losses=("ce",))
"""Auto-PGD on the cross-entropy; ``step_ratio`` is that of the first step."""

APGD_DLR = Rule(("linf", "l2"), start, step, step_ratio=Fraction(2), losses=("dlr",))
"""Auto-PGD on the difference-of-logits ratio."""

APGD_T = Rule(("linf", "l2"), start, step, step_ratio=Fraction(2), losses=("dlr-targeted",), restarts=9)
"""Auto-PGD on the targeted difference-of-logits ratio: one start for each of the nine likeliest wrong classes.

Differences from the authors' code: the image is dropped as soon as it has any wrong class, as there between starts; the
classes are ranked once, on the clean image, as there.
"""
