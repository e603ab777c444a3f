import itertools
import math
from dataclasses import replace

import pytest
import torch
from stepping_networks import CLASSES, SIDE, N, criterion, network, step
from torch import Tensor, nn

from robustsweep.augmentations.method import Step
from robustsweep.augmentations.mixes.saliency import puzzlemix
from robustsweep.augmentations.mixes.saliency.adversarial_noise import AdversarialNoise
from robustsweep.augmentations.mixes.saliency.puzzlemix import PuzzleMix, edge_steps
from robustsweep.augmentations.network_method import unit_sum
from robustsweep.augmentations.parts.transport import moved, squared_distances, transport_plan
from robustsweep.draws import Draws
from robustsweep.errors import UsageError


def test_edges_are_measured_between_the_rows_on_either_side() -> None:
    above, below = torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
    above[..., 7, :8], below[..., 8, :8] = 3.0, 1.0
    assert edge_steps(above, below, 2).tolist() == [[[2.0, 0.0]]]
    assert edge_steps(below, above, 2).tolist() == [[[0.0, 0.0]]]
    rows = torch.arange(16.0).view(1, 1, 16, 1).expand(1, 1, 16, 16)
    assert torch.equal(edge_steps(rows, rows, 16), torch.ones(1, 15, 16))


Pair = tuple[Tensor, Tensor]


def naive_cost(method: PuzzleMix, saliency: Pair, images: Pair, weight: float, shares: Tensor) -> float:
    """The cost of one image's shares, shape (n, n), block by block and edge by edge.

    Whole shares of two neighbours cost what the text says; others follow the one function that is linear in each but
    for a multiple of the squared difference, and agrees there.
    """
    own, other = saliency
    n = len(shares)
    smoothness = method.smoothness / (16 * n)
    chance = {0.0: (1 - weight) ** 2, 0.5: 2 * weight * (1 - weight), 1.0: weight**2}
    total = 0.0
    for share, a, b in zip(shares.flatten().tolist(), own.flatten().tolist(), other.flatten().tolist(), strict=True):
        total += share * b + (1 - share) * a - method.prior / n**2 * math.log(chance[share] + 1e-8)
    for transpose in (False, True):
        grid = shares.T if transpose else shares
        a, b = (each.transpose(2, 3) if transpose else each for each in images)
        pairs = {(z, w): (a if z else b, a if w else b) for z in (0, 1) for w in (0, 1)}
        corner = {
            key: smoothness * (float(key[0] != key[1]) + method.step_weight * edge_steps(*pairs[key], n)[0])
            for key in pairs
        }
        upper, lower = grid[:-1], grid[1:]
        square = (corner[1, 0] + corner[0, 1] - corner[1, 1] - corner[0, 0]) / 2
        first = corner[1, 0] - corner[0, 0] - square
        second = corner[0, 1] - corner[0, 0] - square
        total += float((corner[0, 0] + first * upper + second * lower + square * (upper - lower) ** 2).sum())
    return total


@pytest.mark.parametrize("smoothness", [1.2, 8.0])
def test_no_mask_is_cheaper(smoothness: float) -> None:
    generator = torch.Generator().manual_seed(0)
    method = PuzzleMix(smoothness=smoothness, step_weight=0.8, prior=0.05)
    # Steps are seen between strips of two pixels: squares of four equal ones have the same.
    pixels, partner = torch.rand(2, 10, 3, 8, 8, generator=generator).repeat_interleave(2, 3).repeat_interleave(2, 4)
    own, other = (unit_sum(torch.rand(10, 2, 2, generator=generator)) for _ in range(2))
    weight = torch.linspace(0.3, 0.7, 10, dtype=torch.float64)
    levels = method.levels(own, other, pixels, partner, weight)
    assert levels.unique().tolist() == [0, 1, 2]
    masks = [torch.tensor(mask).view(2, 2) / 2 for mask in itertools.product(range(3), repeat=4)]
    for k in range(10):
        given = (own[k], other[k]), (pixels[k : k + 1], partner[k : k + 1]), float(weight[k])
        least = min(naive_cost(method, *given, mask) for mask in masks)
        assert naive_cost(method, *given, levels[k] / 2) == pytest.approx(least, abs=2e-5)


