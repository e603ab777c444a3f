"""torchattacks as an independent implementation, where it is installed."""

import pytest
import torch

from robustsweep.attacks import ATTACKS, parse_attack, run_attack
from robustsweep.attacks.losses import LOSSES
from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.steps.ball import Ball
from robustsweep.attacks.steps.rules import Probe
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

torchattacks = pytest.importorskip("torchattacks")


def compare(net, images, labels, ids, name, peer):
    outcome = run_attack(net, images, labels, parse_attack(name), seed=0, ids=ids, keep_images=True)
    # torchattacks returns the last iterate: ours for those that stand, and for those that fall at the last step.
    last = (outcome.eps_level == 1) | (outcome.step == parse_attack(name).steps)
    assert int(last.sum()) > 5
    difference = (outcome.images - peer(images, labels))[last].abs().max()
    assert float(difference) < 1e-6


def test_fgsm_gives_the_same_pixels(net, images, labels, ids):
    compare(net, images, labels, ids, "fgsm-linf@8/255", torchattacks.FGSM(net, eps=8 / 255))


def test_pgd_from_the_clean_image_ends_at_the_same_pixels(net, images, labels, ids):
    linf = torchattacks.PGD(net, eps=4 / 255, alpha=1 / 255, steps=5, random_start=False)
    compare(net, images, labels, ids, "pgd5-linf@4/255:start=clean", linf)
    # Its 1e-10 added to the norm shortens the steps of images whose gradient is about as small.
    l2 = torchattacks.PGDL2(net, eps=0.2, alpha=0.05, steps=5, random_start=False, eps_for_division=1e-30)
    compare(net, images, labels, ids, "pgd5-l2@0.2:start=clean", l2)


def test_bim_and_momentum_end_at_the_same_pixels(net, images, labels, ids):
    options = {"eps": 4 / 255, "alpha": 1 / 255, "steps": 6}
    compare(net, images, labels, ids, "bim6-linf@4/255", torchattacks.BIM(net, **options))
    compare(net, images, labels, ids, "mifgsm6-linf@4/255", torchattacks.MIFGSM(net, **options))


