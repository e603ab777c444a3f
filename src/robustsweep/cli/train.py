"""``robustsweep train``: make checkpoints that differ in the method alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robustsweep.cli.sweep import EngineOption, GpusPerTaskOption, RayAddressOption
from robustsweep.printable import counted

if TYPE_CHECKING:
    from robustsweep.training.grid import Grid


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
    shard: Annotated[str | None, typer.Option(help="I/N: every N-th training run, from the I-th on.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N. Default: auto.")] = None,
    engine: EngineOption = None,
    ray_address: RayAddressOption = None,
    gpus_per_task: GpusPerTaskOption = None,
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

    from robustsweep.api.plan_runs import plan_training
    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.terminal import say
    from robustsweep.training.power import power_of_training

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
    planned = plan_training(plan, options, device="--device")
    grid, out = planned.grid, planned.request.out
    for line in _describe(grid):
        say(line)
    if dry_run:
        for line in (*_listed(grid), *(f"power  {line}" for line in power_of_training(planned.request, grid, plan))):
            say(line)
        return
    with TerminalProgress(Console(), "checkpoints") as progress:
        n_trained = planned.run(progress)
    say(f"done   {counted(n_trained, 'checkpoint')} trained, {len(grid.jobs) - n_trained} were there already, in {out}")
    swept = str(plan) if plan and planned.is_swept_by_its_plan() else f"--checkpoint {out} --data SPEC"
    say(f"next   robustsweep sweep {swept}")


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
        f"plan   {counted(len(grid.jobs), 'training run')}, {len(grid.jobs) - len(grid.missing)} are finished already",
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
