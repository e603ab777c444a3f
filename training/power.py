"""From the training runs that are planned to what a comparison of them would show."""

from pathlib import Path

from robustsweep.benchmark.plan.power import power_lines
from robustsweep.benchmark.plan.request import SweepRequest, read_request
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.training.grid import Grid
from robustsweep.training.request import TrainRequest, methods_of, seeds_of

_SUITES = ("clean", "cifar-c")
_N_IMAGES = (1_000, 10_000)


def power_of_training(request: TrainRequest, grid: Grid, toml: Path | None) -> list[str]:
    """Say which differences the seeds would show, see ``PlannedComparison``.

    Args:
        request: All shards of the grid.
        grid: The grid, whose data are those that were opened.
        toml: The plan file that it came from: its sweep says on how many images and under which conditions; None: on
            1,000 and on 10,000, clean and corrupted.
    """
    sweep = read_request(toml) if toml else SweepRequest()
    conditions = conditions_of(sweep.suites or _SUITES)
    seeds = [len(seeds_of(request.seed))] * len(methods_of(request.methods))
    n_images = (sweep.limit,) if sweep.limit else _N_IMAGES
    run = Path(sweep.out).expanduser() if toml else None
    return power_lines(conditions, seeds, n_images, grid.setting.data, run, toml)
