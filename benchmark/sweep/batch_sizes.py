"""Batch sizes: images per forward pass, as chosen and, after memory ran out, as they fit."""

from collections.abc import Callable
from typing import TypeVar

import torch

from robustsweep.attacks import AttackSpec
from robustsweep.benchmark.plan.conditions import Attacked
from robustsweep.benchmark.plan.plan import PlannedCell
from robustsweep.benchmark.sweep.progress import Progress

T = TypeVar("T")


def choose_batch_size(size: tuple[int, int], device: torch.device) -> int:
    """Choose the images per forward pass: more if they are small, more on an accelerator."""
    small = size[0] * size[1] <= 64 * 64
    if device.type == "cpu":
        return 250 if small else 32
    return 2000 if small else 256


class BatchSizes:
    """The batch sizes of a sweep: a cell for which memory runs out halves its own, and those like it begin with that.

    Alike are cells of one architecture and one kind of condition, attacks by their rule.

    Args:
        chosen: Images per forward pass to begin with.
        progress: Told of every smaller one.
    """

    def __init__(self, chosen: int, progress: Progress) -> None:
        self._chosen, self._progress = chosen, progress
        self._fitting: dict[tuple[str, str], int] = {}

    def of(self, cell: PlannedCell) -> int:
        """Return the images per forward pass of a cell."""
        return self._fitting.get(_kind(cell), self._chosen)

    def fit(self, cell: PlannedCell, n_images: int, work: Callable[[int], T]) -> T:
        """Do the work of a cell with as many images per forward pass as fit the memory.

        Args:
            cell: Whose work it is.
            n_images: How many images there are.
            work: Takes the images per forward pass.

        Raises:
            torch.OutOfMemoryError: If a single image does not fit, or if the attack is another library's, whose batch
                size is part of what it does.
        """
        while True:
            size = self.of(cell)
            try:
                return work(size)
            except torch.OutOfMemoryError:
                if min(size, n_images) <= 1 or not _may_shrink(cell):
                    raise
            # Outside of the handler, whose exception holds what was computed so far.
            self._shrink(cell, min(size, n_images))

    def _shrink(self, cell: PlannedCell, size: int) -> None:
        architecture, what = kind = _kind(cell)
        self._fitting[kind] = size // 2
        self._progress.warn(
            f"{cell.checkpoint.name}, {cell.condition.name}: out of memory with {size} images per forward pass; "
            f"going on with {size // 2} for {architecture} and {what}."
        )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _kind(cell: PlannedCell) -> tuple[str, str]:
    condition = cell.condition
    what = condition.attack.rule if isinstance(condition, Attacked) else condition.kind
    return cell.checkpoint.card.architecture, what


def _may_shrink(cell: PlannedCell) -> bool:
    return not isinstance(cell.condition, Attacked) or isinstance(cell.condition.attack, AttackSpec)
