"""The regions of a pasted window, the share of a map in them, and how far two maps agree outside."""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.corruptions.edges import side_in_pixels

_FEWEST_PIXELS = 3


@dataclass(frozen=True, slots=True)
class WindowRegions:
    """Where the pixels of images lie relative to a window, bool (N, H, W) each; the same for every edge.

    Attributes:
        window: Inside the window's box.
        edge_band: Within a quarter of the box's side, and one pixel at least, from its edge, on either side: there the
            linear mask falls from 1 to 0.
        outside: Neither in the box nor in the band.
    """

    window: Tensor
    edge_band: Tensor
    outside: Tensor


def window_regions(places: Tensor, height: int, width: int, fraction: float) -> WindowRegions:
    """Find the regions of boxes at ``places``, int64 (N, 2): first row and first column."""
    sides = side_in_pixels(height, fraction), side_in_pixels(width, fraction)
    margins = tuple(max(1, round(side / 4)) for side in sides)
    window = _boxes(places, sides, (0, 0), height, width)
    outer = _boxes(places, sides, margins, height, width)
    inner = _boxes(places, sides, (-margins[0], -margins[1]), height, width)
    return WindowRegions(window, outer & ~inner, ~outer)


def _boxes(places: Tensor, sides: tuple[int, int], margins: tuple[int, ...], height: int, width: int) -> Tensor:
    inside = []
    for axis, n_pixels in enumerate((height, width)):
        pixel, first = torch.arange(n_pixels, device=places.device), places[:, axis : axis + 1] - margins[axis]
        inside.append((pixel >= first) & (pixel < first + sides[axis] + 2 * margins[axis]))
    return inside[0].unsqueeze(2) & inside[1].unsqueeze(1)


def share_in(saliency: Tensor, region: Tensor) -> Tensor:
    """Return the share of a map's mass in a region.

    Args:
        saliency: (N, H, W), not negative.
        region: bool (N, H, W).

    Returns:
        float64 (N,) in [0, 1]; NaN for a map without mass.
    """
    mass = saliency.double()
    return (mass * region).sum((1, 2)) / mass.sum((1, 2))


def area_of(region: Tensor) -> Tensor:
    """Return a region's share of the image: float64 (N,)."""
    return region.double().mean((1, 2))


def rank_correlation(first: Tensor, second: Tensor, where: Tensor) -> Tensor:
    """Correlate the ranks of two maps over a region; equal values share the mean of their ranks.

    Source: Spearman, "The proof and measurement of association between two things" (1904).

    Args:
        first: (N, H, W).
        second: (N, H, W).
        where: bool (N, H, W).

    Returns:
        float64 (N,) in [-1, 1]; NaN if a map is constant in the region, or that has fewer than 3 pixels.
    """
    inside = where.flatten(1)
    ranks = [_centred_ranks(one.flatten(1), inside) for one in (first, second)]
    norms = [one.square().sum(1).sqrt() for one in ranks]
    found = (ranks[0] * ranks[1]).sum(1) / (norms[0] * norms[1])
    return torch.where(inside.sum(1) >= _FEWEST_PIXELS, found, torch.nan).clamp(-1, 1)


def _centred_ranks(values: Tensor, inside: Tensor) -> Tensor:
    """Return mean ranks minus their mean, float64 (N, pixels); 0 outside."""
    kept = torch.where(inside, values.double(), torch.inf)
    ascending = kept.sort(1).values
    below, up_to = (torch.searchsorted(ascending, kept, right=right).double() for right in (False, True))
    n = inside.sum(1, keepdim=True)
    # Ranks 1..n have the mean (n + 1) / 2, whatever is equal.
    return torch.where(inside, (below + 1 + up_to) / 2 - (n + 1) / 2, 0.0)
