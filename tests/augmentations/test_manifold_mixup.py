from dataclasses import replace

import pytest
import torch
from stepping_networks import CLASSES, network, step
from torch import Tensor, nn

from robustsweep.augmentations.mixes.manifold_mixup import ManifoldMixup
from robustsweep.augmentations.mixes.mixup import Mixup
from robustsweep.augmentations.parts.layers import find_layer, stages
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.errors import UsageError


def test_at_the_input_it_is_mixup_bit_for_bit() -> None:
    method = ManifoldMixup(layers=("input",))
    given = step(method)
    chance = torch.zeros_like(given.sample[:, :1])
    sample = torch.cat([given.sample[:, :1], chance, given.sample[:, 1:2]], dim=1)
    expected = Mixup(alpha=2.0).loss(replace(given, network=network(), sample=sample))
    assert torch.equal(method.loss(given), expected)


def test_any_layer_of_a_linear_network_gives_one_loss() -> None:
    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer1, self.layer2 = nn.Conv2d(3, 4, 3, bias=False), nn.Conv2d(4, CLASSES, 3, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer2(self.layer1(x)).mean((2, 3))

    torch.default_generator.manual_seed(0)
    net = Linear()
    losses = [
        ManifoldMixup(layers=(layer,)).loss(step(ManifoldMixup(layers=(layer,)), net=net))
        for layer in ("input", "stage1", "stage2", "layer1")
    ]
    assert all(torch.allclose(loss, losses[0], atol=1e-6) for loss in losses)


def test_a_layer_is_mixed_where_it_ends() -> None:
    """A stage's output mixed by hand and passed on by the rest of the network gives the same loss."""
    method, net = ManifoldMixup(layers=("stage2",)), network()
    given = step(method, net=net)
    loss = method.loss(given)
    reference = network()
    hidden = reference.layer2(reference.layer1(torch.relu(reference.bn1(reference.conv1(given.images)))))
    partners, own = torch.argsort(given.sample[:, 0], stable=True), given.sample[:, 1].float()
    mixed = own.view(-1, 1, 1, 1) * hidden + (1 - own.view(-1, 1, 1, 1)) * hidden[partners]
    targets = own[:, None] * given.targets + (1 - own[:, None]) * given.targets[partners]
    logits = reference.linear(reference.layer3(mixed).mean((2, 3)))
    assert torch.allclose(loss, given.criterion(logits, targets).mean(), atol=1e-6)


def test_the_first_image_draws_the_layer_of_the_batch() -> None:
    method = ManifoldMixup()
    given = step(method)
    losses = []
    for number in (0.0, 0.34, 0.67):
        sample = given.sample.clone()
        sample[0, 2] = number
        losses.append(method.loss(replace(given, network=network(), sample=sample)).item())
    singles = [
        ManifoldMixup(layers=(layer,)).loss(replace(given, network=network())).item()
        for layer in ("input", "stage1", "stage2")
    ]
    assert losses == singles
    assert len(set(losses)) == 3


@pytest.mark.parametrize(
    ("architecture", "count"), [("resnet8", 3), ("resnet18", 4), ("preactresnet18", 4), ("wrn-10-1", 3)]
)
def test_built_in_architectures_have_stages(architecture: str, count: int) -> None:
    with torch.device("meta"):
        net = build_architecture(architecture, 10)
    assert len(stages(net)) == count
    assert find_layer(net, "stage-1", "x") is find_layer(net, f"stage{count}", "x")


@pytest.mark.parametrize("layer", ["stage4", "stage-4", "stage0", "layer9", "", "conv"])
def test_an_unknown_layer_is_refused_with_those_there_are(layer: str) -> None:
    method = ManifoldMixup(layers=("input", layer))
    given = step(method)
    with pytest.raises(UsageError, match=r"manifold_mixup: .*stage1 \(layer1\), stage2 \(layer2\), stage3 \(layer3\)"):
        method.loss(given)


def test_a_layer_that_does_not_run_or_runs_twice_is_refused() -> None:
    net = network()
    net.unused = nn.Identity()
    method = ManifoldMixup(layers=("unused",))
    with pytest.raises(UsageError, match="'unused' ran 0 times"):
        method.loss(step(method, net=net))


def test_a_layer_is_found_by_its_path_without_a_walk_through_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    wanted = dict(net.named_modules())["layer2.0"]
    monkeypatch.setattr(nn.Module, "named_modules", lambda *_: pytest.fail("walked"))
    assert find_layer(net, "layer2.0", "x") is wanted


class Encoder(nn.Module):
    """A text classifier as TMix trains them: token embeddings, layers, the mean of all tokens, a linear map."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(d_model=12, nhead=2, dim_feedforward=16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(tokens).mean(1))
        return logits


@pytest.mark.parametrize("place", ["input", "encoder.layers.0", "encoder.layers.1"])
def test_on_token_embeddings_of_a_text_encoder_it_is_tmix(place: str) -> None:
    """Two token sequences pass the lower layers apart, their hidden states are mixed, and one stream goes on."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        net = Encoder().train()
    method = ManifoldMixup(layers=(place,), lambda_fold=True, alpha=0.75)
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(6, 7, 12, generator=generator)
    given = replace(step(method, 6, net=net), images=tokens)
    logits_seen: list[Tensor] = []
    net.register_forward_hook(lambda *seen: logits_seen.append(seen[-1]))
    loss = method.loss(given)
    partners = given.sample[:, 0].argsort(stable=True)
    weight = given.sample[:, 1].maximum(1 - given.sample[:, 1]).float()
    assert weight.min() >= 0.5
    assert (given.sample[:, 1] < 0.5).any()
    a, b, n_lower = tokens, tokens[partners], {"input": 0, "encoder.layers.0": 1, "encoder.layers.1": 2}[place]
    for layer in net.encoder.layers[:n_lower]:
        a, b = layer(a), layer(b)
    hidden = weight.view(-1, 1, 1) * a + (1 - weight.view(-1, 1, 1)) * b
    for layer in net.encoder.layers[n_lower:]:
        hidden = layer(hidden)
    logits = net.head(hidden.mean(1))
    targets = weight[:, None] * given.targets + (1 - weight[:, None]) * given.targets[partners]
    assert torch.allclose(logits_seen[0], logits, atol=1e-5)
    assert torch.allclose(loss, given.criterion(logits, targets).mean(), atol=1e-5)


def test_folded_weights_of_one_are_a_plain_pass() -> None:
    method = ManifoldMixup(layers=("stage1",), lambda_fold=True)
    given = step(method)
    given.sample[:, 1] = 0.0
    expected = given.criterion(network()(given.images), given.targets).mean()
    assert torch.allclose(method.loss(given), expected, atol=1e-6)
