from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from stepping_networks import SIDE, N, network, step
from torch import Tensor, nn

from robustsweep.augmentations.mixes.saliency.snapmix import SnapMix
from robustsweep.augmentations.parts.activation_map import activation_maps
from robustsweep.errors import UsageError


def given_boxes(n: int = 2, height: int = 20, width: int = 32) -> tuple[Tensor, Tensor]:
    """Images, and samples that exchange neighbours and take boxes of quarter and half sides about the middle."""
    images = torch.randn(n, 3, height, width, generator=torch.Generator().manual_seed(0))
    sample = torch.full((n, 8), 0.5, dtype=torch.float64)
    sample[:, 0] = torch.arange(n) // 2 * 2 + 1 - torch.arange(n) % 2
    sample[:, 1] = 0
    sample[:, 2], sample[:, 3] = 1 - 0.5**2, 1 - 0.25**2
    return images, sample


def test_a_constant_map_gives_the_boxes_areas() -> None:
    images, sample = given_boxes()
    shares = torch.full((2, 20, 32), 1 / 640)
    mixed, partners, own, other = SnapMix().mix(images, torch.tensor([0, 1]), shares, sample)
    assert partners.tolist() == [1, 0]
    # Sides 10 x 16 in the image, and of 5 and 8 in the partner whole pairs of pixels: 4 x 8.
    assert torch.allclose(own, torch.tensor(1 - 160 / 640))
    assert torch.allclose(other, torch.tensor(32 / 640))
    assert (mixed != images).any(1)[0].sum() == 160
    assert torch.equal(mixed[:, :, :5], images[:, :, :5])


def test_equal_labels_are_both_weighed_by_the_sum() -> None:
    images, sample = given_boxes()
    shares = torch.full((2, 20, 32), 1 / 640)
    _, _, own, other = SnapMix().mix(images, torch.tensor([1, 1]), shares, sample)
    assert torch.allclose(own, torch.tensor(1 - 160 / 640 + 32 / 640))
    assert torch.equal(own, other)


@pytest.mark.parametrize("column", [2, 3])
def test_an_empty_box_mixes_nothing(column: int) -> None:
    images, sample = given_boxes()
    sample[0, column] = 1.0
    for classes in ([0, 1], [1, 1]):
        mixed, _, own, other = SnapMix().mix(images, torch.tensor(classes), torch.full((2, 20, 32), 1 / 640), sample)
        assert torch.equal(mixed[0], images[0])
        assert (own[0], other[0]) == (1, 0)
        assert not torch.equal(mixed[1], images[1])


def test_the_partners_box_is_resized_with_its_corners_on_the_corners() -> None:
    images, sample = given_boxes()
    mixed, *_ = SnapMix().mix(images, torch.tensor([0, 1]), torch.full((2, 20, 32), 1 / 640), sample)
    source = images[1:, :, 8:12, 12:20]
    expected = F.interpolate(source, size=(10, 16), mode="bilinear", align_corners=True)
    assert torch.allclose(mixed[0, :, 5:15, 8:24], expected[0], atol=1e-4)


def test_the_probability_is_the_share_of_images_that_are_mixed() -> None:
    images, sample = given_boxes(4)
    sample[:, 1] = torch.tensor([0.1, 0.29, 0.31, 0.9])
    _, _, own, _ = SnapMix(probability=0.3).mix(images, torch.arange(4), torch.full((4, 20, 32), 1 / 640), sample)
    assert (own < 1).tolist() == [True, True, False, False]


def test_weights_are_shares_of_the_maps() -> None:
    method = SnapMix()
    given = step(method)
    classes = torch.arange(N)
    shares = method._shares(given, given.targets.argmax(1))
    assert (shares >= 0).all()
    assert torch.allclose(shares.sum((1, 2)), torch.ones(N), atol=1e-5)
    images, partners, own, other = method.mix(given.images, classes, shares, given.sample)
    changed = (images != given.images).any(1)
    is_other = partners != torch.arange(N)
    assert torch.allclose(own[is_other], (1 - (shares * changed).sum((1, 2)))[is_other], atol=1e-5)
    # An image that is its own partner has equal labels, which are weighed by the sum.
    assert ((other >= 0) & (other <= 1))[is_other].all()
    assert ((own + other - 1).abs() > 0.01).any()


def test_the_loss_weighs_two_losses() -> None:
    method = SnapMix()
    given = step(method)
    classes = given.targets.argmax(1)
    images, partners, own, other = method.mix(given.images, classes, method._shares(given, classes), given.sample)
    logits = network()(images)
    smooth = lambda logits, targets: F.cross_entropy(logits, targets, label_smoothing=0.1, reduction="none")  # noqa: E731
    expected = own * smooth(logits, given.targets) + other * smooth(logits, given.targets[partners])
    assert torch.allclose(method.loss(replace(given, criterion=smooth)), expected.mean(), atol=1e-6)


def test_a_map_that_is_flat_or_not_finite_becomes_constant() -> None:
    method, net = SnapMix(), network()
    given = step(method, 4, net=net)
    net.linear.weight.data[0] = 0
    net.linear.weight.data[1] = torch.nan
    shares = method._shares(given, torch.tensor([0, 1, 2, 3]))
    assert torch.allclose(shares[:2], torch.tensor(1 / SIDE**2))
    assert (shares[2:] != 1 / SIDE**2).any()


@pytest.mark.parametrize("architecture", ["resnet8", "resnet18", "preactresnet18", "wrn-10-1"])
def test_maps_average_to_the_logit_and_change_nothing(architecture: str) -> None:
    net = network(architecture)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    images = step(SnapMix(), 2).images
    maps = activation_maps(net, images, torch.tensor([1, 3]), "x")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.training
    with torch.no_grad():
        logits = net.eval()(images)
    head = [module for module in net.modules() if isinstance(module, nn.Linear)][-1]
    expected = logits[torch.arange(2), [1, 3]] - head.bias[[1, 3]]
    assert torch.allclose(maps.mean((1, 2)), expected, rtol=1e-3, atol=1e-4)


def test_a_network_of_another_kind_is_refused() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(5))
    net(torch.zeros(1, 3, SIDE, SIDE))
    with pytest.raises(UsageError, match="snapmix needs a network that ends in a linear layer on the mean"):
        SnapMix().loss(step(SnapMix(), net=net))
