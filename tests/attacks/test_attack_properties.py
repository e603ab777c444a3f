"""What holds for every attack, on a small network with a hidden layer."""

import math
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from slow_rules import iterates, nearest_walk, pursuit_walk
from small_models import Linear

from robustsweep.attacks import ATTACKS, AttackSpec, parse_attack, run_attack
from robustsweep.attacks.loops import nearest, pool
from robustsweep.attacks.losses import LOSSES
from robustsweep.attacks.norms import find_norm
from robustsweep.draws import Draws

CLOSE_STARTS = nearest._close_starts
EPS = {
    "linf": (Fraction(1, 255), Fraction(4, 255), Fraction(12, 255)),
    "l2": (Fraction(1, 20), Fraction(1, 4), Fraction(2, 5)),
}


def one_eps_specs():
    for name in list(ATTACKS):
        rule = ATTACKS[name]
        for norm in rule.norms:
            yield AttackSpec(
                name,
                norm,
                EPS[norm][1:2],
                steps=1 if rule.single_step else 30 if name == "ddn" else 20 if rule.minimum_norm else 5,
                step_ratio=rule.step_ratio,
                restarts=2 if rule.random_start else 1,
                random_start=rule.random_start,
                loss=rule.losses[0],
            )


SPECS = list(one_eps_specs())
LADDERS = [replace(spec, eps=EPS[spec.norm]) for spec in SPECS if not ATTACKS[spec.rule].single_step]
every_attack = pytest.mark.parametrize("spec", SPECS + LADDERS, ids=lambda spec: spec.name)
every_ladder = pytest.mark.parametrize("spec", LADDERS, ids=lambda spec: spec.name)


@pytest.fixture(autouse=True)
def few_close_starts(monkeypatch):
    """One further start of a close verdict stands for all thirty-two."""
    monkeypatch.setattr(nearest, "_close_starts", lambda stepper: islice(CLOSE_STARTS(stepper), 1))


def attack(net, images, labels, spec, ids, **options):
    return run_attack(net, images, labels, spec, seed=3, ids=ids, keep_images=True, **options)


def verdicts(outcome):
    return torch.stack([outcome.eps_level.long(), outcome.restart.long(), outcome.step.long()], dim=1)


@every_attack
def test_an_outcome_is_complete_and_agrees_with_itself(net, images, labels, ids, spec):
    before = images.clone()
    outcome = attack(net, images, labels, spec, ids)
    n_eps = len(spec.eps)
    assert torch.equal(images, before)
    assert outcome.eps_level.dtype == torch.int8
    assert (outcome.restart.dtype, outcome.step.dtype) == (torch.int16, torch.int16)
    assert (outcome.logits.dtype, outcome.logits.shape) == (torch.float32, (40, 4))
    assert torch.equal(outcome.logits.argmax(1) != labels, outcome.eps_level < n_eps)
    assert torch.equal(outcome.eps_level == -1, net(images).argmax(1) != labels)
    fooled = (outcome.eps_level >= 0) & (outcome.eps_level < n_eps)
    assert fooled.any()
    assert (outcome.eps_level == n_eps).any()
    assert torch.equal(outcome.step >= 0, fooled)
    assert torch.equal(outcome.restart >= 0, fooled)
    assert torch.allclose(net(outcome.images), outcome.logits, atol=1e-5)
    assert outcome.warnings == ()


@every_attack
def test_no_image_leaves_its_ball_or_the_box(net, images, labels, ids, spec):
    outcome = attack(net, images, labels, spec, ids)
    length = find_norm(spec.norm).length(outcome.images - images)
    eps = torch.tensor([0.0, *map(float, spec.eps), float(spec.eps[-1])], dtype=torch.float64)
    assert bool((length <= eps[outcome.eps_level.long() + 1] + 1e-6).all())
    assert float(outcome.images.min()) >= 0
    assert float(outcome.images.max()) <= 1


