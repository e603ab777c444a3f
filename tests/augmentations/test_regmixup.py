from dataclasses import replace

import pytest
import torch
from stepping_networks import criterion, network, step
from torch import Tensor, nn

from robustsweep.augmentations.mixes.mixup import Mixup
from robustsweep.augmentations.mixes.regmixup import RegMixup


class Counted(nn.Module):
    """A linear network that counts its forward passes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 5, bias=False)
        nn.init.constant_(self.linear.weight, 0.25)
        self.rows: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.rows.append(len(images))
        logits: Tensor = self.linear(images.mean((2, 3)) * torch.arange(3))
        return logits * torch.arange(5)


@pytest.mark.parametrize(("average", "weight"), [(True, 1.0), (False, 1.0), (True, 0.5), (False, 3.0)])
def test_the_loss_is_the_sum_or_the_mean_of_both_in_one_pass(average: bool, weight: float) -> None:
    method, net = RegMixup(average=average, mix_weight=weight), Counted()
    given = step(method, net=net)
    loss = method.loss(given)
    assert net.rows == [2 * len(given.images)]
    images, targets = Mixup(alpha=10).apply(given.images, given.targets, given.sample)
    both = criterion(net(given.images), given.targets).mean(), criterion(net(images), targets).mean()
    assert both[0] != both[1]
    assert torch.allclose(loss, (both[0] + weight * both[1]) / (1 + weight if average else 1), atol=1e-6)


def test_without_the_mixed_images_it_is_the_loss_of_the_images() -> None:
    method = RegMixup(mix_weight=0)
    given = step(method, net=Counted())
    assert torch.equal(method.loss(given), criterion(given.network(given.images), given.targets).mean())


def test_both_halves_share_the_statistics_of_the_batch() -> None:
    method, net = RegMixup(), network()
    given = step(method, net=net)
    loss = method.loss(given)
    assert net.bn1.num_batches_tracked == 1
    images, targets = method.apply(given.images, given.targets, given.sample)
    together = criterion(network()(torch.cat([given.images, images])), torch.cat([given.targets, targets])).mean()
    assert torch.allclose(loss, together, atol=1e-6)


def test_weights_gather_at_one_half_as_alpha_grows() -> None:
    spread = []
    for alpha in (10.0, 20.0, 1e6):
        method = RegMixup(alpha=alpha)
        given = step(method, 400)
        spread.append(float(given.sample[:, 2].std()))
        weights = method.apply(given.images[:, :, :2, :2], torch.eye(400), given.sample)[1].diagonal()
    assert torch.allclose(weights[weights < 1], torch.tensor(0.5), atol=5e-3)
    # The deviation of Beta(a, a) is 1 / sqrt(4 (2 a + 1)).
    assert spread[:2] == [pytest.approx(0.109, abs=0.012), pytest.approx(0.078, abs=0.009)]


def test_one_weight_may_hold_for_the_batch() -> None:
    method = RegMixup(per_batch=True)
    given = step(method)
    mixed = method.apply(given.images, torch.eye(len(given.images)), given.sample)[1].diagonal()
    assert len(mixed[mixed < 1].unique()) == 1
    assert torch.isfinite(method.loss(replace(given, network=network())))
