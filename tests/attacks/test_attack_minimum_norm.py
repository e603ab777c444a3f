"""Minimum-norm attacks: on a linear model the nearest image that fools is known."""

import pytest
import torch
from small_models import Linear

from robustsweep.attacks import ATTACKS, parse_attack, run_attack
from robustsweep.attacks.loops import nearest as loop
from robustsweep.errors import UsageError

NAMES = ["fmn100-linf", "fmn100-l2", "ddn300-l2", "nearest-pgd50-linf", "nearest-pgd50-l2"]


def nearest(linear, images, labels, norm):
    """Return the distance to the plane between the two classes, in float64."""
    weight = (linear.weight[0] - linear.weight[1]).detach().double()
    bias = (linear.bias[0] - linear.bias[1]).detach().double()
    score = (images.flatten(1).double() @ weight + bias).abs()
    return score / (weight.abs().sum() if norm == "linf" else weight.norm())


def run(linear, images, name, eps, **options):
    labels = linear(images).argmax(1)
    spec = parse_attack(f"{name}@{eps}")
    return run_attack(linear, images, labels, spec, seed=0, ids=torch.arange(len(images)), keep_images=True, **options)


def test_every_rule_is_here():
    assert {parse_attack(f"{name}@0.1").rule for name in NAMES} == {
        name for name in ATTACKS if ATTACKS[name].minimum_norm
    }


@pytest.mark.parametrize(("batch_size", "n"), [(1, 3), (3, 8), (8, 20)])
@pytest.mark.parametrize("name", NAMES)
def test_the_distance_is_the_margin_over_the_dual_norm(linear, generator, shape, name, batch_size, n):
    images = 0.4 + 0.2 * torch.rand(n, *shape, generator=generator)
    norm = name.rpartition("-")[2]
    expected = nearest(linear, images, linear(images).argmax(1), norm)
    outcome = run(linear, images, name, "0.001,0.01,0.1,0.9", batch_size=batch_size)
    found = getattr(outcome, norm).double()
    assert bool((found >= expected * (1 - 1e-4)).all())
    assert bool((found <= expected * 1.01 + 1e-6).all())
    level = torch.bucketize(found, torch.tensor([0.001, 0.01, 0.1, 0.9]).double() + 1e-6)
    assert torch.equal(outcome.eps_level.long(), level)
    assert float(outcome.images.min()) >= 0
    assert float(outcome.images.max()) <= 1
    moved = (outcome.images - images).flatten(1)
    far = moved.abs().amax(1) if norm == "linf" else moved.norm(dim=1)
    fell = outcome.eps_level < 4
    assert torch.allclose(far[fell], found[fell].float(), atol=1e-6)
    assert bool((outcome.restart[fell] < 2).all())
    assert bool((outcome.step[fell] > 2).all())


@pytest.mark.parametrize("name", NAMES)
def test_an_image_that_nothing_fools_is_infinitely_far(generator, name):
    constant = Linear(torch.zeros(3, 48), torch.tensor([1.0, 0.0, -1.0])).eval()
    outcome = run(constant, torch.rand(4, 48, generator=generator), name, "0.1")
    assert outcome.eps_level.tolist() == [1] * 4
    assert bool(outcome.linf.isinf().all())
    assert bool(outcome.l2.isinf().all())


@pytest.mark.parametrize("name", NAMES)
def test_a_clean_mistake_is_not_attacked(linear, generator, name):
    images = 0.4 + 0.2 * torch.rand(6, 48, generator=generator)
    labels = linear(images).argmax(1)
    labels[2] = 1 - labels[2]
    outcome = run_attack(linear, images, labels, f"{name}@0.1", seed=0, ids=torch.arange(6))
    assert outcome.eps_level[2] == -1
    assert outcome.l2[2] == outcome.linf[2] == 0
    outcome = run_attack(linear, images, 1 - linear(images).argmax(1), f"{name}@0.1", seed=0, ids=torch.arange(6))
    assert outcome.eps_level.tolist() == [-1] * 6
    assert not outcome.linf.any()


@pytest.mark.parametrize(
    "name", ["fmn10-linf@0.1:step=1/2", "fmn10x2-linf@0.1", "ddn10-linf@0.1", "fmn10-l2@0.1:loss=ce"]
)
def test_what_does_not_belong_to_it_is_refused(name):
    with pytest.raises(UsageError):
        parse_attack(name)


def test_only_an_image_that_is_barely_beyond_an_eps_is_attacked_there(linear, generator):
    images = 0.4 + 0.2 * torch.rand(8, 48, generator=generator)
    expected = nearest(linear, images, linear(images).argmax(1), "linf")
    once = 1 + 2 * (2 * 50 + 1)
    for row, factor, starts in ((0, 0.99, 32), (1, 0.96, 0), (2, 1.02, 0)):
        eps = f"{factor * float(expected[row]):.9f}"
        outcome = run(linear, images, "nearest-pgd50-linf", eps)
        assert int(outcome.passes[row]) == once + starts * (2 * 100 + 1)
        outcome = run(linear, images, "nearest-pgd50x1-linf", f"{eps}:start=clean")
        assert int(outcome.passes[row]) == 1 + 2 * 50 + 1


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_close_verdict_may_turn_and_a_distance_only_falls(net, images, ids, norm, monkeypatch):
    monkeypatch.setattr(loop, "_CLOSE_STEPS", 10)
    labels = net(images).argmax(1)
    before = getattr(run_attack(net, images, labels, f"nearest-pgd4-{norm}@0.9", seed=0, ids=ids), norm)
    turned = 0
    for row in range(0, 40, 8):
        eps = f"{float(before[row]) / 1.01:.9f}"
        name = f"nearest-pgd4-{norm}@{eps}"
        outcome = run_attack(net, images, labels, name, seed=0, ids=ids, keep_images=True)
        after = getattr(outcome, norm)
        assert bool((after <= before).all())
        fell = outcome.eps_level == 0
        assert torch.equal(fell, after <= float(eps) + 1e-6)
        assert bool((net(outcome.images).argmax(1) != labels)[fell].all())
        turned += int(fell[row])
    assert turned > 0


def test_two_eps_are_each_attacked_where_their_verdict_is_close(net, images, ids, monkeypatch):
    monkeypatch.setattr(loop, "_CLOSE_STEPS", 10)
    labels = net(images).argmax(1)
    before = run_attack(net, images, labels, "nearest-pgd4-linf@0.9", seed=0, ids=ids).linf
    low, high = sorted(float(before[row]) / 1.01 for row in (0, 8))
    runs = {
        eps: run_attack(net, images, labels, f"nearest-pgd4-linf@{eps}", seed=0, ids=ids)
        for eps in (f"{low:.9f}", f"{high:.9f}", f"{low:.9f},{high:.9f}")
    }
    alone_low, alone_high, ladder = runs.values()
    assert torch.equal(ladder.eps_level == 0, alone_low.eps_level == 0)
    assert torch.equal(ladder.eps_level <= 1, (alone_high.eps_level == 0) | (alone_low.eps_level == 0))
