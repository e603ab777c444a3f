"""Shards: parts of a plan of about equal cost, for several processes that share a run folder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from robustsweep.attacks import Foreign
from robustsweep.benchmark.plan.conditions import Attacked, Condition, Sequenced
from robustsweep.errors import UsageError
from robustsweep.results.corruption_names.sequences import FRAMES

# A chunk is at most this share of a shard, so that shards differ by less.
_CHUNKS_PER_SHARD = 4
# From so many checkpoints per shard on, making the same images in every shard costs little.
_MANY_CHECKPOINTS = 8


def cost(condition: Condition) -> int:
    """Estimate the forward passes that one image takes under a condition."""
    if isinstance(condition, Sequenced):
        return FRAMES[condition.perturbation]
    if not isinstance(condition, Attacked):
        return 1
    attack = condition.attack
    return attack.passes if isinstance(attack, Foreign) else 1 + 2 * attack.steps * attack.restarts


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``index`` of ``count``, counted from 1.

    If there are many checkpoints, each shard takes every condition for its share of them, and costs need not be known.
    Otherwise the plan is cut into chunks, each a condition for some of the checkpoints: as many as can be, since a
    chunk makes its images once, but not so many that shards could not be of about equal cost. Chunks go to shards from
    the dearest to the cheapest, each to the shard that has least. All of this follows from the plan alone.
    """

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``I/N``.

        Raises:
            UsageError: If it is not two integers with 1 <= I <= N.
        """
        index, slash, count = text.partition("/")
        if not slash or not all(n.isascii() and n.isdigit() and len(n) <= 9 for n in (index, count)):
            raise UsageError(f"--shard takes I/N, such as 1/3, got {text!r}.")
        if not 1 <= int(index) <= int(count):
            raise UsageError(f"--shard I/N needs 1 <= I <= N, got {text!r}.")
        return cls(int(index), int(count))

    def takes(self, costs: Sequence[int], n_checkpoints: int) -> list[tuple[int, int]]:
        """List what is in this shard: positions of conditions and checkpoints, condition by condition.

        Args:
            costs: Of each condition, for one checkpoint.
            n_checkpoints: How many checkpoints each condition is for.
        """
        if n_checkpoints >= _MANY_CHECKPOINTS * self.count:
            own = range(self.index - 1, n_checkpoints, self.count)
            return [(row, column) for row in range(len(costs)) for column in own]
        chunks = cut(costs, [n_checkpoints] * len(costs), self.count)
        # No more shards can have anything to do than there are chunks.
        loads = [0] * min(self.count, len(chunks))
        mine: list[tuple[int, int]] = []
        for chunk in chunks:
            least = loads.index(min(loads))
            loads[least] += chunk.cost
            if least == self.index - 1:
                mine += [(chunk.row, column) for column in range(chunk.start, chunk.end)]
        return sorted(mine)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A condition for some of the checkpoints that want it.

    Attributes:
        cost: Of all of it.
        row: Position of the condition.
        start: Position of its first checkpoint.
        end: One more than that of its last.
    """

    cost: int
    row: int
    start: int
    end: int


def cut(costs: Sequence[int], n_checkpoints: Sequence[int], count: int) -> list[Chunk]:
    """Cut conditions into chunks of which ``count`` shares of about equal cost can be made, the dearest first.

    Args:
        costs: Of each condition, for one checkpoint.
        n_checkpoints: How many checkpoints each condition is for.
        count: The number of shares.
    """
    share = sum(each * n for each, n in zip(costs, n_checkpoints, strict=True)) / count
    chunks = [
        Chunk(each * (end - start), row, start, end)
        for row, (each, n) in enumerate(zip(costs, n_checkpoints, strict=True))
        for start, end in pairwise(_cuts(each, n, share))
    ]
    return sorted(chunks, key=lambda chunk: (-chunk.cost, chunk.row, chunk.start))


def _cuts(each: int, n_checkpoints: int, share: float) -> list[int]:
    """Return where the checkpoints of a condition are cut, ends included."""
    n_chunks = min(n_checkpoints, max(1, math.ceil(each * n_checkpoints * _CHUNKS_PER_SHARD / share)))
    return [n_checkpoints * number // n_chunks for number in range(n_chunks + 1)]
