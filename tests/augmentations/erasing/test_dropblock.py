from dataclasses import replace

import pytest
import torch
from stepping_networks import network, step
from torch import Tensor, nn

from robustsweep.augmentations.erasing.dropblock import DropBlock, block_mask
from robustsweep.draws import Draws


def masks(n: int, drop: float, block: tuple[int, int], height: int, width: int) -> Tensor:
    uniform = Draws(0, "a", torch.arange(n)).uniform(height - block[0] + 1, width - block[1] + 1)
    return block_mask(uniform, drop, block, height, width)


@pytest.mark.parametrize("block", [(1, 1), (2, 2), (3, 3), (4, 3), (7, 7)])
def test_what_is_dropped_consists_of_whole_blocks(block: tuple[int, int]) -> None:
    mask = masks(200, 0.15, block, 9, 12)
    assert mask.shape == (200, 1, 9, 12)
    dropped = (mask == 0).float()
    # Opening by the block keeps what whole blocks cover.
    eroded = 1 - torch.nn.functional.max_pool2d(1 - dropped, block, stride=1)
    padding = (block[1] - 1, block[1] - 1, block[0] - 1, block[0] - 1)
    opened = torch.nn.functional.max_pool2d(torch.nn.functional.pad(eroded, padding), block, stride=1)
    assert torch.equal(opened, dropped)
    assert dropped.any()


@pytest.mark.parametrize("block", [1, 2, 3])
def test_the_rate_is_what_is_asked_for(block: int) -> None:
    dropped = (masks(3000, 0.05, (block, block), 16, 16) == 0).double().mean()
    assert float(dropped) == pytest.approx(0.05, rel=0.15)


def test_a_block_as_large_as_the_map_drops_all_or_nothing() -> None:
    mask = masks(4000, 0.2, (5, 5), 5, 5).flatten(1)
    assert ((mask == 0).all(1) | (mask == 1).all(1)).all()
    assert float((mask[:, 0] == 0).double().mean()) == pytest.approx(0.2, abs=0.03)


def test_constants_keep_their_mean_in_every_image() -> None:
    mask = masks(300, 0.3, (3, 3), 8, 8)
    mean = mask.mean((1, 2, 3))
    assert torch.allclose(mean[mean > 0], torch.ones(int((mean > 0).sum())), atol=1e-5)
    assert torch.isfinite(block_mask(torch.zeros(1, 6, 6), 0.5, (3, 3), 8, 8)).all()
    assert (block_mask(torch.zeros(1, 6, 6), 0.5, (3, 3), 8, 8) == 0).all()


class Recording(nn.Module):
    """Two stages that return their input, then the mean; keeps what reaches the second stage and the end."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1, self.layer2 = nn.Identity(), nn.Identity()
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        first = self.layer1(x)
        self.seen = [first, self.layer2(torch.ones_like(first))]
        return self.seen[1].mean((2, 3))


def test_the_last_stages_drop_blocks_of_their_own_shared_by_channels() -> None:
    method, net = DropBlock(block_size=3, keep=0.5), Recording()
    given = step(method, 8, net=net)
    given = replace(given, images=torch.ones(8, 5, 16, 16), progress=0.9)
    method.loss(given)
    for seen in net.seen:
        assert torch.equal(seen, seen[:, :1].expand_as(seen))
        assert (seen == 0).flatten(1).any(1).all()
    assert not torch.equal(net.seen[0], net.seen[1])
    alone = Recording()
    method.loss(
        replace(given, network=alone, images=given.images[3:4], targets=given.targets[3:4], sample=given.sample[3:4])
    )
    assert torch.equal(alone.seen[1][0], net.seen[1][3])


def test_dropping_grows_linearly_from_nothing() -> None:
    method = DropBlock(block_size=1, keep=0.5)
    given = step(method, 16)
    shares = []
    for progress in (0.0, 0.5, 1.0):
        net = Recording()
        method.loss(replace(given, network=net, images=torch.ones(16, 5, 32, 32), progress=progress))
        shares.append(float((net.seen[1] == 0).double().mean()))
    assert shares[0] == 0
    assert shares[1] == pytest.approx(0.25, abs=0.02)
    assert shares[2] == pytest.approx(0.5, abs=0.02)


def test_a_block_larger_than_the_map_is_cut_and_nothing_is_dropped_at_the_start() -> None:
    method, net = DropBlock(block_size=50), network()
    given = step(method, net=net, progress=0.0)
    reference = given.criterion(network()(given.images), given.targets).mean()
    assert torch.allclose(method.loss(given), reference)
    assert torch.isfinite(method.loss(replace(given, progress=0.99)))
