"""What the engine refuses, what it leaves alone, and what a new rule may rely on."""

from dataclasses import dataclass, replace

import pytest
import torch
from small_models import Linear
from torch import Tensor, nn

from robustsweep.attacks import ATTACKS, fgm_l2, fgsm, parse_attack, pgd, run_attack, square
from robustsweep.attacks.steps.ascent import PGD
from robustsweep.attacks.steps.rules import State
from robustsweep.errors import AttackError, DataError, UsageError

PGD3 = parse_attack("pgd3-linf@4/255")


def attack(net, images, labels, ids, spec=PGD3, **options):
    return run_attack(net, images, labels, spec, seed=0, ids=ids, **options)


class Scaled(nn.Module):
    def __init__(self, net: nn.Module, scale: float) -> None:
        super().__init__()
        self.net, self.scale = net, scale

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images) * self.scale


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda state, probe, ball: State(ball.centre + 1.01 * ball.eps), "left its budget"),
        (lambda state, probe, ball: State(ball.centre - 2.0), "left its budget"),
        (lambda state, probe, ball: State(state.images * float("nan")), "not finite"),
    ],
)
def test_a_rule_that_breaks_its_budget_is_an_error_that_names_the_attack(
    net, images, labels, ids, monkeypatch, broken, message
):
    monkeypatch.setitem(ATTACKS._items, "broken", replace(PGD, step=broken))
    spec = parse_attack("broken3-linf@4/255")
    with pytest.raises(AttackError, match=f"broken3-linf@4/255.*{message}"):
        attack(net, images.clamp(0.2, 0.8), net(images.clamp(0.2, 0.8)).argmax(1), ids, spec)


def test_a_start_outside_the_ball_is_an_error_too(net, images, labels, ids, monkeypatch):
    monkeypatch.setitem(ATTACKS._items, "broken", replace(PGD, start=lambda ball, noise: State(1 - ball.centre)))
    with pytest.raises(AttackError, match="left its budget"):
        attack(net, images, labels, ids, parse_attack("broken3-l2@0.1"))


def test_rounding_outside_the_ball_is_clipped(net, images, labels, ids, monkeypatch):
    spilling = replace(PGD, step=lambda state, probe, ball: State(ball.centre + ball.eps + 5e-7))
    monkeypatch.setitem(ATTACKS._items, "spilling", spilling)
    images = images.clamp(0.2, 0.8)
    outcome = attack(net, images, net(images).argmax(1), ids, parse_attack("spilling2-linf@0.001"), keep_images=True)
    assert 0.001 - 1e-7 < float((outcome.images - images).max()) < 0.001 + 1e-7


@dataclass(frozen=True, slots=True)
class Momentum(State):
    velocity: Tensor
    seen: Tensor


def momentum_start(ball, noise):
    return Momentum(PGD.start(ball, noise).images, torch.zeros_like(ball.centre), torch.zeros(len(ball.centre)))


def momentum_step(state, probe, ball):
    velocity = state.velocity + probe.gradient
    assert bool((state.seen == probe.step - 1).all())
    assert probe.loss.shape == state.seen.shape
    moved = ball.project(state.images + probe.step_size * velocity.sign())
    return Momentum(moved, velocity, state.seen + 1)


def test_a_rule_may_remember_more_per_image(net, images, labels, ids, monkeypatch):
    monkeypatch.setitem(ATTACKS._items, "momentum", replace(PGD, start=momentum_start, step=momentum_step))
    spec = parse_attack("momentum6x2-linf@1/255,8/255")
    whole, ones = (attack(net, images, labels, ids, spec, batch_size=n, keep_images=True) for n in (64, 1))
    assert torch.equal(whole.eps_level, ones.eps_level)
    assert torch.equal(whole.step, ones.step)
    assert torch.equal(whole.images, ones.images)


def small_cnn():
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(24, 4)
    ).eval()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return model


def test_the_model_is_left_exactly_as_it_was(images, ids):
    model = small_cnn()
    model[0].weight.requires_grad_(False)
    model[2].train()
    model[5].weight.grad = torch.ones(4, 24)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    flags = [parameter.requires_grad for parameter in model.parameters()]
    rng = torch.get_rng_state()

    attack(model, images, model(images).argmax(1), ids)

    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert [parameter.requires_grad for parameter in model.parameters()] == flags
    assert torch.equal(model[5].weight.grad, torch.ones(4, 24))
    assert all(parameter.grad is None for name, parameter in model.named_parameters() if name != "5.weight")
    assert torch.equal(torch.get_rng_state(), rng)


def test_a_model_whose_parameters_are_frozen_is_attacked_all_the_same(net, images, labels, ids):
    free = attack(net, images, labels, ids)
    frozen = attack(net.requires_grad_(False), images, labels, ids)
    assert torch.equal(free.step, frozen.step)


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", torch.bfloat16)])
def test_modes_around_the_call_change_nothing(images, ids, around):
    model = small_cnn()
    labels = model(images).argmax(1)
    plain = attack(model, images, labels, ids)
    with around():
        inside = attack(model, images + 0, labels + 0, ids + 0)
    assert torch.equal(plain.logits, inside.logits)
    assert torch.equal(plain.step, inside.step)