class Recorder(torch.nn.Module):
    """Keep every batch that the network is shown."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seen = net, []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        return self.net(images)


def walk(net, spec, images, labels, noise):
    """Follow a rule to the end, dropping nobody; return every iterate and loss."""
    rule, eps = ATTACKS[spec.rule], float(spec.eps[0])
    ball = Ball(find_norm(spec.norm), eps, images)
    state = rule.start(ball, noise)
    points, losses = [state.images], []
    for step in range(1, spec.steps + 1):
        leaf = state.images.clone().requires_grad_()
        loss = LOSSES[spec.loss](net(leaf), labels)
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        losses.append(loss.detach())
        probe = Probe(gradient, loss.detach(), step, spec.steps, eps * float(spec.step_ratio))
        state = rule.step(state, probe, ball)
        points.append(state.images)
    return torch.stack(points), torch.stack(losses)


@pytest.mark.parametrize("loss", ["ce", "dlr"])
@pytest.mark.parametrize(("norm", "name", "eps"), [("linf", "Linf", "4/255"), ("l2", "L2", "0.25")])
def test_auto_pgd_visits_the_same_points(net, images, labels, generator, monkeypatch, norm, name, eps, loss):
    spec = parse_attack(f"apgd-{loss}100-{norm}@{eps}")
    noise = torch.rand(images.shape, generator=generator)
    noise = noise if norm == "linf" else noise - 0.5
    monkeypatch.setattr(torch, "rand" if norm == "linf" else "randn", lambda shape: noise)
    recorder = Recorder(net).eval()
    peer = torchattacks.APGD(recorder, norm=name, eps=float(spec.eps[0]), steps=100, loss=loss)
    peer.attack_single_run(images, labels)

    points, losses = walk(net, spec, images, labels, (2 * noise - 1 if norm == "linf" else noise).double())

    # At the first checkpoint the peer compares the first loss with zero, not with the loss at the start.
    agree = (losses[1] > losses[0]) == (losses[1] > 0)
    assert int(agree.sum()) >= 10
    difference = (points - torch.stack(recorder.seen)).abs()[:, agree]
    # A hundred L2 steps carry rounding up to some 1e-5; a step size halved elsewhere shows as 1e-3.
    assert float((difference < (1e-6 if norm == "linf" else 1e-4)).double().mean()) >= 0.999


PROTOCOL = ":protocol=torchattacks"
# Ours in its protocol, and its own with the same parameters.
PEERS = [
    ("fgsm-linf@8/255", lambda net: torchattacks.FGSM(net, eps=8 / 255)),
    ("bim10-linf@8/255", lambda net: torchattacks.BIM(net, eps=8 / 255, alpha=2 / 255, steps=10)),
    ("pgd10-linf@8/255", lambda net: torchattacks.PGD(net, eps=8 / 255, alpha=2 / 255, steps=10)),
    ("pgd10-l2@0.25:step=1/5", lambda net: torchattacks.PGDL2(net, eps=0.25, alpha=0.05, steps=10)),
    ("mifgsm10-linf@8/255", lambda net: torchattacks.MIFGSM(net, eps=8 / 255, alpha=2 / 255, steps=10)),
]


def same_start(monkeypatch, spec, ids, shape):
    """Make torchattacks start where we do: its own draws are replaced by ours."""
    eps = float(spec.eps[0])
    draws = Draws(0, f"attack/{spec.rule}-{spec.norm}@{spec.eps[0]}/0", ids)
    if spec.norm == "linf":
        cube = draws.uniform(*shape, low=-1.0, high=1.0) * eps
        monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, low, high: self.copy_(cube))
    else:
        direction, radius = draws.normal(*shape), draws.uniform()
        monkeypatch.setattr(torch.Tensor, "normal_", lambda self: self.copy_(direction))
        monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, low, high: self.copy_(radius.view_as(self)))


@pytest.mark.parametrize(("name", "peer"), PEERS, ids=[name for name, _ in PEERS])
def test_its_protocol_gives_its_pixels_and_its_verdicts(net, images, labels, ids, monkeypatch, name, peer):
    spec = parse_attack(name + PROTOCOL)
    outcome = run_attack(net, images, labels, spec, seed=0, ids=ids, keep_images=True)
    same_start(monkeypatch, spec, ids, images.shape[1:])
    expected = peer(net)(images, labels)
    close = (outcome.images - expected).abs() <= 1e-6
    assert float(close.double().mean()) >= 0.999
    with torch.no_grad():
        right = net(expected).argmax(1) == labels
    assert torch.equal(outcome.eps_level == 1, right)
    assert torch.equal(outcome.step == spec.steps, ~right)
    assert 0 < int(right.sum()) < len(images)
    mistaken = net(images).argmax(1) != labels
    assert bool(((outcome.images - images)[mistaken].flatten(1).abs().amax(1) > 0.01).all()), (
        "mistakes are attacked too"
    )


@pytest.mark.parametrize("name", ["pgd10-linf@8/255", "pgd10-linf@2/255"])
def test_what_stands_our_attack_stands_its_last_iterate(net, images, labels, ids, monkeypatch, name):
    spec = parse_attack(name)
    outcome = run_attack(net, images, labels, spec, seed=0, ids=ids, search="as-is")
    same_start(monkeypatch, spec, ids, images.shape[1:])
    eps = float(spec.eps[0])
    adversarial = torchattacks.PGD(net, eps=eps, alpha=eps / 4, steps=10)(images, labels)
    with torch.no_grad():
        theirs = net(adversarial).argmax(1) == labels
    ours = outcome.eps_level == 1
    assert ours.any()
    assert not bool((ours & ~theirs).any())


def test_its_protocol_has_a_name_and_an_identity_of_its_own():
    ours, theirs = parse_attack("pgd10-linf@8/255"), parse_attack("pgd10-linf@8/255" + PROTOCOL)
    assert theirs.name == "pgd10-linf@8/255" + PROTOCOL
    assert parse_attack(theirs.name) == theirs != ours
    assert "protocol" not in ours.identity()
    assert theirs.identity() == {**ours.identity(), "protocol": "torchattacks"}
    for name in ("pgd10-linf@1/255,8/255", "pgd10x2-linf@8/255"):
        with pytest.raises(UsageError, match="one eps and one start"):
            parse_attack(name + PROTOCOL)
    with pytest.raises(UsageError, match="torchattack"):
        parse_attack("pgd10-linf@8/255:protocol=torchattack")
