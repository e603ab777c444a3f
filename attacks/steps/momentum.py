"""The iterative fast gradient sign methods: signed steps from the clean image, without and with momentum."""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.attacks.norms import per_image
from robustsweep.attacks.steps import ascent
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.rules import Probe, Rule, State


@dataclass(frozen=True, slots=True)
class Accumulated(State):
    """An iterate and what has been accumulated on the way to it.

    Attributes:
        momentum: float32 (n, ...), the sum of the gradients so far, each divided by its L1 norm.
    """

    momentum: Tensor


def start(ball: Ball, noise: Tensor | None) -> Accumulated:
    """Start without momentum, at the clean images or at ``noise`` as ``ascent.start`` does."""
    return Accumulated(ascent.start(ball, noise).images, torch.zeros_like(ball.centre))


def step(state: Accumulated, probe: Probe, ball: Ball) -> Accumulated:
    """Add the gradient's direction to the momentum and step along the sign of that.

    If a gradient is zero everywhere the momentum stays as it is and carries the image on.
    """
    # In float64 the norm of a tiny gradient neither underflows nor depends on the batch.
    length = probe.gradient.flatten(1).to(torch.float64).abs().sum(1)
    unit = probe.gradient / per_image(torch.where(length > 0, length, 1.0), probe.gradient)
    momentum = state.momentum + unit.to(state.momentum.dtype)
    return Accumulated(ball.project(state.images + probe.step_size * momentum.sign()), momentum)


BIM = Rule(("linf",), ascent.start, ascent.step, random_start=False)
"""Basic iterative method (I-FGSM): steps of the gradient's sign from the clean image, clipped to ball and box.

Source: Kurakin, Goodfellow and Bengio, "Adversarial examples in the physical world" (ICLR workshop 2017), section 2.2.
The default step of eps/4 is that of torchattacks 3.5.1 (2/255 at 8/255). It is PGD without the random start.

Differences from torchattacks 3.5.1: the result is the first iterate that fools the model, not the last; the number of
steps is never chosen from eps.
"""

MIFGSM = Rule(("linf",), start, step, random_start=False)
"""Momentum iterative fast gradient sign method, with a decay factor of 1: nothing of the momentum is lost.

Source: Dong et al., "Boosting adversarial attacks with momentum" (CVPR 2018), algorithm 1. The default step of eps/4 is
that of torchattacks 3.5.1 (2/255 at 8/255).

Differences from torchattacks 3.5.1: the result is the first iterate that fools the model, not the last; a gradient of
zeros leaves the momentum as it is, there it makes it NaN and the image stands still from then on; gradients are divided
by their L1 norm, there by the mean magnitude, which scales the momentum and changes no sign.
"""
