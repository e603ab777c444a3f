"""Regions of windows, shares and rank correlations."""

import numpy as np
import pytest
import torch
from scipy import stats

from robustsweep.attribution.window_regions import area_of, rank_correlation, share_in, window_regions
from robustsweep.corruptions.edges import window_masks
from robustsweep.corruptions.windows import paste_windows, window_places


def test_regions_of_a_box_by_hand():
    regions = window_regions(torch.tensor([[1, 0]]), 8, 8, 0.5)
    rows, columns = torch.arange(8).view(8, 1), torch.arange(8).view(1, 8)
    box = (rows >= 1) & (rows < 5) & (columns < 4)
    outer = (rows < 6) & (columns < 5)
    inner = (rows >= 2) & (rows < 4) & (columns >= 1) & (columns < 3)
    assert torch.equal(regions.window[0], box)
    assert torch.equal(regions.edge_band[0], outer & ~inner)
    assert torch.equal(regions.outside[0], ~outer)
    assert area_of(regions.window).tolist() == [0.25]


@pytest.mark.parametrize("fraction", [0.25, 0.375, 0.5])
def test_regions_lie_where_windows_are_pasted(fraction: float):
    ids = torch.arange(12)
    images = torch.randint(1, 256, (12, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pasted = paste_windows(images, "hard", "mean", fraction, seed=5, ids=ids)
    places = window_places("mean", fraction, seed=5, ids=ids, height=32, width=32)
    changed = (pasted != images).any(1)
    window = window_regions(places, 32, 32, fraction).window
    assert not (changed & ~window).any()
    assert (changed & window).sum() > 0.95 * window.sum()


def test_the_band_is_where_the_linear_mask_falls():
    places = torch.tensor([[10, 12]])
    mask, band = window_masks(places, "linear", 32, 32, 0.5)[0, 0], window_regions(places, 32, 32, 0.5).edge_band[0]
    middle = slice(14, 22)  # of the box, away from corners
    partial = (mask > 0) & (mask < 1)
    assert torch.equal(partial[middle, :], band[middle, :])


def test_shares_add_up_and_a_map_without_mass_has_none():
    maps = torch.rand(4, 16, 16, generator=torch.Generator().manual_seed(1))
    maps[3] = 0
    region = torch.zeros(4, 16, 16, dtype=torch.bool)
    region[:, :4] = True
    found = share_in(maps, region)
    assert torch.allclose(found[:3] + share_in(maps, ~region)[:3], torch.ones(3, dtype=torch.float64))
    assert found[3].isnan()
    assert torch.allclose(share_in(torch.ones(4, 16, 16), region), area_of(region))


def test_rank_correlations_are_scipys_with_ties_inside_the_region():
    generator = torch.Generator().manual_seed(2)
    first = torch.randint(0, 6, (5, 9, 9), generator=generator).float()
    second = torch.randint(0, 4, (5, 9, 9), generator=generator).float() + first
    where = torch.rand(5, 9, 9, generator=generator) > 0.4
    found = rank_correlation(first, second, where)
    for row in range(5):
        expected = stats.spearmanr(first[row][where[row]].numpy(), second[row][where[row]].numpy()).statistic
        assert float(found[row]) == pytest.approx(expected, abs=1e-12)
    everywhere = torch.ones(5, 9, 9, dtype=torch.bool)
    assert torch.allclose(rank_correlation(first, first.exp(), everywhere), torch.ones(5, dtype=torch.float64))
    assert np.isnan(rank_correlation(first, torch.zeros_like(first), everywhere).numpy()).all()
    assert np.isnan(rank_correlation(first, second, where & (where.cumsum(2) < 1)).numpy()).all()
