import pytest
import torch
from torchvision.transforms.v2 import functional as v2

from robustsweep.augmentations.erasing.cutout import Cutout
from robustsweep.draws import Draws


@pytest.mark.parametrize("length", [0.25, 0.5, 17 / 32])
def test_the_hole_is_exactly_zero_and_all_else_is_unchanged(length: float) -> None:
    method = Cutout(length)
    images = torch.randn(100, 3, 32, 32, generator=torch.Generator().manual_seed(0)) + 9
    targets = torch.eye(100)
    sample = method.sample(Draws(0, "augmentation/0", torch.arange(100)))
    cut, kept = method.apply(images, targets, sample)
    assert kept is targets
    half = round(32 * length) // 2
    for image, hole, (y, x) in zip(images, cut, (sample * 32).long().tolist(), strict=True):
        top, left, bottom, right = max(y - half, 0), max(x - half, 0), min(y + half, 32), min(x + half, 32)
        wanted = v2.erase(image, top, left, bottom - top, right - left, torch.zeros(1))
        assert torch.equal(hole, wanted)
    erased = (cut == 0).sum((1, 2, 3)) // 3
    assert erased.min() >= half**2
    assert erased.max() <= (2 * half) ** 2


def test_the_mean_erased_share_is_that_of_clipped_holes() -> None:
    method = Cutout(0.5)
    sample = method.sample(Draws(0, "augmentation/0", torch.arange(4000)))
    cut, _ = method.apply(torch.ones(4000, 1, 32, 32), torch.zeros(4000, 1), sample)
    # Along one axis a centre at pixel c sees min(c + 8, 32) - max(c - 8, 0) pixels.
    mean_side = sum(min(c + 8, 32) - max(c - 8, 0) for c in range(32)) / 32
    assert float((cut == 0).double().mean()) == pytest.approx((mean_side / 32) ** 2, rel=0.02)


def test_the_hole_stays_square_in_an_oblong_image() -> None:
    sample = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    cut, _ = Cutout(0.5).apply(torch.ones(1, 1, 16, 40), torch.ones(1, 1), sample)
    assert torch.nonzero(cut[0, 0] == 0).amin(0).tolist() == [4, 16]
    assert torch.nonzero(cut[0, 0] == 0).amax(0).tolist() == [11, 23]


def test_a_hole_hides_even_what_is_not_a_number() -> None:
    sample = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    cut, _ = Cutout(1.0).apply(torch.full((1, 1, 8, 8), torch.nan), torch.ones(1, 1), sample)
    assert torch.equal(cut, torch.zeros(1, 1, 8, 8))
