"""Projected gradient ascent, and the single-step attacks, which are one full step of it from the clean image."""

from fractions import Fraction

from torch import Tensor

from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.rules import Probe, Rule, State


def start(ball: Ball, noise: Tensor | None) -> State:
    """Start at the clean images, or at ``noise`` (float64 (n, ...), points of the unit ball) scaled to the balls."""
    if noise is None:
        return State(ball.centre)
    return State(ball.project(ball.centre + (noise * ball.eps).to(ball.centre.dtype)))


def step(state: State, probe: Probe, ball: Ball) -> State:
    """Go one step along the steepest ascent of the attack's norm, then back into the balls."""
    return State(ball.project(state.images + probe.step_size * ball.norm.ascent(probe.gradient)))


FGSM = Rule(("linf",), start, step, single_step=True, random_start=False, step_ratio=Fraction(1))
"""Fast gradient sign method: x + eps * sign(gradient), clipped to [0, 1].

Source: Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples" (ICLR 2015), section 4.
"""

FGM = Rule(("l2",), start, step, single_step=True, random_start=False, step_ratio=Fraction(1))
"""Fast gradient method in L2: x + eps * gradient / |gradient|, clipped to [0, 1].

Source: Miyato, Dai and Goodfellow, "Adversarial training methods for semi-supervised text classification" (ICLR 2017),
for word embeddings there, for pixels here.
"""

PGD = Rule(("linf", "l2"), start, step)
"""Projected gradient ascent from a random point of the ball.

Source: Madry et al., "Towards deep learning models resistant to adversarial attacks" (ICLR 2018), section 2.1. The
default step of eps/4 is that of torchattacks 3.5.1 (2/255 at 8/255).

Differences from torchattacks 3.5.1: the result is the first iterate, the start included, that fools the model, not the
last; the summed loss is differentiated, not the mean; each image has its own noise; L2 starts are uniform in the ball,
there the radius is uniform on [0, eps], which in high dimensions lies much nearer to the clean image; L2 directions are
divided by the exact norm, there 1e-10 is added to it.
"""
