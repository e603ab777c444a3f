"""The demo's checkpoints: six methods on the handwritten digits, alike in everything but the method."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from robustsweep.augmentations import METHODS
from robustsweep.benchmark.data.digits import open_digits
from robustsweep.errors import CheckpointError
from robustsweep.training.course import EpochReport
from robustsweep.training.images.data_images import load_images
from robustsweep.training.job import BaselineClock, Job, Setting, is_trained, remove_leftovers, run_job
from robustsweep.training.recipe import RECIPES

DEMO_METHODS = ("baseline", "cutout", "mixup", "cutmix", "smoothmix_s", "smoothmix_c")
DEMO_ARCHITECTURE = "resnet8"
DEMO_RECIPE = "digits"


def train_demo_checkpoints(
    folder: Path, *, seed: int = 0, progress: Callable[[str, EpochReport], None] | None = None
) -> list[Path]:
    """Train a small network with each of ``DEMO_METHODS``, unless the folder holds it already.

    A file of another training (seed, recipe, parameters, data) under the same name is replaced. Interrupted trainings
    go on where they stopped.

    Args:
        folder: Where the checkpoints lie; it is created.
        seed: Training seed, the same for every method.
        progress: Called after every epoch with the method's name.

    Returns:
        The native checkpoint files, in the order of ``DEMO_METHODS``.
    """
    data, recipe, device = open_digits("train"), RECIPES[DEMO_RECIPE], torch.device("cpu")
    setting = Setting(data, load_images(data, device, recipe), DEMO_ARCHITECTURE, recipe, "last", device)
    clock = BaselineClock()
    paths = []
    for name in DEMO_METHODS:
        job = Job(METHODS[name](), seed, folder / f"{name}-seed{seed}.safetensors")
        if _is_trained(job, setting):
            remove_leftovers(job, setting)
        else:
            run_job(job, setting, clock, None if progress is None else partial(progress, name))
        paths.append(job.path)
    return paths


def _is_trained(job: Job, setting: Setting) -> bool:
    try:
        return is_trained(job, setting)
    except CheckpointError:
        # Both at once: a checkpoint left lying would make the next run take this training's own state for another's.
        job.path.unlink(missing_ok=True)
        job.state.unlink(missing_ok=True)
        return False
