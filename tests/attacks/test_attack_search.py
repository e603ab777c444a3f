"""The search may run on a folded copy of the model; verdicts never do."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustsweep.attacks import engine, parse_attack, run_attack, run_attacks
from robustsweep.attacks import folded_network as folding
from robustsweep.attacks.loops import pool
from robustsweep.errors import UsageError

N = 60
NAMES = ("fgsm-linf@2/255", "pgd5-linf@1/255,4/255", "pgd4x2-l2@0.1,0.4")


class Block(nn.Module):
    """Two convolutions with batch normalisation around a shortcut, and one that follows no convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(self.first(x).relu())).relu()
        return x + self.bn2(self.conv2(out)).relu()


def randomised(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator) * 0.2)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
    for parameter in model.parameters():
        scale = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 1.0
        parameter.data = torch.randn(parameter.shape, generator=generator) * scale
    return model.eval()


@pytest.fixture
def convnet(pictures) -> nn.Module:
    """A network that gives each class to about as many pictures, and is easily fooled."""
    stem = (nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    model = randomised(nn.Sequential(*stem, Block(8), Block(8), nn.Flatten(), nn.Linear(8 * 64, 5)))
    with torch.no_grad():
        model[6].bias -= model(pictures).mean(0)
    return model


@pytest.fixture
def pictures() -> Tensor:
    return torch.rand(N, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def answers(convnet, pictures) -> Tensor:
    """The network's own answers, but for every tenth."""
    with torch.no_grad():
        labels = convnet(pictures).argmax(1)
    labels[::10] = (labels[::10] + 1) % 5
    return labels


def attack(model, images, labels, name, **options):
    order = options.pop("ids", torch.arange(len(images)))
    return run_attack(model, images, labels, parse_attack(name), seed=0, ids=order, **options)


def verdicts(outcome):
    return torch.stack([outcome.eps_level.long(), outcome.restart.long(), outcome.step.long()], dim=1)


def test_the_copy_folds_every_batch_normalisation_that_follows_a_convolution_and_no_other(convnet, pictures):
    before = copy.deepcopy(convnet.state_dict())
    folded, reason = folding.search_model(convnet, pictures)
    assert reason is None
    kinds = {name: type(module) for name, module in folded.named_modules()}
    left = [name for name, kind in kinds.items() if kind is nn.BatchNorm2d]
    assert left == ["3.first", "4.first"]
    assert [name for name, kind in kinds.items() if kind is nn.Identity] == ["1", "3.bn1", "3.bn2", "4.bn1", "4.bn2"]
    with torch.no_grad():
        assert torch.allclose(folded(pictures), convnet(pictures), rtol=0, atol=1e-5)
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert all(torch.equal(value, before[name]) for name, value in convnet.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in folded.modules())


@pytest.mark.parametrize("name", NAMES)
def test_searching_on_the_copy_changes_next_to_no_verdict(convnet, pictures, answers, name):
    folded, plain = (attack(convnet, pictures, answers, name, search=search) for search in ("folded", "as-is"))
    assert folded.warnings == plain.warnings == ()
    exceptions = (verdicts(folded) != verdicts(plain)).any(1)
    assert int(exceptions.sum()) <= 1
    assert 5 < int((plain.eps_level > 0).sum()) < N - 6


@pytest.mark.parametrize("name", NAMES)
def test_order_batch_size_and_packing_change_next_to_no_verdict(convnet, pictures, answers, name, monkeypatch):
    whole = verdicts(attack(convnet, pictures, answers, name))
    order = torch.randperm(N, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(pool, "_POOL_BYTES", 1)
    parts = verdicts(attack(convnet, pictures[order], answers[order], name, ids=order, batch_size=7))
    assert int((whole[order] != parts).any(1).sum()) <= 1


def test_the_copy_is_compared_on_a_few_images_and_not_handed_them_all(convnet, pictures, answers, monkeypatch):
    shown = []
    compared = engine.search_model
    monkeypatch.setattr(engine, "search_model", lambda net, images: shown.append(len(images)) or compared(net, images))
    attack(convnet, pictures, answers, NAMES[0])
    assert shown == [4]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_images_can_be_kept_without_the_others(convnet, pictures, answers, name, monkeypatch):
    monkeypatch.setattr(pool, "_POOL_BYTES", 1)
    spec, options = parse_attack(name), {"seed": 0, "ids": torch.arange(N), "batch_size": 7}
    (whole,) = run_attacks(convnet, pictures, answers, (spec,), keep_images=True, **options)
    (some,) = run_attacks(convnet, pictures, answers, (spec,), keep_first=20, **options)
    assert torch.equal(some.images, whole.images[:20])
    assert torch.equal(verdicts(some), verdicts(whole))
    assert torch.equal(some.logits, whole.logits)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_itself_confirms_every_verdict(convnet, pictures, answers, name):
    outcome = attack(convnet, pictures, answers, name, keep_images=True)
    with torch.no_grad():
        logits = convnet(outcome.images)
    assert torch.allclose(logits, outcome.logits, atol=1e-5)
    n_eps = len(parse_attack(name).eps)
    assert torch.equal(logits.argmax(1) != answers, outcome.eps_level < n_eps)


@pytest.mark.parametrize("search", engine.SEARCHES)
def test_the_search_leaves_the_model_bit_for_bit_as_it_was(convnet, pictures, answers, search):
    convnet[3].conv1.weight.requires_grad_(False)
    convnet[6].weight.grad = torch.ones_like(convnet[6].weight)
    state = copy.deepcopy(convnet.state_dict())
    modules = {name: id(module) for name, module in convnet.named_modules()}
    flags = [(p.requires_grad, p.stride()) for p in convnet.parameters()]
    attack(convnet, pictures, answers, "pgd3-linf@4/255", search=search)
    assert all(torch.equal(value, state[name]) for name, value in convnet.state_dict().items())
    assert {name: id(module) for name, module in convnet.named_modules()} == modules
    assert [(p.requires_grad, p.stride()) for p in convnet.parameters()] == flags
    assert [name for name, p in convnet.named_parameters() if p.grad is not None] == ["6.weight"]
    assert torch.equal(convnet[6].weight.grad, torch.ones_like(convnet[6].weight))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in convnet.modules())


class Alarmist(nn.Module):
    """Answers as a network does, but gives the second class for images whose first pixel is bright."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        alarm = (images[:, 0, 0, 0] > 0.5).float().unsqueeze(1) * 1e3
        logits = self.network(images)
        return logits + alarm * (torch.arange(logits.shape[1]) == (logits.argmax(1, keepdim=True) + 1) % 5)


@pytest.mark.parametrize("name", ["pgd5-linf@1/255,4/255", "pgd5-linf@4/255:start=clean"])
def test_a_false_alarm_of_the_copy_is_not_counted_and_the_image_climbs_on(
    convnet, pictures, answers, name, monkeypatch
):
    honest = attack(convnet, pictures, answers, name, search="as-is", keep_images=True)
    monkeypatch.setattr(engine, "search_model", lambda model, images: (Alarmist(model), None))
    alarmed = attack(convnet, pictures, answers, name, batch_size=16, keep_images=True)
    # A constant added to one logit changes the cross-entropy's gradient, so those that stand need not end at one pixel.
    with torch.no_grad():
        right = convnet(alarmed.images).argmax(1) == answers
    n_eps = len(parse_attack(name).eps)
    assert torch.equal(right, alarmed.eps_level == n_eps)
    bright = (pictures[:, 0, 0, 0] > 0.55) & (honest.eps_level > 0)
    assert int(bright.sum()) > 3
    assert bool((alarmed.eps_level[bright] > 0).any())
    moved = (alarmed.images - pictures).flatten(1).abs().amax(1)
    stood = bright & (alarmed.eps_level == n_eps)
    assert stood.any()
    # Had they been left where the alarm was raised, they would lie within the random start or at the clean image.
    assert bool((moved[stood] > 3.9 / 255).all())
    dark = (pictures[:, 0, 0, 0] < 0.45) & (honest.eps_level != -1)
    assert torch.equal(verdicts(alarmed)[dark], verdicts(honest)[dark])


def test_a_convolution_whose_output_is_used_twice_is_found_out(pictures):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn, self.out = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8 * 36, 5)

        def forward(self, images: Tensor) -> Tensor:
            found = self.conv(images)
            return self.out((self.bn(found) + found).flatten(1))

    model = randomised(Twice())
    outcome = attack(model, pictures, model(pictures).argmax(1), "pgd3-linf@4/255")
    assert len(outcome.warnings) == 1
    assert "folded batch normalisation differs by" in outcome.warnings[0]
    assert outcome.warnings[0].endswith("so the search ran on the network itself.")


def test_a_network_that_cannot_be_copied_is_attacked_itself_and_says_so(convnet, pictures, answers):
    class Single(nn.Sequential):
        def __deepcopy__(self, memo: object) -> nn.Module:
            raise RuntimeError("there is only one of me")

    outcome = attack(Single(convnet).eval(), pictures, answers, "pgd3-linf@4/255")
    plain = attack(convnet, pictures, answers, "pgd3-linf@4/255", search="as-is")
    assert torch.equal(verdicts(outcome), verdicts(plain))
    assert "cannot be copied and folded (RuntimeError: there is only one of me)" in outcome.warnings[0]


def test_a_network_without_convolutions_is_searched_on_as_it_is(net, images):
    assert folding.search_model(net, images) == (net, None)


def test_a_convolution_that_is_called_twice_is_not_folded(pictures):
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn, self.out = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Linear(192, 5)

        def forward(self, images: Tensor) -> Tensor:
            return self.out(self.conv(self.bn(self.conv(images)).relu()).flatten(1))

    folded, reason = folding.search_model(randomised(Recurrent()), pictures)
    assert reason is None
    assert isinstance(folded.bn, nn.BatchNorm2d)


@pytest.mark.parametrize("search", engine.SEARCHES)
def test_single_steps_that_share_a_gradient_give_the_verdicts_of_each_alone(convnet, pictures, answers, search):
    specs = [parse_attack(f"fgsm-linf@{levels}/255") for levels in (1, 2, 4, 8)]
    ids = torch.arange(N)
    options = {"seed": 0, "ids": ids, "batch_size": 16, "keep_images": True, "search": search}
    together = run_attacks(convnet, pictures, answers, specs, **options)
    for spec, shared in zip(specs, together, strict=True):
        alone = run_attack(convnet, pictures, answers, spec, **options)
        assert torch.equal(verdicts(shared), verdicts(alone))
        assert torch.equal(shared.images, alone.images)
        assert torch.equal(shared.logits, alone.logits)
    fallen = [int((outcome.eps_level == 0).sum()) for outcome in together]
    assert len(set(fallen)) > 2, "eps that all do the same would hide a mix-up"


def test_one_gradient_serves_all_eps(convnet, pictures, answers, monkeypatch):
    made = []
    plain = torch.autograd.grad

    def counting(*args, **options):
        made.append(1)
        return plain(*args, **options)

    monkeypatch.setattr(torch.autograd, "grad", counting)
    specs = [parse_attack(f"fgsm-linf@{levels}/255") for levels in (1, 2, 4)]
    run_attacks(convnet, pictures, answers, specs, seed=0, ids=torch.arange(N))
    assert len(made) == 1


def test_no_backward_pass_is_made_when_nobody_is_left(convnet, pictures, answers, monkeypatch):
    made = []
    plain = torch.autograd.grad

    def counting(outputs, inputs, **options):
        made.append(len(inputs))
        return plain(outputs, inputs, **options)

    monkeypatch.setattr(torch.autograd, "grad", counting)
    outcome = attack(convnet, pictures, answers, "pgd50-linf@1/2:step=1/10")
    assert int((outcome.eps_level > 0).sum()) == 0
    assert len(made) <= int(outcome.step.max())


def test_attacks_that_cannot_share_are_refused(convnet, pictures, answers):
    for names in (("fgsm-linf@1/255", "pgd2-linf@1/255"), ("fgsm-linf@1/255", "fgm-l2@0.1"), ()):
        specs = [parse_attack(name) for name in names]
        with pytest.raises(UsageError, match="share a gradient"):
            run_attacks(convnet, pictures, answers, specs, seed=0, ids=torch.arange(N))
    shared = parse_attack("fgsm-linf@1/255")
    with pytest.raises(UsageError, match="share a gradient"):
        run_attacks(
            convnet,
            pictures,
            answers,
            (shared, replace(shared, protocol="torchattacks")),
            seed=0,
            ids=torch.arange(N),
        )
    with pytest.raises(UsageError, match="search"):
        attack(convnet, pictures, answers, "fgsm-linf@1/255", search="sideways")
