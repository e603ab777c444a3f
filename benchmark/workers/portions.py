"""Portions: what is left of a sweep, handed out piece by piece to whoever has nothing to do."""

from collections import deque
from collections.abc import Sequence

from robustsweep.benchmark.plan.plan import PlannedCell
from robustsweep.benchmark.plan.shard import cost, cut
from robustsweep.benchmark.sweep.attack_block import joined

# A portion is this share of what one worker would get of the rest: the images of a block are read once for a portion.
_SHARE = 2


class Portions:
    """Cells in chunks, each a condition, or attacks that share their gradients, for some of the checkpoints.

    The dearest chunks go first. Portions begin large, so that few are needed, and end small, so that workers end
    together.

    Args:
        cells: What is to be computed.
        n_workers: How many work on it.

    Source: guided self-scheduling (Polychronopoulos and Kuck, IEEE Transactions on Computers, 1987), of which
    ``take`` gives half.
    """

    def __init__(self, cells: Sequence[PlannedCell], n_workers: int) -> None:
        self._n_workers = n_workers
        rows = [_by_checkpoint(cells, set(group)) for group in joined(list(dict.fromkeys(c.condition for c in cells)))]
        costs = [max(map(_cost, row)) for row in rows]
        self._chunks = deque(
            [cell for same in rows[chunk.row][chunk.start : chunk.end] for cell in same]
            for chunk in cut(costs, [len(row) for row in rows], n_workers)
        )
        self._left = sum(map(_cost, self._chunks))

    def __len__(self) -> int:
        return len(self._chunks)

    def take(self) -> list[PlannedCell]:
        """Return the next portion; empty if nothing is left."""
        enough, portion = self._left / (_SHARE * self._n_workers), list[PlannedCell]()
        while self._chunks and _cost(portion) < enough:
            portion += self._chunks.popleft()
        self._left -= _cost(portion)
        return portion

    def rest(self) -> list[PlannedCell]:
        """Return all that is left."""
        portion = [cell for chunk in self._chunks for cell in chunk]
        self._chunks.clear()
        self._left = 0
        return portion


def _by_checkpoint(cells: Sequence[PlannedCell], conditions: set[object]) -> list[list[PlannedCell]]:
    """List the cells of some conditions, those of a checkpoint together."""
    found: dict[str, list[PlannedCell]] = {}
    for cell in cells:
        if cell.condition in conditions:
            found.setdefault(cell.checkpoint.id, []).append(cell)
    return list(found.values())


def _cost(cells: Sequence[PlannedCell]) -> int:
    return sum(cost(cell.condition) for cell in cells)
