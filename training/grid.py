"""A grid of training runs: methods by seeds, everything else alike; what is trained is never trained again."""

from dataclasses import dataclass

import torch

from robustsweep.benchmark.plan.shard import Shard
from robustsweep.benchmark.sweep.progress import Progress, Silent
from robustsweep.errors import UsageError
from robustsweep.training.cards import check_architecture, check_flip, check_smoothing
from robustsweep.training.course import EpochReport
from robustsweep.training.images.data_images import load_images, open_training_data
from robustsweep.training.job import BaselineClock, Job, Setting, epochs_done, is_trained, remove_leftovers, run_job
from robustsweep.training.recipe import find_recipe
from robustsweep.training.request import TrainRequest, jobs_of


@dataclass(frozen=True, slots=True)
class Grid:
    """Training runs that differ in method and seed alone.

    Attributes:
        setting: What they share.
        jobs: The training runs of the shard.
        missing: Those of them whose checkpoints are not there.
    """

    setting: Setting
    jobs: tuple[Job, ...]
    missing: tuple[Job, ...]


def plan_grid(request: TrainRequest, device: torch.device) -> Grid:
    """Open the data, put the images on the device and list the training runs.

    Args:
        request: What is asked for.
        device: Where to train; the request's name of it is the caller's to resolve.

    Raises:
        RobustsweepError: If anything asked for cannot be had, or the folder holds training runs of another kind.
    """
    jobs, shard = jobs_of(request), Shard.parse(request.shard) if request.shard else Shard()
    recipe = find_recipe(request.recipe)
    architecture = request.arch or recipe.architecture
    if architecture is None:
        raise UsageError(f"Recipe {recipe.name!r} names no architecture; name one with --arch.")
    check_architecture(architecture)
    if request.epochs is not None:
        recipe = recipe.lasting(request.epochs)
    data = open_training_data(request.data, limit=request.limit, workers=request.workers)
    check_flip(recipe, data)
    for job in jobs:
        check_smoothing(recipe, job.method)
    images = load_images(data, device, recipe, hold_out=request.keep == "best", workers=request.workers)
    setting = Setting(data, images, architecture, recipe, request.keep, device)
    wanted = tuple(jobs[shard.index - 1 :: shard.count])
    return Grid(setting, wanted, tuple(job for job in wanted if not is_trained(job, setting)))


def train_grid(grid: Grid, progress: Progress | None = None) -> int:
    """Train what is missing, one after the other; an interrupted training goes on where it stopped.

    Args:
        grid: The training runs.
        progress: Told of every epoch; its unit is one training image.

    Returns:
        The number of checkpoints trained.

    Raises:
        RobustsweepError: If a training fails; the finished ones are stored.
    """
    progress = progress or Silent()
    recipe, clock = grid.setting.recipe, BaselineClock()
    n_images = len(grid.setting.images)
    left = sum(recipe.epochs - epochs_done(job) for job in grid.missing)
    progress.begin(len(grid.missing), left * n_images)
    for job in grid.jobs:
        if job not in grid.missing:
            remove_leftovers(job, grid.setting)
    for job in grid.missing:
        name = job.path.stem
        progress.working_on(name, f"epoch {epochs_done(job) + 1} of {recipe.epochs}")

        def report(epoch: EpochReport, name: str = name) -> None:
            following = f"epoch {min(epoch.epoch + 1, epoch.epochs)} of {epoch.epochs}"
            progress.working_on(name, f"{following}, loss {epoch.loss:.3f}")
            progress.advance(0, n_images)

        run_job(job, grid.setting, clock, report)
        progress.advance(1, 0)
    return len(grid.missing)
