"""The cheapest labelling of a grid with three ordered levels, exactly, as a minimum cut.

Source: Ishikawa, "Exact optimization for Markov random fields with convex priors" (PAMI 2003): a node for each block
and threshold between levels turns a convex cost of level differences into cuts. For the squared difference of three
levels, a cut of each threshold costs the difference, and what the square adds for two levels at once is an edge from
the upper threshold of one block to the lower threshold of its neighbour.
While published code swaps pairs of levels until nothing improves, this is the minimum over all labellings.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.errors import MissingDependencyError

# Capacities are whole numbers of these per unit of cost; a batch of costs below 4 an image stays in 32 bits.
UNITS = 2**20
_GRIDS_AT_ONCE = 256
_UNCUTTABLE = 2**30

Integers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges between nodes with their capacities there and back, three arrays and more of them to be joined."""

    tails: list[NDArray[np.int64]]
    heads: list[NDArray[np.int64]]
    there: list[Integers]
    back: list[Integers]

    def add(self, tail: NDArray[np.int64], head: NDArray[np.int64], there: Integers, back: Integers) -> None:
        self.tails.append(tail.ravel())
        self.heads.append(head.ravel())
        self.there.append(there.ravel())
        self.back.append(back.ravel())


def _source_side(gain: Integers, edges: _Edges) -> NDArray[np.bool_]:
    """Cut a graph whose node v costs ``gain[v]``, either sign, on the source's side: bool, shape (nodes,)."""
    try:
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow
    except ImportError as error:
        raise MissingDependencyError("Cutting a graph needs scipy; install it.") from error
    n = len(gain)
    node, source, sink = np.arange(n), n, n + 1
    tails = np.concatenate([np.full(n, source), node, *edges.tails, *edges.heads])
    heads = np.concatenate([node, np.full(n, sink), *edges.heads, *edges.tails])
    capacity = np.concatenate([np.maximum(-gain, 0), np.maximum(gain, 0), *edges.there, *edges.back])
    kept = capacity > 0
    graph = csr_matrix((capacity[kept], (tails[kept], heads[kept])), shape=(n + 2, n + 2), dtype=np.int32)
    left = (graph - maximum_flow(cast(Any, graph), source, sink).flow).tocsr()
    left.eliminate_zeros()
    reached = np.zeros(n + 2, dtype=np.bool_)
    reached[breadth_first_order(left, source, return_predecessors=False)] = True
    return reached[:n]


def _cut(unary: Integers, down: Integers, right: Integers) -> NDArray[np.int64]:
    """Solve grids in whole units; shapes as in ``cheapest_levels``."""
    n, _, height, width = unary.shape
    # A node on the source's side says that its block's level reaches the threshold: 1, or 2.
    node = np.arange(2 * n * height * width).reshape(2, n, height, width)
    gain = np.stack([unary[:, 1] - unary[:, 0], unary[:, 2] - unary[:, 1]])
    edges = _Edges([], [], [], [])
    never, none = np.full(node[0].shape, _UNCUTTABLE, np.int32), np.zeros(node[0].shape, np.int32)
    edges.add(node[1], node[0], never, none)
    for a, b, weight in (
        (node[:, :, :-1], node[:, :, 1:], down),
        (node[..., :-1], node[..., 1:], right),
    ):
        both = np.broadcast_to(weight, a.shape)
        edges.add(a, b, both, both)
        edges.add(a[1], b[0], 2 * weight, np.zeros_like(weight))
        edges.add(b[1], a[0], 2 * weight, np.zeros_like(weight))
    levels: NDArray[np.int64] = _source_side(gain.ravel(), edges).reshape(2, n, height, width).sum(0)
    return levels


def cheapest_levels(unary: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Find levels l that minimise the sum of unary costs and of weight (l_i - l_j)^2 over neighbouring blocks.

    Costs are rounded to a 2**20th. All grids of the batch are one graph, cut in one call.

    Args:
        unary: Cost of each block's levels 0, 1 and 2, shape (N, 3, h, w).
        down: Weights, at least 0, between a block and the one below: shape (N, h - 1, w).
        right: Between a block and its right neighbour: shape (N, h, w - 1).

    Returns:
        int64 in {0, 1, 2}, shape (N, h, w), on the device of ``unary``.

    Raises:
        MissingDependencyError: If SciPy is absent.
    """
    whole = [(costs.double() * UNITS).round().to(torch.int32).cpu().numpy() for costs in (unary, down, right)]
    starts = range(0, len(unary), _GRIDS_AT_ONCE)
    parts = [_cut(*(costs[start : start + _GRIDS_AT_ONCE] for costs in whole)) for start in starts]
    return torch.from_numpy(np.concatenate(parts)).to(unary.device)
