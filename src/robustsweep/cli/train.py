"""``robustsweep train``: make checkpoints that differ in the method alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robustsweep.training.grid import Grid
    from robustsweep.training.request import TrainRequest


def train(
    plan: Annotated[
        Path | None,
        typer.Argument(help="TOML plan whose [train] table has these options as keys.", metavar="PLAN.toml"),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<str>",
            help="NAME[,parameter=value,...], see `list methods`, or all. Repeatable. Default: baseline.",
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Data spec, see `list datasets`; its split train is taken. Default: digits.")
    ] = None,
    arch: Annotated[
        str | None, typer.Option(help="Architecture, see `list architectures`. Default: the recipe's.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="digits, cifar-fast, cifar, imagenet, or FILE.toml. Default: digits.")
    ] = None,
    seed: Annotated[str | None, typer.Option(help="Training seeds, A or A-B. Default: 0.")] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs in place of the recipe's; warm-up and drops keep their shares."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Train on N images, stratified by class.")] = None,
    shard: Annotated[str | None, typer.Option(help="I/N: every N-th training.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N. Default: auto.")] = None,
    engine: Annotated[
        str | None, typer.Option(help="ray: a Ray cluster computes. Default: local, this machine.")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="HOST:PORT of the cluster. Default: auto, the one of this machine.")
    ] = None,
    gpus_per_task: Annotated[
        float | None, typer.Option(help="GPUs of a task on the cluster, such as 0.5. Default: 1 if it has any.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Threads that decode image files. Default: 4.")] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="last, or best: train on nine tenths of the images, and also keep the epoch that is best on the rest. "
            "Default: last."
        ),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder of the checkpoints. Default: runs/train.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be computed and which differences it would show, and stop."),
    ] = False,
) -> None:
    """Train one network with each method and seed, everything else alike, and store one checkpoint each.

    Run the same command again to continue: finished training runs are never repeated, an interrupted one goes on after
    its last epoch, and on a CPU ends in the same weights.
    """
    from rich.console import Console

    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.sweep import choose_device
    from robustsweep.cli.terminal import say
    from robustsweep.errors import UsageError
    from robustsweep.plan_file import merged
    from robustsweep.training.grid import plan_grid
    from robustsweep.training.ray_training import train_as_asked
    from robustsweep.training.request import TrainRequest, read_train_request

    planned = read_train_request(plan) if plan else TrainRequest()
    if planned is None:
        raise UsageError(f"The plan {plan} has no [train] table.")
    options = {
        "methods": method or None,
        "data": data,
        "arch": arch,
        "recipe": recipe,
        "seed": seed,
        "epochs": epochs,
        "limit": limit,
        "shard": shard,
        "device": device,
        "engine": engine,
        "ray_address": ray_address,
        "gpus_per_task": gpus_per_task,
        "workers": workers,
        "keep": keep,
        "out": out,
    }
    request = merged(planned, options, "The command line")
    grid = plan_grid(request, choose_device(request.device))
    console = Console()

    for line in _describe(grid):
        say(line)
    if dry_run:
        for line in (*_listed(grid), *_power(plan, request, grid)):
            say(line)
        return
    with TerminalProgress(console, "checkpoints") as progress:
        n_trained = train_as_asked(request, grid, progress)
    say(f"done   {n_trained} checkpoints trained, {len(grid.jobs) - n_trained} were there already, in {request.out}")
    say(f"next   robustsweep sweep {_sweepable(plan, planned, request)}")


def _sweepable(plan: Path | None, planned: "TrainRequest", request: "TrainRequest") -> str:
    """Name the plan if a sweep of it takes all that was trained and lacks nothing, else the folder."""
    from robustsweep.training.request import checkpoint_files

    of_plan = checkpoint_files(planned)
    takes_all = set(checkpoint_files(request)) <= set(of_plan) and request.data == planned.data
    if plan and takes_all and all(path.is_file() for path in of_plan):
        return str(plan)
    return f"--checkpoint {request.out} --data SPEC"


def _power(plan: Path | None, request: "TrainRequest", grid: "Grid") -> list[str]:
    """Say which differences these seeds would show, on the images of the plan's sweep or on 1,000 and 10,000."""
    from robustsweep.benchmark.plan.power import power_lines
    from robustsweep.benchmark.plan.request import SweepRequest, read_request
    from robustsweep.benchmark.plan.suites import conditions_of
    from robustsweep.training.request import methods_of, seeds_of

    sweep = read_request(plan) if plan else SweepRequest()
    conditions = conditions_of(sweep.suites or ("clean", "cifar-c"))
    seeds = [len(seeds_of(request.seed))] * len(methods_of(request.methods))
    n_images = (sweep.limit,) if sweep.limit else (1_000, 10_000)
    run = Path(sweep.out).expanduser() if plan else None
    return [f"power  {line}" for line in power_lines(conditions, seeds, n_images, grid.setting.data, run, plan)]


def _describe(grid: "Grid") -> list[str]:
    """Say what is wanted."""
    setting = grid.setting
    height, width = setting.data.size
    held_out = f", {setting.images.n_held_out} held out" if setting.keep == "best" else ""
    recipe = setting.recipe
    return [
        f"data   {setting.data.name}: {len(setting.images)} images{held_out}, {width}x{height}, "
        f"{setting.data.classes} classes",
        f"train  {setting.architecture} with recipe {recipe.name}: {recipe.epochs} epochs, batch {recipe.batch_size}, "
        f"{recipe.optimiser}",
        f"plan   {len(grid.jobs)} training runs, {len(grid.jobs) - len(grid.missing)} are finished already",
        *(f"note   {note}" for note in setting.data.notes),
    ]


def _listed(grid: "Grid") -> list[str]:
    """Say of each training run whether it is finished, and how far it has come."""
    from robustsweep.training.job import epochs_done

    lines, epochs = [], grid.setting.recipe.epochs
    for job in grid.jobs:
        if job not in grid.missing:
            state = "finished"
        elif done := min(epochs_done(job), epochs):
            state = f"to go on after epoch {done} of {epochs}"
        else:
            state = "to train"
        lines.append(f"train  {job.path}: {state}")
    return lines
