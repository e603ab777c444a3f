"""The losses against their formulas worked out by hand, and what each promises."""

import pytest
import torch

from robustsweep.attacks import parse_attack, run_attack
from robustsweep.attacks.losses import LOSSES
from robustsweep.errors import UsageError

LOGITS = torch.tensor([[2.0, 5.0, 1.0, 4.0, -3.0]])


def value(name, label, target=0, logits=LOGITS):
    return float(LOSSES[name](logits, torch.tensor([label]), torch.tensor([target])))


@pytest.mark.parametrize(
    ("name", "label", "target", "expected"),
    [
        ("margin", 1, 0, 4 - 5),
        ("margin", 0, 0, 5 - 2),
        ("dlr", 1, 0, -(5 - 4) / (5 - 2)),
        ("dlr", 3, 0, -(4 - 5) / (5 - 2)),
        ("dlr", 4, 0, -(-3 - 5) / (5 - 2)),
        ("dlr-targeted", 1, 3, -(5 - 4) / (5 - (2 + 1) / 2)),
        ("dlr-targeted", 1, 4, -(5 - -3) / (5 - (2 + 1) / 2)),
        ("dlr-targeted", 0, 1, -(2 - 5) / (5 - (2 + 1) / 2)),
    ],
)
def test_values_are_those_of_the_formula(name, label, target, expected):
    assert value(name, label, target) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_gives_one_value_per_image_and_treats_each_alone(name, generator):
    logits = torch.randn(9, 6, generator=generator)
    labels, targets = torch.arange(9) % 6, (torch.arange(9) + 2) % 6
    whole = LOSSES[name](logits, labels, targets)
    assert whole.shape == (9,)
    for row in range(9):
        one = slice(row, row + 1)
        assert torch.equal(whole[one], LOSSES[name](logits[one], labels[one], targets[one]))


@pytest.mark.parametrize("name", ["margin", "dlr"])
def test_the_sign_tells_who_is_misclassified(name, generator):
    logits, labels = torch.randn(200, 5, generator=generator), torch.arange(200) % 5
    assert torch.equal(LOSSES[name](logits, labels) > 0, logits.argmax(1) != labels)


@pytest.mark.parametrize("name", ["dlr", "dlr-targeted"])
@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_a_ratio_of_logits_ignores_their_scale_and_offset(name, scale):
    expected = value(name, 1, 3)
    assert value(name, 1, 3, LOGITS * scale) == pytest.approx(expected, rel=1e-5)
    assert value(name, 1, 3, LOGITS + 16) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["margin", "dlr", "dlr-targeted"])
def test_the_gradient_survives_a_lead_at_which_the_cross_entropy_has_none(name):
    def slope(loss):
        logits = torch.tensor([[300.0, 0.0, -1.0, -4.0]], requires_grad=True)
        loss(logits, torch.tensor([0]), torch.tensor([1])).sum().backward()
        return logits.grad

    assert not slope(LOSSES["ce"]).any()
    assert slope(LOSSES[name])[0, 1] > 0


@pytest.mark.parametrize("name", list(LOSSES))
def test_equal_logits_give_a_finite_loss_and_gradient(name):
    logits = torch.zeros(1, 5, requires_grad=True)
    loss = LOSSES[name](logits, torch.tensor([0]), torch.tensor([1]))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(("name", "classes"), [("dlr", 3), ("dlr-targeted", 4)])
def test_too_few_classes_are_refused_with_how_many_are_needed(name, classes):
    assert value(name, 1, 0, LOGITS[:, :classes]) < 0
    with pytest.raises(UsageError, match=f"at least {classes} classes, the model has {classes - 1}"):
        value(name, 1, 0, LOGITS[:, : classes - 1])


def test_a_targeted_loss_without_a_target_is_refused():
    with pytest.raises(UsageError, match="one target class per image"):
        LOSSES["dlr-targeted"](LOGITS, torch.tensor([1]))


@pytest.mark.parametrize(
    ("name", "classes"),
    [("apgd-dlr5-linf@1", 3), ("pgd5-l2@9:loss=dlr", 3), ("fgsm-linf@1:loss=dlr", 3), ("apgd-t5-l2@9", 4)],
)
def test_an_attack_on_a_model_of_too_few_classes_gives_no_number(name, classes, generator):
    def model(count):
        layer = torch.nn.Linear(6, count)
        return torch.nn.Sequential(torch.nn.Flatten(), layer).eval()

    images, ids = torch.rand(20, 6, generator=generator), torch.arange(20)
    enough, few = model(classes), model(classes - 1)
    run_attack(enough, images, enough(images).argmax(1), parse_attack(name), seed=0, ids=ids)
    with pytest.raises(UsageError, match=f"at least {classes} classes, the model has {classes - 1}"):
        run_attack(few, images, few(images).argmax(1), parse_attack(name), seed=0, ids=ids)


@pytest.mark.parametrize("name", ["ce", "margin"])
def test_of_two_classes_with_straight_logits_the_forecast_is_what_comes(name, generator):
    lead = (torch.rand(200, generator=generator) * 6).requires_grad_()
    fall = torch.rand(200, generator=generator) * 6
    loss = LOSSES[name](torch.stack([lead, torch.zeros_like(lead)], 1), torch.zeros(200, dtype=torch.int64))
    (slope,) = torch.autograd.grad(loss.sum(), lead)
    assert torch.equal(LOSSES[name].forecast(loss.detach(), -slope * fall), fall > lead)


def test_a_loss_without_a_slope_forecasts_nothing():
    assert not LOSSES["ce"].forecast(torch.zeros(1), torch.zeros(1)).any()
