"""Labellings of 4 by 4 grids with any number of labels and any costs of neighbours.

A move lets every block keep its label or take one label alpha, the same for all blocks. Which blocks take it is solved
exactly, by dynamic programming over the labels of the last 4 blocks in reading order, for all alpha at once, and the
best move of all is made until none improves the labelling: the local minimum of Boykov, Veksler and Zabih, "Fast
approximate energy minimization via graph cuts" (PAMI 2001), section 5, without its condition that costs of neighbours
are a metric. On so small a grid this needs no graph.
"""

import numpy as np
from numpy.typing import NDArray

SIDE = 4
N_BLOCKS = SIDE * SIDE

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def energy(unary: Floats, pairwise: Floats, labels: Labels) -> Floats:
    """Sum the costs of labellings.

    Args:
        unary: Cost of each block's labels, shape (G, 16, L).
        pairwise: Cost of two neighbours' labels, symmetric, shape (G, L, L).
        labels: Shape (G, 16).

    Returns:
        Shape (G,).
    """
    group = np.arange(len(labels))[:, None, None]
    grid = labels.reshape(-1, SIDE, SIDE)
    own = np.take_along_axis(unary, labels[:, :, None], 2).sum((1, 2))
    down = pairwise[group, grid[:, :-1], grid[:, 1:]].sum((1, 2))
    right = pairwise[group, grid[:, :, :-1], grid[:, :, 1:]].sum((1, 2))
    return np.asarray(own + down + right)


def expand(unary: Floats, pairwise: Floats, labels: Labels) -> tuple[Floats, Labels]:
    """Make the best move of each grid; arguments as in ``energy``, returns the energies and labellings after it."""
    n, _, n_labels = unary.shape
    group = np.arange(n)
    keep = np.take_along_axis(unary, labels[:, :, None], 2)
    with_alpha = pairwise[group[:, None], labels]
    # Axes of the costs: grid, alpha, then for each of the last 4 blocks, the oldest first, whether it took alpha.
    cost = np.full((n, n_labels, 2, 8), np.inf)
    cost[:, :, 0, 0] = 0
    took_oldest = np.zeros((N_BLOCKS, n, n_labels, 8, 2), dtype=np.bool_)
    for block in range(N_BLOCKS):
        keeps, takes = cost[:, :, 0], cost[:, :, 0]
        if block >= SIDE:
            above = block - SIDE
            both_keep = pairwise[group, labels[:, above], labels[:, block]][:, None, None]
            keeps_if, takes_if = cost[:, :, 1] + with_alpha[:, block, :, None], cost[:, :, 1]
            keeps, takes = cost[:, :, 0] + both_keep, cost[:, :, 0] + with_alpha[:, above, :, None]
            np.less(keeps_if, keeps, out=took_oldest[block, ..., 0])
            np.less(takes_if, takes, out=took_oldest[block, ..., 1])
            keeps, takes = np.minimum(keeps, keeps_if), np.minimum(takes, takes_if)
        after = np.empty((n, n_labels, 8, 2))
        np.add(keeps, keep[:, block, :, None], out=after[..., 0])
        np.add(takes, unary[:, block, :, None], out=after[..., 1])
        if block % SIDE:
            left = block - 1
            after = after.reshape(n, n_labels, 4, 2, 2)
            after[:, :, :, 0, 0] += pairwise[group, labels[:, left], labels[:, block]][:, None, None]
            after[:, :, :, 1, 0] += with_alpha[:, block, :, None]
            after[:, :, :, 0, 1] += with_alpha[:, left, :, None]
        cost = after.reshape(n, n_labels, 2, 8)
    ends = cost.reshape(n, n_labels * N_BLOCKS)
    alpha, last = np.divmod(ends.argmin(1), N_BLOCKS)
    return ends.min(1), np.where(_traced(took_oldest, alpha, last), alpha[:, None], labels)


def _traced(took_oldest: NDArray[np.bool_], alpha: Labels, last: Labels) -> NDArray[np.bool_]:
    """Follow the cheapest choices back from the state of the last row: which blocks take alpha, shape (G, 16)."""
    group, state = np.arange(len(alpha)), last
    takes = np.zeros((len(alpha), N_BLOCKS), dtype=np.bool_)
    for block in reversed(range(SIDE, N_BLOCKS)):
        takes[:, block] = state % 2
        oldest = took_oldest[block, group, alpha, state // 2, state % 2]
        state = state // 2 + 8 * oldest
    takes[:, :SIDE] = (state[:, None] >> np.arange(SIDE)[::-1]) % 2
    return takes


def cheapest_labels(unary: Floats, pairwise: Floats, start: Labels) -> Labels:
    """Find labellings that no move improves.

    Args:
        unary: As in ``energy``.
        pairwise: As in ``energy``.
        start: Where to begin, shape (G, 16), unless each block's cheapest label is better.

    Returns:
        Shape (G, 16).
    """
    labels: Labels = unary.argmin(2)
    least, given = energy(unary, pairwise, labels), energy(unary, pairwise, start)
    labels, least = np.where((given < least)[:, None], start, labels), np.minimum(given, least)
    is_open = np.ones(len(labels), dtype=np.bool_)
    while is_open.any():
        after, moved = expand(unary[is_open], pairwise[is_open], labels[is_open])
        improves = after < least[is_open] - 1e-9
        rows = np.flatnonzero(is_open)
        labels[rows[improves]], least[rows[improves]] = moved[improves], after[improves]
        is_open[rows[~improves]] = False
    return labels
