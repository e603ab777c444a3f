"""An attack: ascent along the gradient divided by its largest value, which keeps the proportions between pixels."""

from torch import Tensor

from robustsweep.attacks.steps.ascent import start
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.rules import Probe, Rule, State


def step(state: State, probe: Probe, ball: Ball) -> State:
    """Take one step. The engine evaluates the network, checks that images stay in their balls, and judges them."""
    gradient: Tensor = probe.gradient
    largest = gradient.flatten(1).abs().amax(1).clamp(min=1e-12)
    direction = gradient / largest.reshape(-1, *[1] * (gradient.ndim - 1))
    return State(ball.project(state.images + probe.step_size * direction))


NORMALISED_ASCENT = Rule(("linf",), start, step)
