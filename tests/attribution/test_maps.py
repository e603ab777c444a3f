"""Maps against closed forms, and what they must not do to a network."""

import copy

import pytest
import torch
from small_networks import PooledHead, batch, linear
from torch import Tensor, nn

from robustsweep.attribution import MAPS, cam, gradcam, guided_backprop, integrated_gradients, saliency, smoothgrad
from robustsweep.attribution.catalogue import find_maps
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.errors import DataError, UsageError

BUILT_IN = ("resnet8", "resnet18", "resnet50", "preactresnet18", "wrn-10-1", "resnet8-w8")


def gradient(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    leaf = images.clone().requires_grad_()
    (found,) = torch.autograd.grad(network(leaf).gather(1, targets[:, None]).sum(), leaf)
    return found


def compute(name: str, network: nn.Module, images: Tensor, targets: Tensor, ids: Tensor | None = None) -> Tensor:
    return MAPS[name].compute(network, images, targets, 7, torch.arange(len(images)) if ids is None else ids)


def test_a_linear_network_has_its_weights_as_gradients():
    network, (images, targets) = linear(), batch()
    weights = network[1].weight.detach()[targets].view_as(images)
    assert torch.allclose(smoothgrad(network, images, targets, samples=4), weights, atol=1e-5)
    assert torch.allclose(integrated_gradients(network, images, targets, steps=3), weights * images, atol=1e-5)
    grey = torch.full((3, 1, 1), 0.5)
    found = integrated_gradients(network, images, targets, steps=3, baseline=grey)
    assert torch.allclose(found, weights * (images - 0.5), atol=1e-5)


@pytest.mark.parametrize(("steps", "tolerance"), [(50, 1e-2), (200, 1e-3)])
@pytest.mark.parametrize("architecture", ["resnet8-w8", "wrn-10-1"])
def test_integrated_gradients_add_up_to_the_rise_of_the_logit(architecture: str, steps: int, tolerance: float):
    network, (images, targets) = build_architecture(architecture, 4), batch(1 if steps > 50 else 2)
    images = images[:, :, :8, :8].contiguous()
    found = integrated_gradients(network, images, targets, steps=steps).sum((1, 2, 3))
    with torch.no_grad():
        rise = (network(images) - network(torch.zeros_like(images))).gather(1, targets[:, None])[:, 0]
    assert torch.allclose(found, rise, rtol=tolerance, atol=1e-6)


def test_smoothgrad_without_noise_is_the_gradient_and_has_its_scale_from_each_image():
    network, (images, targets) = PooledHead().eval(), batch()
    plain = gradient(network, images, targets)
    assert torch.allclose(smoothgrad(network, images, targets, sigma=0.0), plain, atol=1e-7)
    seen: list[Tensor] = []
    network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    images = images * torch.tensor([1.0, 0.5, 0.1]).view(3, 1, 1, 1)
    smoothgrad(network, images, targets, samples=40, sigma=0.2)
    noise = (torch.stack(seen) - images).std((0, 2, 3, 4))
    expected = 0.2 * (images.amax((1, 2, 3)) - images.amin((1, 2, 3)))
    assert torch.allclose(noise, expected, rtol=0.02)
    flat = torch.full_like(images, 0.3)
    assert torch.allclose(smoothgrad(network, flat, targets, samples=2), gradient(network, flat, targets), atol=1e-7)


def test_cam_averages_to_the_logit_without_bias_and_gradcam_is_its_positive_part():
    network, (images, targets) = PooledHead().eval(), batch(4)
    maps = cam(network, images, targets)
    logits = network(images).detach()
    assert torch.allclose(maps.mean((1, 2)), (logits - network.head.bias).gather(1, targets[:, None])[:, 0], atol=1e-5)
    assert torch.allclose(gradcam(network, images, targets), maps.relu() / maps[0].numel(), atol=1e-6)


@pytest.mark.parametrize("architecture", ["resnet8", "resnet18", "preactresnet18", "wrn-10-1"])
def test_gradcam_is_the_positive_part_of_cam_on_built_in_networks(architecture: str):
    network, (images, targets) = build_architecture(architecture, 4), batch(2)
    maps = cam(network, images, targets)
    assert torch.allclose(gradcam(network, images, targets), maps.relu() / maps[0].numel(), rtol=1e-3, atol=1e-5)


def test_maps_that_speak_against_the_class_everywhere_are_zero_and_not_scaled_up():
    network, (images, targets) = PooledHead().eval(), batch()
    nn.init.constant_(network.head.weight, -1.0)
    assert (cam(network, images, targets) <= 0).all()
    assert not gradcam(network, images, targets).any()
    assert not saliency(cam(network, images, targets), (16, 16)).any()


def test_guided_backprop_by_hand_on_one_layer():
    network = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(2, 4, bias=False))
    network[0].weight.data = torch.tensor([[1.0, 2.0, -1.0], [-1.0, 1.0, 1.0]]).view(2, 3, 1, 1)
    network[3].weight.data = torch.tensor([[3.0, 5.0], [-3.0, 5.0], [-3.0, -5.0], [3.0, -5.0]])
    both, first = torch.tensor([0.5, 0.5, 0.25]), torch.tensor([0.9, 0.1, 0.2])
    images = torch.stack([both, both, both, both, first, first]).view(6, 3, 1, 1)
    found = guided_backprop(network.eval(), images, torch.tensor([0, 1, 2, 3, 0, 1])).view(6, 3)
    up, down = torch.tensor([3.0, 6.0, -3.0]), torch.tensor([-5.0, 5.0, 5.0])
    # The units are both active in the first four images, the first alone in the last two.
    assert torch.allclose(found, torch.stack([up + down, down, 0 * up, up, up, 0 * up]))


