"""The demo's checkpoints: methods with several seeds on the handwritten digits, alike in everything else."""

from pathlib import Path

import torch

from robustsweep.augmentations import METHODS
from robustsweep.benchmark.data.digits import open_digits
from robustsweep.benchmark.sweep.progress import Progress
from robustsweep.errors import CheckpointError
from robustsweep.training.grid import Grid, train_grid
from robustsweep.training.images.data_images import load_images
from robustsweep.training.job import Job, Setting, is_trained
from robustsweep.training.recipe import RECIPES

DEMO_METHODS = ("baseline", "cutmix", "smoothmix_c")
DEMO_SEEDS = 3
"""Training seeds of each method: with fewer, methods would not be tested."""
DEMO_RECIPE = "demo"


def demo_grid(folder: Path, *, seed: int = 0) -> Grid:
    """List the demo's training runs; checkpoints of other runs that lie in their place are removed.

    Args:
        folder: Where the checkpoints lie.
        seed: The first training seed of each method; the others follow it.
    """
    data, recipe, device = open_digits("train"), RECIPES[DEMO_RECIPE], torch.device("cpu")
    assert recipe.architecture is not None, "the recipe is ours"
    setting = Setting(data, load_images(data, device, recipe), recipe.architecture, recipe, "last", device)
    jobs = tuple(
        Job(METHODS[name](), one, folder / f"{name}-seed{one}.safetensors")
        for one in range(seed, seed + DEMO_SEEDS)
        for name in DEMO_METHODS
    )
    return Grid(setting, jobs, tuple(job for job in jobs if not _is_trained(job, setting)))


def train_demo_checkpoints(folder: Path, *, seed: int = 0, progress: Progress | None = None) -> list[Path]:
    """Train what the folder does not hold already; interrupted training runs go on where they stopped.

    Args:
        folder: As in ``demo_grid``; it is created.
        seed: Likewise.
        progress: As in ``train_grid``.

    Returns:
        The checkpoint files, seed by seed in the order of ``DEMO_METHODS``.
    """
    grid = demo_grid(folder, seed=seed)
    train_grid(grid, progress)
    return [job.path for job in grid.jobs]


def _is_trained(job: Job, setting: Setting) -> bool:
    try:
        return is_trained(job, setting)
    except CheckpointError:
        # Both at once: a checkpoint left lying would make the next run take this run's own state for another's.
        job.path.unlink(missing_ok=True)
        job.state.unlink(missing_ok=True)
        return False
