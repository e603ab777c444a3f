"""``robustsweep demo``: from nothing to a comparison of methods, on data that comes with the package."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from robustsweep.benchmark.spec import Spec

_SUITES = ("clean", "cifar-c", "pgd40-linf@4/255,8/255")
# On the pooled linear head of this network Grad-CAM says the same.
_MAPS = ("cam",)
_N_MAPPED = 16


def demo(
    out: Annotated[Path, typer.Option(help="Run folder; the checkpoints go to its subfolder checkpoints.")] = Path(
        "runs/demo"
    ),
    seed: Annotated[
        int, typer.Option(help="Seed of corruptions and attacks, and the first of three training seeds.")
    ] = 0,
    limit: Annotated[
        int | None, typer.Option(help="Take N of the 360 test images, stratified by class; marked as a subset.")
    ] = None,
) -> None:
    """Train three methods on handwritten digits, sweep the networks and report.

    Three networks are trained with each of: no augmentation, CutMix and SmoothMix-C. A few minutes on two cores. The
    report also shows where the networks look, on 16 of the images. Run it again to continue: what is stored is never
    computed twice.
    """
    from rich.console import Console

    from robustsweep.api.plan_runs import plan_sweep
    from robustsweep.benchmark.spec import Spec
    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.report import report
    from robustsweep.cli.sweep import show_plan
    from robustsweep.cli.terminal import say
    from robustsweep.values import whole

    whole(seed, "--seed", 0, 999_999_999)
    if limit is not None:
        whole(limit, "--limit", 1, 999_999_999)
    console = Console()
    folder = out.expanduser()
    paths = _train(console, folder / "checkpoints", seed)
    # A path is a spec as it is, whatever commas it holds.
    specs = tuple(Spec(str(path), str(path), {}) for path in paths)
    options = {"checkpoints": specs, "suites": _SUITES, "limit": limit, "seed": seed, "out": str(folder)}
    planned = plan_sweep(None, options)
    show_plan(console, planned)
    with TerminalProgress(console) as progress:
        summary = planned.run(progress)
    say(f"done   {summary.computed} cells computed in {summary.seconds:.0f} s", console)
    summary.raise_if_failed()
    _map(console, specs, folder)
    report([folder])


def _map(console: "Console", checkpoints: "Sequence[Spec]", folder: Path) -> None:
    """Compute the maps that the folder lacks: of the same images whatever is swept, so that each run adds to them."""
    from robustsweep.attribution.request import plan_attribution
    from robustsweep.attribution.run import compute_maps
    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.terminal import say
    from robustsweep.results.report.attribution.stored_maps import FOLDER

    wanted = plan_attribution(checkpoints, folder / FOLDER, maps=_MAPS, images=_N_MAPPED)
    with TerminalProgress(console, "maps") as progress:
        computed, _ = compute_maps(wanted, progress)
    say(f"maps   {computed} maps of {_N_MAPPED} images computed", console)
    console.print()


def _train(console: "Console", folder: Path, seed: int) -> list[Path]:
    """Train what the folder does not hold, and say so."""
    import time

    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.terminal import say
    from robustsweep.training.demo import demo_grid
    from robustsweep.training.grid import train_grid

    begun = time.monotonic()
    grid = demo_grid(folder, seed=seed)
    with TerminalProgress(console, "checkpoints") as progress:
        n_trained = train_grid(grid, progress)
    spent = f" in {time.monotonic() - begun:.0f} s" if n_trained else ""
    text = (
        f"train  {n_trained} checkpoints trained{spent}, {len(grid.jobs) - n_trained} were stored already, in {folder}"
    )
    say(text, console)
    return [job.path for job in grid.jobs]
