"""Deletion and insertion: what happens to a network's probability when a map's highest pixels go, or come first.

Source: Petsiuk, Das and Saenko, "RISE: randomized input sampling for explanation of black-box models" (BMVC 2018),
section 4.1. Differences: pixels that are not there take the image's own mean colour in both curves, while the authors
insert into a blurred image, whose blur means little on small images; 20 equal steps; pixels of equal value are ordered
at random, by the image, as a map's zeros would otherwise be deleted from the upper left corner on.
"""

import torch
from torch import Tensor

from robustsweep.attacks.target import Target
from robustsweep.draws import Draws

STEPS = 20


def deletion_and_insertion(
    explained: Target, images: Tensor, targets: Tensor, saliency: Tensor, *, seed: int, ids: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute the areas under both curves of the target's probability over the share of pixels.

    Args:
        explained: The network, see ``explaining``.
        images: float32 (N, 3, H, W) in [0, 1].
        targets: int64 (N,).
        saliency: (N, H, W), not negative.
        seed: Of the order of equal pixels.
        ids: int64 (N,), what that order belongs to.

    Returns:
        Deletion and insertion, float64 (N,) each, in [0, 1]; NaN for a map without mass.
    """
    empty = images.mean((2, 3), keepdim=True).expand_as(images)
    place = _descending_places(saliency, seed, ids).view_as(saliency).unsqueeze(1)
    n_pixels = saliency[0].numel()
    deleted, inserted = [], []
    for step in range(STEPS + 1):
        is_first = place < round(n_pixels * step / STEPS)
        deleted.append(_probability(explained, torch.where(is_first, empty, images), targets))
        inserted.append(_probability(explained, torch.where(is_first, images, empty), targets))
    has_mass = saliency.flatten(1).any(1)
    areas = (torch.trapezoid(torch.stack(curve), dim=0) / STEPS for curve in (deleted, inserted))
    deletion, insertion = (torch.where(has_mass, area, torch.nan) for area in areas)
    return deletion, insertion


def _descending_places(saliency: Tensor, seed: int, ids: Tensor) -> Tensor:
    """Return each pixel's place in its image from the highest value down, int64 (N, pixels)."""
    values = saliency.flatten(1)
    shuffled = Draws(seed, "attribution/ties", ids).uniform(values.shape[1]).argsort(1)
    order = shuffled.gather(1, values.gather(1, shuffled).argsort(dim=1, descending=True, stable=True))
    return order.argsort(1)


def _probability(explained: Target, images: Tensor, targets: Tensor) -> Tensor:
    return explained.verdict(images).double().softmax(1).gather(1, targets.unsqueeze(1)).squeeze(1)
