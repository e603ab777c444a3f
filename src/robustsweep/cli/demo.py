"""``robustsweep demo``: from nothing to a comparison of six methods, on data that comes with the package."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

_SUITES = ("clean", "cifar-c", "adversarial")


def demo(
    out: Annotated[Path, typer.Option(help="Run folder; the checkpoints go to its subfolder checkpoints.")] = Path(
        "runs/demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of training, corruptions and attacks.")] = 0,
    limit: Annotated[
        int | None, typer.Option(help="Take N of the 360 test images, stratified by class; marked as a subset.")
    ] = None,
) -> None:
    """Train six small checkpoints on handwritten digits, sweep them and report.

    One network is trained with each of: no augmentation, Cutout, Mixup, CutMix, SmoothMix-S and SmoothMix-C. A few
    minutes on two cores. Run it again to continue: what is stored is never computed twice.
    """
    from rich.console import Console

    from robustsweep.benchmark.plan.plan import Shard
    from robustsweep.benchmark.plan.request import SweepRequest, plan_of
    from robustsweep.benchmark.spec import Spec
    from robustsweep.benchmark.sweep.sweep import SweepSettings, run_sweep
    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.report import report
    from robustsweep.cli.sweep import choose_device, show_plan
    from robustsweep.cli.terminal import say
    from robustsweep.results.stored.store import CellStore
    from robustsweep.values import whole

    whole(seed, "--seed", 0, 999_999_999)
    if limit is not None:
        whole(limit, "--limit", 1, 999_999_999)
    console = Console()
    folder = out.expanduser()
    paths = _train(console, folder / "checkpoints", seed)
    # A path is a spec as it is, whatever commas it holds.
    specs = tuple(Spec(str(path), str(path), {}) for path in paths)
    plan = plan_of(SweepRequest(checkpoints=specs, data="digits", suites=_SUITES, limit=limit, seed=seed))
    store = CellStore(folder)
    show_plan(console, plan, store, Shard())
    with TerminalProgress(console) as progress:
        summary = run_sweep(plan, store, SweepSettings(device=choose_device("auto"), audit=True), progress)
    say(f"done   {summary.computed} cells computed in {summary.seconds:.0f} s", console)
    summary.raise_if_failed()
    report([folder])


def _train(console: "Console", folder: Path, seed: int) -> list[Path]:
    """Train what the folder does not hold, and say so."""
    from robustsweep.cli.terminal import say
    from robustsweep.training.course import EpochReport
    from robustsweep.training.demo import DEMO_METHODS, train_demo_checkpoints

    seconds = dict.fromkeys(DEMO_METHODS, 0.0)
    with console.status("training") as status:

        def show(method: str, epoch: EpochReport) -> None:
            seconds[method] += epoch.seconds
            status.update(f"training {method}, epoch {epoch.epoch} of {epoch.epochs}, loss {epoch.loss:.2f}")
            if epoch.epoch == epoch.epochs:
                say(f"train  {method}: {epoch.epochs} epochs in {seconds[method]:.0f} s", console)

        paths = train_demo_checkpoints(folder, seed=seed, progress=show)
    n_trained = sum(spent > 0 for spent in seconds.values())
    text = f"train  {n_trained} checkpoints trained, {len(paths) - n_trained} were stored already, in {folder}"
    say(text, console)
    return paths