def test_masks_follow_the_weight_and_without_smoothness_the_saliency() -> None:
    generator = torch.Generator().manual_seed(0)
    own, other = (unit_sum(torch.rand(N, 4, 4, generator=generator)) for _ in range(2))
    flat = torch.zeros(N, 3, SIDE, SIDE)
    ones = torch.ones(N, dtype=torch.float64)
    free = PuzzleMix(smoothness=0.0, prior=0.0)
    assert torch.equal(free.levels(own, other, flat, flat, 0.5 * ones), 2 * (own > other).long())
    shares = [PuzzleMix().levels(own, other, flat, flat, w * ones).double().mean() for w in (0.01, 0.5, 0.99)]
    assert shares[0] < shares[1] < shares[2]
    stiff = PuzzleMix(smoothness=1e3).levels(own, other, flat, flat, 0.5 * ones).flatten(1)
    assert torch.equal(stiff, stiff[:, :1].expand(-1, 16))


def test_every_grid_is_used_and_shares_are_whole_half_blocks() -> None:
    method = PuzzleMix(transport_price=0.0)
    given = step(method, 64)
    given.targets.zero_()
    given.targets[:32, 0], given.targets[32:, 1] = 1, 1
    _, targets = method.augment(given)
    n = torch.tensor([2, 4, 8, 16])[(given.sample[:, 1] * 4).long()]
    assert n.unique().tolist() == [2, 4, 8, 16]
    halves = targets[:, 0] * 2 * n**2
    assert torch.allclose(halves, halves.round(), atol=1e-4)


def test_a_plan_is_a_permutation_that_brings_salient_blocks_under_the_mask() -> None:
    generator = torch.Generator().manual_seed(0)
    saliency = unit_sum(torch.rand(N, 8, 8, generator=generator))
    mask = (torch.rand(N, 8, 8, generator=generator) < 0.5).float()
    for price in (0.0, 0.8, 1e-3):
        plan = transport_plan(saliency, mask, price)
        assert torch.equal(plan.sort(1).values, torch.arange(64).expand(N, 64))
    kept = [(saliency.flatten(1).gather(1, transport_plan(saliency, mask, p)) * mask.flatten(1)).sum() for p in (9, 0)]
    assert kept[0] == (saliency * mask).sum()
    assert kept[1] > kept[0]


def test_one_salient_block_moves_to_the_nearest_place_of_the_mask() -> None:
    saliency, mask = torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)
    saliency[0, 0, 0], mask[0, 0, 2], mask[0, 3, 3] = 1.0, 1.0, 1.0
    assert transport_plan(saliency, mask, 0.1)[0, 2] == 0
    assert torch.equal(transport_plan(saliency, mask, 10.0), torch.arange(16)[None])
    assert squared_distances(4, torch.device("cpu"))[0, 15] == 2


def test_blocks_are_moved_whole() -> None:
    images = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    plan = torch.stack([torch.arange(16), torch.arange(16).flip(0)])
    out = moved(images, plan)
    assert torch.equal(out[0], images[0])
    assert torch.equal(out[1, :, :2, :3], images[1, :, 6:, 9:])
    assert torch.equal(out[1, :, 2:4, 6:9], images[1, :, 4:6, 3:6])


