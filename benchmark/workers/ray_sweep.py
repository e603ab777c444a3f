"""A sweep on a Ray cluster: tasks compute portions of the plan, and this process alone writes the run folder."""

import shutil
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch

from robustsweep.benchmark.plan.plan import Plan, PlannedCell
from robustsweep.benchmark.plan.request import SweepRequest, plan_of
from robustsweep.benchmark.plan.shard import cost
from robustsweep.benchmark.sweep.progress import Progress, Settled, Silent, ToldOnce
from robustsweep.benchmark.sweep.sweep import SweepSettings
from robustsweep.benchmark.workers.luggage import Luggage, located
from robustsweep.benchmark.workers.portions import Portions
from robustsweep.benchmark.workers.ray_cluster import Lost, connected, fetched, settled_in
from robustsweep.benchmark.workers.worker import Worker
from robustsweep.results.stored.entries import write_unless_there
from robustsweep.results.stored.store import CellStore

# Portions are smaller than on one machine by this: what a lost machine was at is computed again.
_FINER = 8


@dataclass(frozen=True)
class Sent:
    """What a machine needs to make the plan.

    Attributes:
        request: What is asked for.
        luggage: The files that it names.
        settings: How to compute.
        plan_name: Name of the plan's file in the run folder.
    """

    request: SweepRequest
    luggage: Luggage
    settings: SweepSettings
    plan_name: str


class RayCluster:
    """An engine of a sweep: the tasks of a Ray cluster.

    Args:
        plan: What is wanted.
        request: What makes the same plan on another machine.
        store: The run folder.
        settings: How to compute; on which device, Ray decides.
    """

    def __init__(self, plan: Plan, request: SweepRequest, store: CellStore, settings: SweepSettings) -> None:
        self._request, self._store, self._settings = request, store, settings
        self._n_images = len(plan.source.positions)

    def compute(
        self, cells: Sequence[PlannedCell], plan_name: str, progress: Progress
    ) -> Generator[Settled, None, None]:
        """Compute cells, and tell of them as they are settled; see ``Engine``.

        Raises:
            UsageError: If there is no cluster, or its machines differ from this one.
            RobustsweepError: If a machine cannot make the plan, or images cannot be read there.
        """
        progress = ToldOnce(progress)
        with connected(self._request.ray_address, self._request.gpus_per_task) as cluster:
            luggage = Luggage.pack((*self._request.checkpoints, *located(self._request.data)), cluster.put)
            device = torch.device("cuda" if cluster.gpus_per_task else "cpu")
            sent = cluster.put(Sent(self._request, luggage, replace(self._settings, device=device), plan_name))
            portions = Portions(cells, _FINER * cluster.slots())
            for portion, result in cluster.results(
                compute_portion, lambda portion: ([sent], [cell.key for cell in portion]), portions.take
            ):
                yield self._settled(portion, result, progress)

    def _settled(self, portion: Sequence[PlannedCell], result: "Portion | Lost", progress: Progress) -> Settled:
        progress.advance(len(portion), sum(cost(cell.condition) for cell in portion) * self._n_images)
        if isinstance(result, Lost):
            progress.warn(f"{len(portion)} cells were lost: {result.reason}")
            failed = (f"{cell.checkpoint.name}, {cell.condition.name}: {result.reason}" for cell in portion)
            return Settled(portion, 0, tuple(failed))
        for sentence in result.sentences:
            progress.warn(sentence)
        for names, content in result.samples.items():
            write_unless_there(self._store.root, ("samples", names), content)
        finished = [cell for cell in portion if cell.key in result.cells]
        for cell in finished:
            self._store.write_files(cell.checkpoint.id, cell.key, *result.cells[cell.key])
        return Settled(portion, len(finished), result.failed)


@dataclass(frozen=True)
class Portion:
    """What a task gives back.

    Attributes:
        cells: The files of each finished cell by its key, ``examples.npz`` and ``cell.json``.
        samples: Pictures of conditions by the names of their files.
        failed: One sentence per cell that could not be computed.
        sentences: Warnings.
    """

    cells: dict[str, tuple[bytes, bytes]]
    samples: dict[str, bytes]
    failed: tuple[str, ...]
    sentences: tuple[str, ...]


class _Sentences(Silent):
    """Keeps the warnings of a task."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def warn(self, sentence: str) -> None:
        """Keep it."""
        self.told.append(sentence)


def compute_portion(sent: Sequence[Any], keys: Sequence[str]) -> Portion:
    """Compute cells as a task, with a run folder of its own that is empty before and after.

    Args:
        sent: What Ray holds of a ``Sent``.
        keys: Of the cells.
    """
    worker, run, progress = _worker(sent[0])
    progress.told.clear()
    try:
        _, failed = worker.compute(keys)
        found = {path.parent.name: path.parent for path in run.glob("cells/*/*/cell.json")}
        cells = {
            key: ((found[key[:16]] / "examples.npz").read_bytes(), (found[key[:16]] / "cell.json").read_bytes())
            for key in keys
            if key[:16] in found
        }
        samples = {path.name: path.read_bytes() for path in run.glob("samples/*.npz")}
        return Portion(cells, samples, failed, tuple(progress.told))
    finally:
        shutil.rmtree(run, ignore_errors=True)


@lru_cache(maxsize=1)
def _worker(sent: Any) -> tuple[Worker, Path, _Sentences]:
    """Make the plan once for each process."""
    folder, found, progress = settled_in(), fetched(sent), _Sentences()
    checkpoints = found.luggage.unpack(found.request.checkpoints, fetched, folder)
    data = next(iter(found.luggage.unpack(located(found.request.data), fetched, folder)), found.request.data)
    request = replace(found.request, checkpoints=tuple(checkpoints), data=str(data))
    run = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    return Worker(partial(plan_of, request), CellStore(run), found.settings, found.plan_name, progress), run, progress