@every_attack
def test_the_same_seed_gives_the_same_bits_and_another_seed_other_starts(net, images, labels, ids, spec):
    first, second = (attack(net, images, labels, spec, ids) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert torch.equal(verdicts(first), verdicts(second))
    other = run_attack(net, images, labels, spec, seed=4, ids=ids, keep_images=True)
    assert torch.equal(first.images, other.images) != spec.random_start


@every_attack
def test_batch_size_order_and_pool_do_not_matter(net, images, labels, ids, spec, monkeypatch):
    whole = attack(net, images, labels, spec, ids)
    for batch_size, n in ((1, 10), (7, 40)):
        parts = attack(net, images[:n], labels[:n], spec, ids[:n], batch_size=batch_size)
        assert torch.equal(verdicts(whole)[:n], verdicts(parts))
        assert torch.allclose(whole.images[:n], parts.images, atol=1e-6)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(pool, "_POOL_BYTES", 1)
    shuffled = attack(net, images[order], labels[order], spec, ids[order], batch_size=3)
    assert torch.equal(verdicts(whole)[order], verdicts(shuffled))
    assert torch.allclose(whole.images[order], shuffled.images, atol=1e-6)


@every_attack
def test_a_batch_equals_its_images_alone(net, images, labels, ids, spec):
    whole = attack(net, images, labels, spec, ids)
    for row in range(0, 40, 3):
        one = slice(row, row + 1)
        alone = attack(net, images[one], labels[one], spec, ids[one])
        assert torch.equal(verdicts(whole)[one], verdicts(alone))
        assert torch.allclose(whole.images[one], alone.images, atol=1e-6)


def slow_verdicts(net, images, labels, spec, ids):
    """Attack one image after the other, to the first success. Written apart from the engine and its rules."""
    found = torch.full((len(images), 3), -1)
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        clean = net(image.unsqueeze(0))[0]
        if clean.argmax() == label:
            rivals = [int(c) for c in clean.argsort(descending=True) if c != label]
            found[row] = torch.tensor(slow_verdict(net, image, label, rivals, spec, ids[row : row + 1]))
    return found


def slow_nearest(net, image, label, spec, image_id):
    """Find the nearest point of all walks that fools, and where it stands among the eps."""
    best, found = math.inf, (len(spec.eps), -1, -1)
    for restart in range(spec.restarts):
        loss = {"margin-ce": "ce" if restart else "margin"}.get(spec.loss, spec.loss)
        evaluate = partial(slow_slope, net, label=label, rival=None, loss_name=loss)
        fools = partial(slow_fools, net, label)
        if spec.rule == "nearest-pgd":
            draws = Draws(3, f"attack/nearest-pgd-{spec.norm}/{restart}", image_id)
            noise = find_norm(spec.norm).sample(draws, tuple(image.shape))[0] if restart else None
            points = pursuit_walk(spec, image, noise, best, evaluate, fools)
        else:
            points = nearest_walk(spec, image, evaluate, fools)
        for step, point in enumerate(points):
            far = float((point - image).abs().max() if spec.norm == "linf" else (point - image).norm())
            if fools(point) and far < best:
                best, level = far, sum(far > float(eps) + 1e-6 for eps in spec.eps)
                found = (level, restart, step) if level < len(spec.eps) else (level, -1, -1)
    return found


def slow_fools(net, label, point):
    return net(point.unsqueeze(0)).argmax() != label


def slow_slope(net, point, label, rival, loss_name):
    leaf = point.clone().requires_grad_()
    loss = slow_loss(net(leaf.unsqueeze(0))[0], label, rival, loss_name)
    (slope,) = torch.autograd.grad(loss, leaf)
    return float(loss.detach()), slope


def slow_verdict(net, image, label, rivals, spec, image_id):
    if ATTACKS[spec.rule].minimum_norm:
        return slow_nearest(net, image, label, spec, image_id)
    for eps_level, exact in enumerate(spec.eps):
        for restart in range(spec.restarts):

            def evaluate(point, restart=restart):
                return slow_slope(net, point, label, rivals[restart % 3], spec.loss)

            noise = None
            if spec.random_start:
                draws = Draws(3, f"attack/{spec.rule}-{spec.norm}@{exact}/{restart}", image_id)
                noise = find_norm(spec.norm).sample(draws, tuple(image.shape))[0]
            for step, point in enumerate(iterates(replace(spec, eps=(exact,)), image, noise, evaluate)):
                if net(point.unsqueeze(0)).argmax() != label:
                    return eps_level, restart, step
    return len(spec.eps), -1, -1


def slow_loss(logits, label, rival, name):
    if name == "ce":
        return F.cross_entropy(logits, label)
    down = logits.sort(descending=True).values
    other = max(logits[c] for c in range(len(logits)) if c != label)
    if name == "margin":
        return other - logits[label]
    if name == "dlr":
        return -(logits[label] - other) / (down[0] - down[2])
    return -(logits[label] - logits[rival]) / (down[0] - 0.5 * (down[2] + down[3]))


@every_attack
def test_dropping_and_packing_change_no_verdict(net, images, labels, ids, spec):
    expected = slow_verdicts(net, images, labels, spec, ids)
    outcome = attack(net, images, labels, spec, ids, batch_size=8)
    assert torch.equal(verdicts(outcome), expected)


@every_attack
def test_more_restarts_never_help_the_defender(net, images, labels, ids, spec):
    if not spec.random_start:
        pytest.skip("an attack from the clean image has one start")
    if LOSSES[spec.loss].targeted:
        pytest.skip("its restarts are target classes, tested below")
    few, many = (attack(net, images, labels, replace(spec, restarts=n, steps=1), ids) for n in (1, 30))
    assert bool((many.eps_level <= few.eps_level).all())
    assert int((many.eps_level < few.eps_level).sum()) > 0


@every_ladder
def test_a_rung_does_to_the_survivors_what_its_eps_does_alone(net, images, labels, ids, spec):
    ladder = attack(net, images, labels, spec, ids)
    for eps_level, eps in enumerate(spec.eps):
        alone = attack(net, images, labels, replace(spec, eps=(eps,)), ids)
        reached = ladder.eps_level >= eps_level
        assert torch.equal(ladder.eps_level[reached] == eps_level, alone.eps_level[reached] == 0)
        fell = ladder.eps_level == eps_level
        assert torch.equal(ladder.step[fell], alone.step[fell])
        assert torch.allclose(ladder.images[fell], alone.images[fell], atol=1e-6)


@pytest.mark.parametrize(("single", "steps"), [("fgsm-linf@4/255", "pgd1-linf@4/255"), ("fgm-l2@0.25", "pgd1-l2@0.25")])
def test_one_full_step_of_pgd_from_the_clean_image_is_the_single_step_attack(net, images, labels, ids, single, steps):
    first = attack(net, images, labels, parse_attack(single), ids)
    second = attack(net, images, labels, parse_attack(f"{steps}:step=1:start=clean"), ids)
    assert torch.equal(first.images, second.images)
    assert torch.equal(verdicts(first), verdicts(second))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_starts_are_uniform_in_the_ball(norm):
    points = find_norm(norm).sample(Draws(0, "starts", torch.arange(20_000)), (2, 2))
    length = find_norm(norm).length(points)
    assert points.dtype == torch.float64
    assert float(length.max()) <= 1
    # In four dimensions a ball of radius r holds r ** 4 of the volume; three standard errors are 0.011.
    for radius in (0.5, 0.8, 0.95):
        assert abs(float((length <= radius).double().mean()) - radius**4) < 0.011
    assert float(points.mean(0).abs().max()) < 0.02


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_restarts_of_a_targeted_attack_lead_to_the_next_likely_classes(norm):
    # Class 1 is second on every clean image, but only classes 2 and 3 move with the pixels.
    weight = torch.zeros(4, 12)
    weight[2], weight[3] = 1.0, -1.0
    net = Linear(weight, torch.tensor([1.0, 0.9, -6.1, 5.8])).eval()
    images = torch.full((1, 12), 0.5)
    assert net(images)[0].tolist() == pytest.approx([1.0, 0.9, -0.1, -0.2], abs=1e-5)
    eps = "0.15" if norm == "linf" else "0.45"
    found = {}
    for restarts in (1, 2, 3, 9):
        spec = parse_attack(f"apgd-t5x{restarts}-{norm}@{eps}:start=clean")
        found[restarts] = verdicts(run_attack(net, images, torch.tensor([0]), spec, seed=0, ids=torch.tensor([0])))[0]
    assert found[1].tolist() == [1, -1, -1]
    for restarts in (2, 3, 9):
        assert found[restarts].tolist() == [0, 1, 1]