@pytest.mark.parametrize(
    ("neighbour_px", "n", "strip"), [(2, 16, 2), (4, 8, 4), (4, 16, 2), (4, 2, 4), (3, 8, 2), (1, 4, 1)]
)
def test_steps_are_measured_between_strips_that_divide_the_blocks(
    neighbour_px: int, n: int, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    own, other = (unit_sum(torch.rand(4, n, n, generator=generator)) for _ in range(2))
    pixels = torch.rand(2, 4, 3, SIDE, SIDE, generator=generator)
    weight = torch.full((4,), 0.5, dtype=torch.float64)
    seen: list[tuple[int, ...]] = []

    def watched(above: Tensor, below: Tensor, n: int) -> Tensor:
        seen.append(tuple(above.shape[2:]))
        return edge_steps(above, below, n)

    monkeypatch.setattr(puzzlemix, "edge_steps", watched)
    PuzzleMix(neighbour_px=neighbour_px).levels(own, other, pixels[0], pixels[1], weight)
    assert set(seen) == {(SIDE // strip, SIDE // strip)}


class Linear(nn.Module):
    """Logits that are linear in the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * SIDE * SIDE, CLASSES)
        nn.init.normal_(self.linear.weight, std=0.02, generator=torch.Generator().manual_seed(0))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(images.flatten(1))
        return logits


def gradient_of(loss: Tensor, net: Linear) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, net.linear.weight)
    return gradient


def test_the_clean_loss_is_added_with_its_weight() -> None:
    net = Linear()
    given = step(PuzzleMix(), net=net)
    mixed = gradient_of(PuzzleMix().loss(given), net)
    clean = gradient_of(criterion(net(given.images), given.targets).mean(), net)
    both = gradient_of(PuzzleMix(clean_weight=0.7).loss(given), net)
    # A linear network has one gradient in both modes, so that the masks are the same.
    assert torch.allclose(both, mixed + 0.7 * clean, atol=1e-6)
    assert not torch.allclose(both, mixed, atol=1e-4)


def test_the_clean_loss_costs_no_further_pass_and_counts_in_the_statistics() -> None:
    net, passes = network(), []
    net.register_forward_pre_hook(lambda module, _: passes.append(module.training))
    PuzzleMix(clean_weight=1).loss(step(PuzzleMix(), net=net)).backward()
    assert passes == [True, True]
    assert net.bn1.num_batches_tracked == 2


def noisy_step(method: PuzzleMix, n: int = 40) -> Step:
    """One step on pixels that reach both ends of their range."""
    given = step(method, n, net=Linear())
    pixels = (given.images * 0.3 + 0.5).clamp(0, 1)
    mean, std = torch.full((1, 3, 1, 1), 0.4), torch.tensor([0.2, 0.25, 0.3]).view(1, 3, 1, 1)
    return replace(given, images=(pixels - mean) / std, mean=mean, std=std)


def test_noise_stays_within_eps_and_the_pixels_range_and_raises_the_loss() -> None:
    eps = 10 / 255
    given = noisy_step(PuzzleMix(), 300)
    numbers = Draws(0, "noise", torch.arange(300)).uniform(5)
    noise = AdversarialNoise.drawn(given, numbers, 0.3, eps)
    start = noise.started(given.images)
    images = start.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(criterion(given.network(images), given.targets).sum(), images)
    assert given.std is not None
    assert given.mean is not None
    asked = (numbers[:, :2] < 0.3).unbind(1)
    before = criterion(given.network(given.images), given.targets)
    for chosen, made in zip((asked[0] | asked[1], *asked), (start, *noise.added(given.images, gradient)), strict=True):
        change = (made - given.images) * given.std
        assert change.abs().max() <= eps + 1e-6
        pixels = made * given.std + given.mean
        assert pixels.min() >= -1e-6
        assert pixels.max() <= 1 + 1e-6
        assert torch.equal(made[~chosen], given.images[~chosen])
        assert (change[chosen].flatten(1).abs().amax(1) > 1e-4).double().mean() > 0.9
        if made is not start:
            after = criterion(given.network(made), given.targets)
            assert (after[chosen] > before[chosen]).double().mean() > 0.9
    assert [0.2 < float(each.double().mean()) < 0.4 for each in asked] == [True, True]


def test_what_is_drawn_for_noise_follows_and_none_of_it_changes_nothing() -> None:
    method = PuzzleMix(adversarial_probability=0.5)
    given = noisy_step(method)
    assert given.sample.shape[1] == 8
    assert torch.equal(given.sample[:, :3], noisy_step(PuzzleMix()).sample)
    plain = PuzzleMix().augment(replace(given, sample=given.sample[:, :3]))
    assert all(
        torch.allclose(a, b, atol=1e-5)
        for a, b in zip(PuzzleMix(adversarial_probability=0.5, adversarial_eps=0.0).augment(given), plain, strict=True)
    )
    assert not torch.allclose(method.augment(given)[0], plain[0], atol=1e-3)
    assert torch.isfinite(replace(method, clean_weight=1.0).loss(given))
    assert (PuzzleMix().overlaps_attacks, method.overlaps_attacks) == (False, True)


def test_noise_needs_to_know_valid_pixels() -> None:
    method = PuzzleMix(adversarial_probability=0.5)
    with pytest.raises(UsageError, match="mean and std"):
        method.loss(step(method, net=Linear()))
