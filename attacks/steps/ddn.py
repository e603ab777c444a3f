"""DDN: the nearest image in L2 that fools, by steps whose direction and length are decided apart.

Source: Rony et al., "Decoupling direction and norm for efficient gradient-based L2 adversarial attacks and defenses"
(CVPR 2019), algorithm 1, with its settings: the distance begins at 1 and changes by a share of 0.05, the steps have L2
length 1 and fall to 0.01 along a cosine, on the cross-entropy.

Differences from the authors' code: pixels are not rounded to 256 levels; an image whose gradient is zero stays, where
theirs goes to a random place; lengths are summed in float64; the image after the last step is judged too.
"""

from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from robustsweep.attacks.norms import per_image
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.fmn import annealed
from robustsweep.attacks.steps.rules import Probe, Rule, State

_FIRST_EPS, _CHANGE = 1.0, 0.05
_FIRST_STEP, _LAST_STEP = 1.0, 0.01


@dataclass(frozen=True, slots=True)
class Sphere(State):
    """What DDN remembers of n images.

    Attributes:
        eps: float32 (n,), the distance of the next iterate but for the box.
    """

    eps: Tensor


def start(ball: Ball, noise: Tensor | None) -> Sphere:
    """Start at the clean images; there is no noise."""
    return Sphere(ball.centre, torch.full((len(ball.centre),), _FIRST_EPS, device=ball.centre.device))


def step(state: Sphere, probe: Probe, ball: Ball) -> Sphere:
    """Shrink or grow each distance, go along the gradient, then to that distance and into the box."""
    assert probe.is_fooled is not None, "the rule has no budget"
    eps = state.eps * torch.where(probe.is_fooled, 1 - _CHANGE, 1 + _CHANGE)
    delta = state.images - ball.centre + annealed(_FIRST_STEP, _LAST_STEP, probe) * ball.norm.ascent(probe.gradient)
    images = ball.centre + per_image(eps, delta) * ball.norm.ascent(delta)
    return Sphere(images.clamp(0.0, 1.0), eps)


DDN = Rule(
    ("l2",),
    start,
    step,
    random_start=False,
    step_ratio=Fraction(1),
    losses=("ce", "margin", "dlr"),
    minimum_norm=True,
)
"""Decoupled direction and norm."""
