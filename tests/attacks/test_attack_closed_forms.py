"""On a linear model of two classes the best perturbation is known, and so is who falls.

Two classes more, which no image comes near, let losses that need four be computed and change no optimum: the two real
logits are opposite, so that every loss rises fastest along the difference of their weights.
"""

import pytest
import torch

from robustsweep.attacks import ATTACKS, parse_attack, run_attack

N = 24


NAMES = [
    "fgsm-linf@0.01",
    "pgd10-linf@0.01",
    "pgd10-linf@0.01:loss=margin",
    "pgd10-linf@0.01:loss=dlr",
    "bim10-linf@0.01",
    "mifgsm10-linf@0.01",
    "apgd-ce10-linf@0.01",
    "apgd-dlr10-linf@0.01",
    "apgd-t10-linf@0.01",
    "fgm-l2@0.06",
    "pgd40-l2@0.06",
    "pgd40-l2@0.06:loss=margin",
    "pgd40-l2@0.06:loss=dlr",
    "apgd-ce40-l2@0.06",
    "apgd-dlr40-l2@0.06",
    "apgd-t40-l2@0.06",
    "fmn40-linf@0.01",
    "fmn40-l2@0.06",
    "ddn100-l2@0.06",
    "nearest-pgd30-linf@0.01",
    "nearest-pgd30-l2@0.06",
]
BUDGETED = [name for name in NAMES if not ATTACKS[parse_attack(name).rule].minimum_norm]


def test_every_rule_is_here():
    assert {parse_attack(name).rule for name in NAMES} == set(ATTACKS)


def falls(linear, images, labels, norm, eps):
    """Say in float64 which images a perturbation of norm eps can flip, and by how much the nearest misses."""
    weight = (linear.weight[0] - linear.weight[1]).detach().double()
    bias = (linear.bias[0] - linear.bias[1]).detach().double()
    score = images.flatten(1).double() @ weight + bias
    margin = torch.where(labels == 0, score, -score)
    reach = eps * (weight.abs().sum() if norm == "linf" else weight.norm())
    return margin < reach, float((margin - reach).abs().min())


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("name", NAMES)
def test_exactly_the_images_within_reach_fall(linear, generator, shape, name, batch_size):
    images = 0.4 + 0.2 * torch.rand(N, *shape, generator=generator)
    labels = linear(images).argmax(1)
    spec = parse_attack(name)
    expected, nearest = falls(linear, images, labels, spec.norm, float(spec.eps[0]))
    assert 4 < int(expected.sum()) < N - 4
    assert nearest > 1e-4, "an image on the edge would make the test depend on rounding"

    outcome = run_attack(linear, images, labels, spec, seed=1, ids=torch.arange(N), batch_size=batch_size)

    assert torch.equal(outcome.eps_level == 0, expected)
    assert torch.equal(outcome.step >= 0, expected)


@pytest.mark.parametrize("name", [name.replace("-t10", "-t10x1").replace("-t40", "-t40x1") for name in BUDGETED])
def test_an_image_that_stands_ends_at_the_best_perturbation(linear, generator, shape, name):
    images = 0.4 + 0.2 * torch.rand(N, *shape, generator=generator)
    labels = linear(images).argmax(1)
    spec = parse_attack(name)
    outcome = run_attack(linear, images, labels, spec, seed=1, ids=torch.arange(N), keep_images=True)

    downhill = (linear.weight[1 - labels] - linear.weight[labels]).detach()
    unit = downhill.sign() if spec.norm == "linf" else downhill / downhill.norm(dim=1, keepdim=True)
    best = images + float(spec.eps[0]) * unit.view_as(images)
    stood = outcome.eps_level == 1
    assert stood.any()
    # PGD approaches the L2 optimum geometrically, so its remaining angle is 0.8 ** 40 at best.
    assert torch.allclose(outcome.images[stood], best[stood], atol=1e-6 if "40" not in name else 1e-4)


@pytest.mark.parametrize(
    "name", ["fgsm-linf@0.5", "pgd10-linf@0.5", "apgd-ce10-linf@0.5", "fgm-l2@20", "pgd10-l2@20", "apgd-ce10-l2@20"]
)
def test_the_box_binds_before_the_ball(linear, generator, name):
    images = torch.rand(N, 48, generator=generator)
    labels = linear(images).argmax(1)
    outcome = run_attack(linear, images, labels, parse_attack(name), seed=1, ids=torch.arange(N), keep_images=True)
    assert float(outcome.images.min()) == 0.0
    assert float(outcome.images.max()) == 1.0


def test_a_random_start_alone_can_fool(linear, generator):
    images = 0.499 + 0.002 * torch.rand(64, 48, generator=generator)
    outcome = run_attack(
        linear, images, linear(images).argmax(1), parse_attack("pgd10-linf@0.1"), seed=0, ids=torch.arange(64)
    )
    assert 8 < int((outcome.step == 0).sum()) < 56
    assert bool((outcome.step >= 0).all())
