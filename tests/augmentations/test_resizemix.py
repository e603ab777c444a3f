import math

import pytest
import torch
import torch.nn.functional as F

from robustsweep.augmentations.mixes.resizemix import Interpolation, ResizeMix, Source, Target
from robustsweep.augmentations.parts.saliency import fine_grained_saliency
from robustsweep.augmentations.parts.windows import fullest_window
from robustsweep.draws import Draws
from robustsweep.errors import UsageError


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [(32, 32), (20, 33), (8, 8)])
def test_the_patch_is_the_resized_partner_inside_the_image(interpolation: Interpolation, size: tuple[int, int]) -> None:
    method = ResizeMix(interpolation=interpolation)
    n, (height, width) = 80, size
    partners = torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(0))
    shape = method.sample_shape(Draws(0, "augmentation/0", torch.arange(n)))
    mask, pasted = method.blend(shape, partners)
    for row, (scale, centre_y, centre_x) in enumerate(shape.tolist()):
        h, w = max(1, int(scale * height)), max(1, int(scale * width))
        top = min(max(int(centre_y * height) - h // 2, 0), height - h)
        left = min(max(int(centre_x * width) - w // 2, 0), width - w)
        window = torch.zeros(size)
        window[top : top + h, left : left + w] = 1
        assert torch.equal(1 - mask[row, 0], window)
        flags = {} if interpolation == "nearest" else {"align_corners": False}
        wanted = F.interpolate(partners[row : row + 1], (h, w), mode=interpolation, **flags)[0]
        assert torch.allclose(pasted[row, :, top : top + h, left : left + w], wanted, atol=1e-5)


def test_the_label_weight_is_what_the_patch_leaves_and_has_its_known_mean() -> None:
    shape = ResizeMix().sample_shape(Draws(0, "augmentation/0", torch.arange(20_000)))
    sides = (shape[:, 0] * 32).long()
    own = 1 - (sides.double() / 32) ** 2
    assert shape[:, 0].min() >= 0.1
    assert shape[:, 0].max() < 0.8
    assert 0.36 < own.min() < 0.4
    assert float(own.mean()) == pytest.approx(0.77, abs=0.006)


def test_every_place_occurs() -> None:
    n = 4000
    method = ResizeMix(scale_low=0.25, scale_high=0.25)
    shape = method.sample_shape(Draws(0, "augmentation/0", torch.arange(n)))
    mask, _ = method.blend(shape, torch.zeros(n, 1, 16, 16))
    tops = (1 - mask)[:, 0].amax(2).argmax(1)
    counts = torch.bincount(tops, minlength=13).double()
    # Centres 0 to 2 are shifted to the first place and 14 and 15 to the last one.
    share = torch.tensor([3.0, *[1.0] * 11, 2.0], dtype=torch.float64) / 16
    assert len(counts) == 13
    assert ((counts / n - share).abs() < 4 * math.sqrt(3 / 16 / n)).all()


def test_the_fullest_window_is_that_of_all_windows() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(60, 7, 9, generator=generator)
    height, width = (torch.randint(1, most + 1, (60,), generator=generator) for most in (7, 9))
    top, left = fullest_window(weights, height, width)
    for row, (h, w) in enumerate(zip(height.tolist(), width.tolist(), strict=True)):
        sums = {(y, x): float(weights[row, y : y + h, x : x + w].sum()) for y in range(8 - h) for x in range(10 - w)}
        assert sums[int(top[row]), int(left[row])] == pytest.approx(max(sums.values()), abs=1e-5)
    first = fullest_window(torch.ones(1, 7, 9), torch.tensor([3]), torch.tensor([2]))
    assert [int(each) for each in first] == [0, 0]


@pytest.mark.parametrize("source", ["salient", "non_salient", "random"])
def test_a_cut_source_is_part_of_the_partner_as_it_is(source: Source) -> None:
    n, method = 40, ResizeMix(source=source)
    partners = torch.randn(n, 3, 20, 28, generator=torch.Generator().manual_seed(0))
    shape = method.sample_shape(Draws(0, "augmentation/0", torch.arange(n)))
    assert torch.equal(shape[:, :3], ResizeMix().sample_shape(Draws(0, "augmentation/0", torch.arange(n))))
    mask, pasted = method.blend(shape, partners)
    assert torch.equal(mask, ResizeMix().blend(shape[:, :3], partners)[0])
    saliency, tops = fine_grained_saliency(partners), set()
    for row in range(n):
        window = mask[row, 0] == 0
        h, w = int(window.any(1).sum()), int(window.any(0).sum())
        parts = partners[row].unfold(1, h, 1).unfold(2, w, 1)
        found = (parts == pasted[row][:, window].view(3, 1, 1, h, w)).flatten(3).all(3).all(0)
        assert found.sum() == 1
        tops.add(int(found.any(1).int().argmax()))
        sums = saliency[row].unfold(0, h, 1).unfold(1, w, 1).sum((2, 3))
        wanted = {"salient": sums.max(), "non_salient": sums.min(), "random": sums[found][0]}[source]
        assert float(sums[found]) == pytest.approx(float(wanted), rel=1e-4)
    assert len(tops) > 5


@pytest.mark.parametrize("target", ["salient", "non_salient"])
@pytest.mark.parametrize("size", [(32, 32), (20, 33)])
def test_a_target_region_covers_what_is_salient_or_avoids_it(target: Target, size: tuple[int, int]) -> None:
    generator, n = torch.Generator().manual_seed(0), 30
    method = ResizeMix(target=target)
    images = torch.randn(n, 3, *size, generator=generator)
    sample = method.sample(Draws(0, "augmentation/0", torch.arange(n)))
    mixed, targets = method.apply(images, torch.eye(n), sample)
    saliency = fine_grained_saliency(images)
    n_seen = 0
    for row, partner in enumerate(torch.argsort(sample[:, 0]).tolist()):
        if partner == row:
            continue
        kept = (mixed[row] == images[row]).all(0)
        h, w = (max(1, int(float(sample[row, 2]) * side)) for side in size)
        assert float(targets[row, row]) == pytest.approx(1 - h * w / (size[0] * size[1]), abs=1e-6)
        windows = saliency[row].unfold(0, h, 1).unfold(1, w, 1).sum((2, 3))
        wanted = windows.max() if target == "salient" else windows.min()
        n_seen += 1
        assert float(saliency[row][~kept].sum()) == pytest.approx(float(wanted), rel=1e-4)
    assert n_seen > 20


def test_a_constant_image_keeps_the_drawn_place() -> None:
    n = 30
    constant = torch.arange(n).float().view(n, 1, 1, 1).expand(n, 3, 24, 24).contiguous()
    sample = ResizeMix().sample(Draws(0, "augmentation/0", torch.arange(n)))
    plain = ResizeMix().apply(constant, torch.eye(n), sample)
    for method in (ResizeMix(target="salient"), ResizeMix(source="non_salient"), ResizeMix(target="non_salient")):
        assert torch.equal(method.apply(constant, torch.eye(n), sample)[0], plain[0])


def test_a_cut_patch_is_not_resized() -> None:
    with pytest.raises(UsageError, match="interpolation must be 'nearest' unless source='whole'"):
        ResizeMix(source="salient", interpolation="bilinear")
