"""Moving an image's salient blocks under its mask.

Source: Kim, Choo and Song, "Puzzle Mix: Exploiting saliency and local statistics for optimal mixup" (ICML 2020): each
block goes where it is cheapest; where several want one place, the cheapest stays, and the others find that place 1
dearer in the next round.
Difference: blocks without a place after the last round stay where they are if they can, or fill the free places in
order, so that the plan is a permutation; the authors' code leaves such places empty.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


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
    for _ in range(n):
        cheapest, place = cost.min(2)
        best = torch.full_like(cheapest, torch.inf).scatter_reduce(1, place, cheapest, "amin")
        is_won = cheapest == best.gather(1, place)
        # Of equals the first block wins.
        order = torch.where(is_won, torch.arange(n * n, device=cost.device), n * n)
        first = torch.full_like(place, n * n).scatter_reduce(1, place, order, "amin")
        is_won = order == first.gather(1, place)
        if bool(is_won.all()):
            break
        cost.scatter_add_(2, place[:, :, None], (~is_won).to(cost.dtype)[:, :, None])
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
    size = images.shape[-2:]
    n = int(plan.shape[1] ** 0.5)
    block = size[0] // n, size[1] // n
    patches = F.unfold(images, block, stride=block)
    patches = patches.gather(2, plan[:, None, :].expand_as(patches))
    return F.fold(patches, (size[0], size[1]), block, stride=block)
