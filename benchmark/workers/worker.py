"""A worker: computes cells of a plan that it makes for itself, in a process or on a machine of its own."""

from collections.abc import Callable, Sequence

from robustsweep.benchmark.plan.plan import Plan
from robustsweep.benchmark.sweep.progress import Progress
from robustsweep.benchmark.sweep.sweep import SweepSettings, start_run
from robustsweep.errors import DataError
from robustsweep.results.stored.store import CellStore

RemakePlan = Callable[[], Plan]
"""Makes the plan anew in another process; a function of a module, with arguments that can be pickled."""


class Worker:
    """Computes cells that are named by their keys.

    A key is the hash of weights, images, settings and versions of libraries: a worker whose files or libraries differ
    from those that the sweep was planned with lacks it.

    Args:
        remake: Makes the plan.
        store: Where finished cells go.
        settings: How to compute.
        plan_name: Name of the plan's file in the run folder.
        progress: Receives events.

    Raises:
        RobustsweepError: If the plan cannot be made here.
    """

    def __init__(
        self, remake: RemakePlan, store: CellStore, settings: SweepSettings, plan_name: str, progress: Progress
    ) -> None:
        plan = remake()
        self._cells = {cell.key: cell for cell in plan.cells.values()}
        self._run = start_run(plan, store, settings, progress, plan_name)

    def compute(self, keys: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """Compute cells.

        Args:
            keys: Their keys.

        Returns:
            How many were computed, and one sentence per cell that could not be.

        Raises:
            DataError: If a cell is not of the plan as it was made here, or images cannot be read.
            CheckpointError: If a checkpoint cannot be loaded once more.
        """
        if not self._cells.keys() >= set(keys):
            raise DataError(
                "A worker finds other images, weights or versions of libraries than the sweep was planned with; leave "
                "them as they are while a sweep runs, and run the same command again."
            )
        settled = list(self._run.compute([self._cells[key] for key in keys]))
        return sum(part.computed for part in settled), tuple(sentence for part in settled for sentence in part.failed)
