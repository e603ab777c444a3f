"""Moving an image's salient blocks under its mask.

Source: Kim, Choo and Song, "Puzzle Mix: Exploiting saliency and local statistics for optimal mixup" (ICML 2020): each
block goes where it is cheapest; if several want one place, the cheapest stays, and the others find that place 1
dearer in the next round.
Difference: blocks without a place after the last round stay where they are if they can, or fill the free places in
order, so that the plan is a permutation; the authors' code leaves such places empty.
"""

import torch
from torch import Tensor

from robustsweep.augmentations.parts.blocks import from_blocks, to_blocks


def squared_distances(n: int, device: torch.device) -> Tensor:
    """Return squared distances of the blocks of an n by n grid in units of its side, float32 (n * n, n * n)."""
    place = torch.arange(n * n, device=device)
    row, column = (place // n).float(), (place % n).float()
    square = (row[:, None] - row).square() + (column[:, None] - column).square()
    return square / max(n - 1, 1) ** 2


def transport_plan(saliency: Tensor, mask: Tensor, price: float) -> Tensor:
    """Plan where each block of an image goes.

    Args:
        saliency: Of each block, float32, shape (N, n, n).
        mask: Weight of the image in each place, shape (N, n, n); any weight above 0 is worth the same.
        price: Cost of a squared distance of one side of the grid, in units of saliency.

    Returns:
        int64, shape (N, n * n): for each place the block that goes there, a permutation.
    """
    n_images, n, _ = saliency.shape
    cost = price * squared_distances(n, saliency.device) - saliency.flatten(1)[:, :, None] * (
        mask.flatten(1)[:, None, :] > 0
    )
    cheapest, place = cost.min(2)
    for number in range(n):
        best = torch.full_like(cheapest, torch.inf).scatter_reduce(1, place, cheapest, "amin")
        # Of equals the first block wins.
        order = torch.where(cheapest == best.gather(1, place), torch.arange(n * n, device=cost.device), n * n)
        first = torch.full_like(place, n * n).scatter_reduce(1, place, order, "amin")
        is_won = order == first.gather(1, place)
        lost = (~is_won).flatten().nonzero()[:, 0]
        if number == n - 1 or len(lost) == 0:
            break
        # Only blocks that lost see other costs than before.
        rows = cost.flatten(0, 1)[lost].scatter_add_(1, place.flatten()[lost, None], cost.new_ones(len(lost), 1))
        cost.view(-1, n * n)[lost] = rows
        cheapest.view(-1)[lost], place.view(-1)[lost] = rows.min(1)
    return _completed(torch.where(is_won, place, -1))


def _completed(place: Tensor) -> Tensor:
    """Turn each block's place, -1 for none, shape (N, P), into each place's block: a permutation."""
    n_places = place.shape[1]
    blocks = torch.arange(n_places, device=place.device).expand_as(place)
    taken = torch.zeros(len(place), n_places + 1, dtype=torch.bool, device=place.device)
    taken.scatter_(1, torch.where(place < 0, n_places, place), True)
    place = torch.where((place < 0) & ~taken[:, :n_places], blocks, place)
    taken.scatter_(1, torch.where(place < 0, n_places, place), True)
    # Stable sorts put the blocks without a place, and the places without a block, first and in order.
    homeless = torch.argsort((place >= 0).to(torch.int8), dim=1, stable=True)
    free = torch.argsort(taken[:, :n_places].to(torch.int8), dim=1, stable=True)
    is_left = torch.gather(place, 1, homeless) < 0
    place = place.scatter(1, homeless, torch.where(is_left, free, torch.gather(place, 1, homeless)))
    return torch.empty_like(place).scatter_(1, place, blocks)


def moved(images: Tensor, plan: Tensor) -> Tensor:
    """Put the blocks of images, shape (N, C, H, W), into the places of ``plan``, shape (N, n * n)."""
    blocks = to_blocks(images, int(plan.shape[1] ** 0.5))
    image = torch.arange(len(images), device=images.device)[:, None]
    return from_blocks(blocks[image, plan], int(plan.shape[1] ** 0.5))
