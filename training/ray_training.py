"""A grid of training runs on a Ray cluster: each is a task, and this process alone writes the checkpoints."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch

from robustsweep.benchmark.sweep.progress import Progress, Silent
from robustsweep.benchmark.workers.luggage import Luggage, located
from robustsweep.benchmark.workers.ray_cluster import Lost, connected, fetched, is_on_ray, settled_in
from robustsweep.errors import CheckpointError
from robustsweep.results.stored.files import write_atomically
from robustsweep.training.grid import Grid, plan_grid, train_grid
from robustsweep.training.job import BaselineClock, Job, run_job
from robustsweep.training.request import TrainRequest


def train_as_asked(request: TrainRequest, grid: Grid, progress: Progress | None = None) -> int:
    """Train what is missing of a grid, in this process or on a cluster, as ``train_grid`` does.

    Args:
        request: What made the grid.
        grid: The training runs.
        progress: Told of every epoch; on a cluster of every training run.

    Returns:
        The number of checkpoints trained.

    Raises:
        RobustsweepError: If a training fails; the finished ones are stored.
    """
    return _train_on_ray(request, grid, progress or Silent()) if is_on_ray(request) else train_grid(grid, progress)


def _train_on_ray(request: TrainRequest, grid: Grid, progress: Progress) -> int:
    units = grid.setting.recipe.epochs * len(grid.setting.images)
    progress.begin(len(grid.missing), units * len(grid.missing))
    waiting, lost = list(grid.missing), list[str]()
    with connected(request.ray_address, request.gpus_per_task) as cluster:
        luggage = Luggage.pack(located(request.data, request.recipe), cluster.put)
        sent = cluster.put((request, luggage, "cuda" if cluster.gpus_per_task else "cpu"))

        def arguments(job: Job) -> tuple[Any, ...]:
            return [sent], job.path.name

        for job, result in cluster.results(train_one, arguments, lambda: waiting.pop(0) if waiting else None):
            if isinstance(result, Lost):
                lost.append(f"{job.path.stem}: {result.reason}")
                progress.warn(lost[-1])
                continue
            for path in (job.path.with_suffix(".csv"), *job.files(grid.setting.keep)):
                write_atomically(path, result[path.name])
            job.state.unlink(missing_ok=True)
            progress.working_on(job.path.stem, "finished")
            progress.advance(1, units)
    if lost:
        raise CheckpointError(f"{len(lost)} training runs failed; the others are stored. First: {lost[0]}")
    return len(grid.missing)


def train_one(sent: Sequence[Any], name: str) -> dict[str, bytes]:
    """Train one network as a task, and return its files by their names.

    Args:
        sent: What Ray holds of the request, its luggage and the device.
        name: Of the checkpoint's file.
    """
    grid = _grid(sent[0])
    (job,) = (job for job in grid.jobs if job.path.name == name)
    try:
        run_job(job, grid.setting, BaselineClock())
        return {path.name: path.read_bytes() for path in job.path.parent.iterdir()}
    finally:
        shutil.rmtree(job.path.parent, ignore_errors=True)


@lru_cache(maxsize=1)
def _grid(sent: Any) -> Grid:
    """Open the data once for each process."""
    folder = settled_in()
    request, luggage, device = fetched(sent)
    data, recipe = (
        next(iter(luggage.unpack(located(text), fetched, folder)), text) for text in (request.data, request.recipe)
    )
    own = tempfile.mkdtemp(prefix="train-", dir=folder)
    return plan_grid(replace(request, data=data, recipe=recipe, shard=None, out=own), torch.device(device))
