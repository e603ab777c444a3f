"""Nearest-image PGD: ascent with momentum in a ball that follows the nearest image found so far, image by image.

It is FMN's radius with Auto-PGD's step. As in FMN the radius begins where the loss would reach zero if it were linear,
grows by a share while nothing fools, and shrinks by one when something does. As in Auto-PGD the step goes along the
steepest ascent of the attack's own norm and carries a quarter of the step before; it is a share of the radius. Both
shares fall along half a cosine wave. Later starts are random points inside the nearest image that earlier ones found:
all that they still can find is nearer.

Source: our own. Its parts: Pintor, Roli, Brendel and Biggio, "Fast minimum-norm adversarial attacks through adaptive
norm constraints" (NeurIPS 2021), algorithm 1; Croce and Hein, "Reliable evaluation of adversarial robustness with an
ensemble of diverse parameter-free attacks" (ICML 2020), section 3.

Differences from FMN: steps are not of L2 length 1 whatever the norm and the distance, and carry momentum; a radius that
grows again stays inside the nearest image found. From Auto-PGD: the step falls by a schedule, not by checkpoints.
"""

from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from robustsweep.attacks.norms import per_image
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.fmn import annealed
from robustsweep.attacks.steps.rules import Probe, Rule, State

_FIRST_STEP, _LAST_STEP = 1.0, 0.005
_FIRST_CHANGE, _LAST_CHANGE = 0.1, 0.0005
_GROWTH, _FORWARD = 1.5, 0.75


@dataclass(frozen=True, slots=True)
class Pursuit(State):
    """What nearest-image PGD remembers of n images.

    Attributes:
        previous: float32 (n, ...), the point from which the last step was made.
        radius: float32 (n,), of each image's ball; infinity before the first step if nothing is known.
        nearest: float32 (n,), the distance of the nearest image so far that fools; infinity without one.
    """

    previous: Tensor
    radius: Tensor
    nearest: Tensor


def start(ball: Ball, noise: Tensor | None) -> Pursuit:
    """Start at the clean images or, where the balls are finite, at ``noise`` scaled to them."""
    assert isinstance(ball.eps, Tensor), "the radii of what earlier starts found"
    images, radius = ball.centre, ball.eps.to(torch.float32)
    if noise is not None:
        reach = per_image(torch.where(radius.isfinite(), radius, 0.0), images)
        images = ball.project(images + (noise * reach).to(images.dtype))
    return Pursuit(images, images, radius, radius)


def step(state: Pursuit, probe: Probe, ball: Ball) -> Pursuit:
    """Set each radius by what is known at the iterate, then step with momentum, and back into ball and box."""
    assert probe.is_fooled is not None, "the rule has no budget"
    distance = ball.norm.length(state.images - ball.centre).to(torch.float32)
    nearest = torch.where(probe.is_fooled, torch.minimum(state.nearest, distance), state.nearest)
    radius = _radius(state, probe, ball, distance, nearest)
    step_size = per_image(annealed(_FIRST_STEP, _LAST_STEP, probe) * radius, state.images)
    point, previous = state.images, state.previous
    images = ball.norm.project(point + step_size * ball.norm.ascent(probe.gradient), ball.centre, radius).clamp(0, 1)
    if probe.step > 1:
        carried = point + _FORWARD * (images - point) + (1 - _FORWARD) * (point - previous)
        images = ball.norm.project(carried, ball.centre, radius).clamp(0, 1)
    return Pursuit(images, point, radius, nearest)


def _radius(state: Pursuit, probe: Probe, ball: Ball, distance: Tensor, nearest: Tensor) -> Tensor:
    assert probe.is_fooled is not None, "the rule has no budget"
    change = annealed(_FIRST_CHANGE, _LAST_CHANGE, probe)
    slope = ball.norm.dual_length(probe.gradient).to(torch.float32)
    boundary = distance + torch.where(slope > 0, probe.loss.abs() / slope, torch.inf)
    first = torch.minimum(boundary * (1 + change), ball.norm.length(torch.ones_like(state.images)).to(torch.float32))
    unknown = torch.where(state.radius.isfinite(), state.radius * _GROWTH, first)
    outwards = torch.minimum(state.radius * (1 + change), nearest * (1 - _LAST_CHANGE))
    inwards = torch.minimum(state.radius, nearest) * (1 - change)
    return torch.where(probe.is_fooled, inwards, torch.where(nearest.isfinite(), outwards, unknown))


NEAREST_PGD = Rule(
    ("linf", "l2"),
    start,
    step,
    step_ratio=Fraction(1),
    losses=("margin-ce", "margin"),
    restarts=2,
    minimum_norm=True,
    close_starts=32,
)
"""Nearest-image PGD: a start on the margin from the clean image, then random starts on the cross-entropy."""