@pytest.mark.parametrize(("layer", "name"), [(1, "BatchNorm2d"), (3, "Dropout")])
def test_a_layer_in_training_mode_is_refused_by_name(images, labels, ids, layer, name):
    model = small_cnn()
    model[layer].train()
    with pytest.raises(UsageError, match=rf"'{layer}' \({name}\) is in training mode"):
        attack(model, images, labels, ids)


def test_images_labels_and_ids_are_checked(net, images, labels, ids):
    for bad in (images.double(), images[:0], images.flatten(), images * 2, images - 1e-3, images * float("nan")):
        with pytest.raises(DataError, match="Images must"):
            attack(net, bad, labels[: len(bad)], ids[: len(bad)])
    for bad in (labels.int(), labels[:-1], labels - 5):
        with pytest.raises(DataError, match="Labels must be"):
            attack(net, images, bad, ids)
    with pytest.raises(DataError, match="Label 7 is beyond the model's 4 classes"):
        attack(net, images, torch.full_like(labels, 7), ids)
    with pytest.raises(DataError, match="Ids must be"):
        attack(net, images, labels, ids.float())
    with pytest.raises(UsageError, match="Batch size"):
        attack(net, images, labels, ids, batch_size=0)


def test_normalised_images_are_answered_with_advice(net, images, labels, ids):
    with pytest.raises(DataError, match="normalisation inside the model"):
        attack(net, (images - 0.45) / 0.22, labels, ids)


def test_rounding_outside_the_box_is_accepted_and_clipped(net, images, labels, ids):
    outcome = attack(net, images - 3e-8, labels, ids, keep_images=True)
    assert float(outcome.images.min()) == 0.0


def test_a_model_without_a_gradient_is_an_error(images, ids):
    class Stepped(Linear):
        def forward(self, images):
            return super().forward((images > 0.5).float())

    model = Stepped(torch.ones(4, 48), torch.arange(4.0)).eval()
    with pytest.raises(AttackError, match="no gradient with respect to the image"):
        attack(model, images, model(images).argmax(1), ids)
    with pytest.raises(AttackError, match="no gradient with respect to the image"):
        attack(model.requires_grad_(False), images, model(images).argmax(1), ids)


def test_a_model_that_answers_nan_is_an_error(net, images, labels, ids):
    with pytest.raises(AttackError, match="not finite"):
        attack(Scaled(net, float("nan")), images, labels, ids)


def test_a_model_that_does_not_answer_logits_is_refused(net, images, labels, ids):
    with pytest.raises(UsageError, match=r"logits \(40, classes\), got \(40,\)"):
        attack(Wrapped(net, lambda logits: logits[:, 0]), images, labels, ids)


class Wrapped(nn.Module):
    def __init__(self, net, function):
        super().__init__()
        self.net, self.function = net, function

    def forward(self, images):
        return self.function(self.net(images))


class Watched(nn.Module):
    """Notes what each pass of a network may be rounded to."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.tf32: set[bool] = set()

    def forward(self, images: Tensor) -> Tensor:
        self.tf32.add(torch.backends.cudnn.allow_tf32)
        return self.net(images)


def test_every_pass_of_an_attack_is_in_full_precision(net, images, labels, ids):
    watched = Watched(net).eval()
    attack(watched, images, labels, ids, search="as-is")
    square(watched, images, labels, eps="4/255", queries=3)
    assert watched.tf32 == {False}
    assert torch.backends.cudnn.allow_tf32  # PyTorch's default


def test_a_saturated_loss_is_reported(net, images, labels, ids):
    outcome = attack(Scaled(net, 1e4).eval(), images, labels, ids)
    assert len(outcome.warnings) == 1
    assert "of 36 attacked images met a gradient that is zero everywhere" in outcome.warnings[0]


def test_clean_mistakes_alone_end_the_attack_at_once(net, images, labels, ids):
    outcome = attack(net, images, (net(images).argmax(1) + 1) % 4, ids, keep_images=True)
    assert bool((outcome.eps_level == -1).all())
    assert torch.equal(outcome.images, images)


def test_plain_functions_return_adversarial_images(net, images, labels, ids):
    spec = parse_attack("pgd5x2-l2@0.5:step=1/5")
    expected = attack(net, images, labels, ids, spec, keep_images=True)
    found = pgd(net, images, labels, eps=0.5, steps=5, step=0.1, norm="l2", restarts=2, ids=ids)
    assert torch.equal(found, expected.images)
    for function, name in ((fgsm, "fgsm-linf@8/255"), (fgm_l2, "fgm-l2@0.5"), (pgd, "pgd10-linf@8/255")):
        spec = parse_attack(name)
        expected = attack(net, images, labels, torch.arange(40), spec, keep_images=True)
        assert torch.equal(function(net, images, labels), expected.images)


@pytest.mark.gpu
def test_the_gpu_starts_where_the_cpu_does(net, images, labels, ids):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    for name in (
        "fgsm-linf@4/255",
        "pgd5x2-linf@1/255,8/255",
        "pgd5x2-l2@0.1,0.5",
        "mifgsm5-linf@4/255",
        "apgd-dlr5x2-linf@4/255",
        "apgd-t5-l2@0.25",
    ):
        spec = parse_attack(name)
        here = attack(net.cpu(), images, labels, ids, spec, keep_images=True)
        there = attack(net.cuda(), images, labels, ids, spec, batch_size=8, keep_images=True)
        assert torch.equal(here.eps_level, there.eps_level)
        assert torch.allclose(here.images, there.images, atol=1e-5)
