"""Momentum where gradients vanish, and what it is made of."""

import pytest
import torch

from robustsweep.attacks import ATTACKS, parse_attack, run_attack
from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.rules import Probe

RULE = ATTACKS["mifgsm"]


def probe(gradient, step=1):
    return Probe(gradient, torch.zeros(len(gradient)), step, steps=5, step_size=0.01)


@pytest.fixture
def ball(shape):
    return Ball(find_norm("linf"), 0.1, torch.full((2, *shape), 0.5))


def test_momentum_is_the_sum_of_gradients_divided_by_their_l1_norms(ball, shape, generator):
    first, second = (torch.randn(2, *shape, generator=generator) * scale for scale in (1e-30, 1e6))
    state = RULE.step(RULE.step(RULE.start(ball, None), probe(first), ball), probe(second, 2), ball)
    unit = [g.double() / g.double().abs().flatten(1).sum(1).view(2, *[1] * len(shape)) for g in (first, second)]
    assert torch.allclose(state.momentum.double(), unit[0] + unit[1], atol=1e-7)
    expected = 0.5 + 0.01 * (unit[0].sign() + (unit[0] + unit[1]).sign())
    assert torch.allclose(state.images.double(), expected, atol=1e-6)


def test_a_zero_gradient_leaves_the_momentum_as_it_is_and_goes_on_along_it(ball, shape):
    gradient = torch.ones(2, *shape)
    state = RULE.step(RULE.start(ball, None), probe(gradient), ball)
    gradient[0] = 0
    after = RULE.step(state, probe(gradient, 2), ball)
    assert torch.equal(after.momentum[0], state.momentum[0])
    assert torch.equal(after.momentum[1], 2 * state.momentum[1])
    assert torch.allclose(after.images, torch.full_like(after.images, 0.52))


def test_a_gradient_that_is_zero_from_the_start_leaves_the_image_and_is_counted(ball, shape):
    class Flat(torch.nn.Module):
        def forward(self, images):
            return torch.tensor([[1.0, 0.0]]) + 0.0 * images.flatten(1)[:, :1]

    ids = torch.arange(2)
    spec = parse_attack("mifgsm5-linf@0.1")
    outcome = run_attack(Flat().eval(), ball.centre, torch.zeros(2).long(), spec, seed=0, ids=ids, keep_images=True)
    assert torch.equal(outcome.images, ball.centre)
    assert "2 of 2 attacked images met a gradient that is zero everywhere" in outcome.warnings[0]
