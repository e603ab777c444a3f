import math

import pytest
import torch
import torch.nn.functional as F

from robustsweep.augmentations.mixes.resizemix import Interpolation, ResizeMix
from robustsweep.draws import Draws


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