@pytest.mark.parametrize("architecture", BUILT_IN)
def test_guided_backprop_is_not_the_plain_gradient_where_networks_call_functions(architecture: str):
    network, (images, targets) = build_architecture(architecture, 4), batch(2)
    plain, guided = gradient(network, images, targets), guided_backprop(network, images, targets)
    assert (guided - plain).norm() > 0.1 * plain.norm()


class Calls(nn.Module):
    """A network whose ReLU is one of many ways to write it."""

    def __init__(self, rectify) -> None:
        super().__init__()
        self.body, self.rectify = PooledHead(seed=3), rectify

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.rectify(self.body.second(self.rectify(self.body.first(images))))
        return self.body.head(hidden.mean((2, 3)))


FORMS = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "torch.relu": torch.relu,
    "Tensor.relu": lambda values: values.relu(),
    "Tensor.relu_": lambda values: values.relu_(),
    "functional in place": lambda values: nn.functional.relu(values, inplace=True),
    "relu6": lambda values: nn.functional.relu6(values),
    "ReLU6": nn.ReLU6(inplace=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_guided_backprop_sees_every_form_of_relu(form: str):
    images, targets = batch()
    expected = guided_backprop(Calls(nn.functional.relu).eval(), images, targets)
    network = Calls(FORMS[form]).eval()
    assert torch.allclose(guided_backprop(network, images, targets), expected, atol=1e-6)
    assert not torch.allclose(gradient(network, images, targets), expected, atol=1e-4)


def flipped(network: PooledHead) -> PooledHead:
    mirrored = copy.deepcopy(network)
    for layer in (mirrored.first, mirrored.second):
        layer.weight.data = layer.weight.data.flip(3)
    return mirrored


@pytest.mark.parametrize("name", MAPS)
def test_a_mirrored_network_has_mirrored_maps(name: str):
    network, (images, targets) = PooledHead().eval(), batch()
    if name == "smoothgrad":  # its noise belongs to an image and is not mirrored with it
        mine, other = (
            smoothgrad(one, shown, targets, sigma=0.0)
            for one, shown in ((network, images), (flipped(network), images.flip(3)))
        )
    else:
        mine = compute(name, network, images, targets)
        other = compute(name, flipped(network), images.flip(3), targets)
    assert torch.allclose(other, mine.flip(-1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MAPS)
def test_a_batch_equals_its_singles_and_the_network_stays_as_it_was(name: str):
    network, (images, targets) = build_architecture("resnet8-w8", 4), batch()
    network.train()
    network.layer1.eval()
    network.linear.weight.requires_grad_(False)
    before = copy.deepcopy(network)
    ids = torch.tensor([5, 1 << 40, -3])
    together = compute(name, network, images, targets, ids)
    for row in range(3):
        one = slice(row, row + 1)
        alone = compute(name, network, images[one], targets[one], ids[one])
        assert torch.allclose(together[one], alone, rtol=1e-3, atol=1e-5)
    assert together.dtype == torch.float32
    assert not together.requires_grad
    for (_, value), (_, old) in zip(network.state_dict().items(), before.state_dict().items(), strict=True):
        assert torch.equal(value, old)
    for module, old in zip(network.modules(), before.modules(), strict=True):
        assert module.training == old.training
        assert [*module._forward_hooks, *module._backward_hooks, *module._forward_pre_hooks] == []
    for parameter, old in zip(network.parameters(), before.parameters(), strict=True):
        assert parameter.requires_grad == old.requires_grad
        assert parameter.grad is None


def test_maps_are_made_inside_no_grad_and_autocast_alike():
    network, (images, targets) = PooledHead().eval(), batch()
    expected = guided_backprop(network, images, targets)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(guided_backprop(network, images, targets), expected)


class Tokens(nn.Module):
    """A patch embedding and one layer of attention, as of a transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, stride=4)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(images).flatten(2).transpose(1, 2)).mean(1))


class Gated(PooledHead):
    """A gate per channel, computed along the channels, as efficient channel attention does."""

    def features(self, images: Tensor) -> Tensor:
        found = super().features(images)
        weights = nn.functional.conv1d(found.mean((2, 3)).unsqueeze(1), torch.ones(1, 1, 3), padding=1)
        return found * weights.sigmoid().view(len(images), -1, 1, 1)


def test_the_feature_map_is_the_one_before_the_pooling():
    features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 4))
    images, targets = batch()
    assert gradcam(features.eval(), images, targets).shape == (3, 14, 14)


def test_gates_of_channels_are_no_tokens():
    images, targets = batch()
    assert gradcam(Gated().eval(), images, targets).shape == (3, 16, 16)


def test_what_a_network_cannot_show_is_said():
    images, targets = batch()
    with pytest.raises(UsageError, match="cam needs a network that ends in a linear layer on the mean"):
        cam(linear(), images, targets)
    with pytest.raises(UsageError, match="gradcam needs a convolutional network .* computes none"):
        gradcam(linear(), images, targets)
    with pytest.raises(UsageError, match="gradcam needs a convolutional network .* attends to tokens"):
        gradcam(Tokens().eval(), images, targets)
    with pytest.raises(UsageError, match="guided_backprop needs a network with ReLU"):
        guided_backprop(Calls(nn.functional.silu).eval(), images, targets)
    with pytest.raises(UsageError, match="did you mean 'gradcam'"):
        find_maps(["grad-cam"])
    with pytest.raises(UsageError, match="at least one map"):
        find_maps([])


@pytest.mark.parametrize("name", MAPS)
def test_bad_input_is_refused_by_every_map(name: str):
    network, (images, targets) = PooledHead().eval(), batch()
    with pytest.raises(DataError, match=r"must lie in \[0, 1\]"):
        compute(name, network, images * 255, targets)
    with pytest.raises(DataError, match="Label 9 is beyond the model's 4 classes"):
        compute(name, network, images, targets + 7)
    with pytest.raises(DataError, match="Labels must be int64"):
        compute(name, network, images, targets.float())
    with pytest.raises(DataError, match="Images must be float32"):
        compute(name, network, images.double(), targets)
    with pytest.raises(UsageError, match="must be a torch.nn.Module"):
        compute(name, lambda shown: shown, images, targets)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_numbers_out_of_range_are_refused(value: float):
    network, (images, targets) = PooledHead().eval(), batch()
    with pytest.raises(UsageError, match="sigma must be"):
        smoothgrad(network, images, targets, sigma=value)
    with pytest.raises(UsageError, match="samples must be 1 or more"):
        smoothgrad(network, images, targets, samples=0)
    with pytest.raises(UsageError, match="steps must be 1 or more"):
        integrated_gradients(network, images, targets, steps=0)
    with pytest.raises(DataError, match="must broadcast"):
        integrated_gradients(network, images, targets, baseline=torch.zeros(5, 5))


def test_saliency_adds_colours_and_enlarges_activation_maps():
    pixels = torch.tensor([[1.0, -2.0], [0.0, 3.0]]).view(1, 1, 2, 2).repeat(1, 3, 1, 1)
    pixels[:, 0] *= -1  # colours that would cancel each other
    assert torch.equal(saliency(pixels, (2, 2)), torch.tensor([[[3.0, 6.0], [0.0, 9.0]]]))
    found = saliency(torch.tensor([[[1.0, -1.0]]]), (1, 4))
    assert torch.allclose(found, torch.tensor([[[1.0, 0.5, 0.0, 0.0]]]))
