"""FMN: the nearest image that fools, by steps along the gradient inside a ball that shrinks and grows, image by image.

Source: Pintor, Roli, Brendel and Biggio, "Fast minimum-norm adversarial attacks through adaptive norm constraints"
(NeurIPS 2021), algorithm 1, with the settings of its section 3: steps of L2 length 1, falling to 0.01 along a cosine;
the ball's radius changes by a share of 0.05, falling to 0.001 likewise. Before anything fools, the radius is where the
loss would reach zero if it were linear. The loss is the margin.

Differences from the authors' code: that first radius is enlarged by the share as well, since an image that comes to lie
where the loss is zero would stay there and fool nothing; lengths are summed in float64; the image after the last step
is judged too.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.rules import Probe, Rule, State

_FIRST_STEP, _LAST_STEP = 1.0, 0.01
_FIRST_CHANGE, _LAST_CHANGE = 0.05, 0.001


@dataclass(frozen=True, slots=True)
class Radius(State):
    """What FMN remembers of n images.

    Attributes:
        eps: float32 (n,), the radius of each image's ball.
        nearest: float32 (n,), the distance of the nearest image so far that fools; infinity without one.
    """

    eps: Tensor
    nearest: Tensor


def start(ball: Ball, noise: Tensor | None) -> Radius:
    """Start at the clean images; there is no noise."""
    unknown = torch.full((len(ball.centre),), torch.inf, device=ball.centre.device)
    return Radius(ball.centre, unknown, unknown)


def step(state: Radius, probe: Probe, ball: Ball) -> Radius:
    """Set each radius by what is known at the iterate, go along the gradient, and back into ball and box."""
    assert probe.is_fooled is not None, "the rule has no budget"
    distance = ball.norm.length(state.images - ball.centre).to(torch.float32)
    nearest = torch.where(probe.is_fooled, torch.minimum(state.nearest, distance), state.nearest)
    change = annealed(_FIRST_CHANGE, _LAST_CHANGE, probe)
    slope = ball.norm.dual_length(probe.gradient).to(torch.float32)
    boundary = distance + torch.where(slope > 0, probe.loss.abs() / slope, torch.inf)
    outwards = torch.where(nearest.isfinite(), state.eps, boundary) * (1 + change)
    eps = torch.where(probe.is_fooled, torch.minimum(state.eps * (1 - change), nearest), outwards)
    moved = state.images + annealed(_FIRST_STEP, _LAST_STEP, probe) * find_norm("l2").ascent(probe.gradient)
    return Radius(ball.norm.project(moved, ball.centre, eps).clamp(0.0, 1.0), eps, nearest)


def annealed(first: float, last: float, probe: Probe) -> float:
    """Return where half a cosine wave is that falls from ``first`` to ``last`` over all steps."""
    return last + (first - last) * (1 + math.cos(math.pi * (probe.step - 1) / probe.steps)) / 2


FMN = Rule(
    ("linf", "l2"),
    start,
    step,
    random_start=False,
    step_ratio=Fraction(1),
    losses=("margin", "dlr"),
    minimum_norm=True,
)
"""Fast minimum-norm attack."""
