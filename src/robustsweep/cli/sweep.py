"""``robustsweep sweep``: compute the missing cells of a plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from robustsweep.api.plan_runs import PlannedSweep
    from robustsweep.benchmark.sweep.sweep import SweepSummary

# Those of ``train`` too.
EngineOption = Annotated[str | None, typer.Option(help="ray: a Ray cluster computes. Default: local, this machine.")]
RayAddressOption = Annotated[
    str | None, typer.Option(help="HOST:PORT of the cluster. Default: auto, the one of this machine.")
]
GpusPerTaskOption = Annotated[
    float | None, typer.Option(help="GPUs of a task on the cluster, such as 0.5. Default: 1 if it has any.")
]


def sweep(
    plan: Annotated[
        Path | None, typer.Argument(help="TOML plan; its keys are these options.", metavar="PLAN.toml")
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<str>",
            help="FILE,arch=NAME,norm=NAME,method=NAME,seed=N, a native file, or LIBRARY:NAME. Repeatable.",
        ),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Data spec, see `list datasets`. Default: digits.")] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<str>",
            help="Suite, see `list suites`; a corruption such as fog, fog@3 or fog@1-3; or one attack. Repeatable. "
            "Default: smoke.",
        ),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Run folder. Default: runs/sweep.")] = None,
    limit: Annotated[int | None, typer.Option(help="Take N images, stratified by class; marked as a subset.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N. Default: auto.")] = None,
    devices: Annotated[
        str | None,
        typer.Option(help="A process for each, such as cuda:0,cuda:1 or cpu,cpu, which share the work."),
    ] = None,
    engine: EngineOption = None,
    ray_address: RayAddressOption = None,
    gpus_per_task: GpusPerTaskOption = None,
    workers: Annotated[int | None, typer.Option(help="Threads that decode image files. Default: 4.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per forward pass. Default: by image size.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of corruptions, attacks and --limit. Default: 0.")] = None,
    shard: Annotated[str | None, typer.Option(help="I/N: part I of N of about equal cost.")] = None,
    models_at_once: Annotated[
        int | None, typer.Option(help="Checkpoints on the device together. Default: all.")
    ] = None,
    final_jpeg: Annotated[
        bool | None,
        typer.Option(
            "--final-jpeg/--no-final-jpeg",
            help="JPEG quality 85 after images of the (tiny-)imagenet-c and -c-bar suites, like the official files. "
            "Default: on.",
        ),
    ] = None,
    audit: Annotated[
        bool | None,
        typer.Option(
            "--audit/--no-audit",
            help="If the plan holds an attack, look on 200 images for signs that attacks are weaker than they could "
            "be. Default: on.",
        ),
    ] = None,
    live: Annotated[
        bool | None,
        typer.Option(
            "--live/--no-live",
            help="Write report/report.html in the run folder when the sweep begins and again as cells finish, at most "
            "every 30 s. Default: off.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be computed and which differences it would show, and stop."),
    ] = False,
) -> None:
    """Take checkpoints through corruptions and attacks, and store one cell per checkpoint and condition.

    A plan with a [train] table and without checkpoints sweeps what `train` made of it. Run the same command again to
    continue: finished cells are never computed twice.
    """
    from rich.console import Console

    from robustsweep.api.plan_runs import plan_sweep
    from robustsweep.benchmark.plan.power import power_of_sweep
    from robustsweep.cli.terminal import say

    options = {
        "checkpoints": checkpoint or None,
        "data": data,
        "suites": suite or None,
        "out": out,
        "limit": limit,
        "device": device,
        "devices": None if devices is None else tuple(devices.split(",")),
        "engine": engine,
        "ray_address": ray_address,
        "gpus_per_task": gpus_per_task,
        "workers": workers,
        "batch_size": batch_size,
        "seed": seed,
        "shard": shard,
        "models_at_once": models_at_once,
        "final_jpeg": final_jpeg,
        "audit": audit,
        "live": live,
    }
    planned = plan_sweep(plan, options, device="--device")
    console = Console()
    show_plan(console, planned)
    if dry_run:
        for line in power_of_sweep(planned.plan, planned.store.root, plan):
            say(f"power  {line}", console)
    else:
        compute(console, planned).raise_if_failed()


def choose_device(name: str) -> "torch.device":
    """Turn ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` into a device that is there.

    Raises:
        UsageError: If it is not there.
    """
    from robustsweep.process.devices import find_device

    return find_device(name, "--device")


def show_plan(console: "Console", planned: "PlannedSweep") -> None:
    """Print what is wanted and what of it is stored."""
    from robustsweep.benchmark.checkpoints.checkpoint import notes_of
    from robustsweep.benchmark.plan.fit import skipped_sentences, table_notes
    from robustsweep.cli.terminal import say
    from robustsweep.printable import counted

    plan, store, shard = planned.plan, planned.store, planned.settings.shard
    source = plan.source
    wanted, missing = plan.wanted(shard), plan.missing(store, shard)
    subset = f", a subset of {len(source.data.labels)}" if source.limit else ""
    height, width = source.data.size
    lines = [
        f"data   {source.data.name}: {len(source.positions)} images{subset}, {width}x{height}, "
        f"{source.data.classes} classes, corruptions {source.provenance}",
        f"plan   {counted(len(plan.checkpoints), 'checkpoint')} x {counted(len(plan.conditions), 'condition')} = "
        f"{counted(len(plan.cells), 'cell')}"
        + (f", {len(wanted)} of them in shard {shard.index}/{shard.count}" if shard.count > 1 else ""),
        f"stored {len(wanted) - len(missing)} cells in {store.root}, {len(missing)} to compute",
    ]
    if planned.is_live:
        lines.append(f"page   {store.root / 'report' / 'report.html'}, written again as cells finish")
    notes = [*skipped_sentences(plan.skipped), *source.describe()["notes"], *notes_of(plan.checkpoints)]
    lines += [f"note   {note}" for note in (*notes, *table_notes(source.data.size, plan.conditions))]
    for line in lines:
        say(line, console)


def compute(console: "Console", planned: "PlannedSweep") -> "SweepSummary":
    """Run the sweep with progress, and print what it did."""
    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.terminal import say

    with TerminalProgress(console) as progress:
        summary = planned.run(progress)
    if summary.computed or summary.audited or summary.failed:
        audits = f", {summary.audited} audits made" if summary.audited else ""
        text = (
            f"done   {summary.computed} cells computed in {summary.seconds:.0f} s, {summary.reused} were stored already"
            f"{audits}"
        )
    else:
        text = f"done   nothing to compute: all {summary.reused} cells are stored already"
    say(text, console)
    say(f"next   robustsweep report {planned.store.root}", console)
    return summary
