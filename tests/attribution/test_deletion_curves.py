"""Deletion and insertion against closed forms."""

import pytest
import torch
from small_networks import batch
from torch import Tensor, nn

from robustsweep.attribution.deletion_curves import STEPS, deletion_and_insertion
from robustsweep.attribution.explained import explaining


class OnePixel(nn.Module):
    """Two classes; the probability of class 1 rests on the pixel at (2, 3) alone."""

    def forward(self, images: Tensor) -> Tensor:
        evidence = 50 * (images[:, :, 2, 3].mean(1) - 0.7)
        return torch.stack([torch.zeros_like(evidence), evidence], dim=1)


def curves(images: Tensor, saliency: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    targets = torch.ones(len(images), dtype=torch.int64)
    ids = torch.arange(len(images))
    with explaining(OnePixel(), images, targets, "x") as explained:
        return deletion_and_insertion(explained, images, targets, saliency, seed=seed, ids=ids)


def test_the_pixel_that_decides_goes_first_or_last():
    images = 0.4 * batch(2)[0]
    images[:, :, 2, 3] = 1.0
    first = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0))
    last = first.clone()
    first[:, 2, 3], last[:, 2, 3] = 2.0, -0.0
    last += 1e-9
    last[:, 2, 3] = 0.0
    deletion, insertion = curves(images, first)
    # Gone after the first of the steps: half a trapezoid is left.
    assert torch.allclose(deletion, torch.full((2,), 0.5 / STEPS, dtype=torch.float64), atol=1e-4)
    assert torch.allclose(insertion, 1 - deletion, atol=1e-4)
    deletion, insertion = curves(images, last)
    assert torch.allclose(deletion, torch.full((2,), 1 - 0.5 / STEPS, dtype=torch.float64), atol=1e-4)
    assert torch.allclose(insertion, 1 - deletion, atol=1e-4)


def test_a_map_without_mass_has_no_curve_and_equal_pixels_have_no_favourite_corner():
    images = 0.4 * batch(3)[0]
    images[:, :, 2, 3] = 1.0
    maps = torch.zeros(3, 16, 16)
    assert torch.stack(curves(images, maps)).isnan().all()
    maps[:, 15, 15] = 1.0
    found = torch.cat([curves(images, maps, seed)[0] for seed in range(20)])
    assert float(found.mean()) == pytest.approx(0.5, abs=0.12)
    assert found.std() > 0.15
