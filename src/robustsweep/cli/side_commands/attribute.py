"""``robustsweep attribute``: where networks look, in figures and numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robustsweep.attribution.request import Attribution


def attribute(
    checkpoints: Annotated[
        list[str],
        typer.Argument(metavar="CHECKPOINT...", help="FILE,arch=NAME,norm=NAME, a native file, or LIBRARY:NAME."),
    ],
    data: Annotated[str, typer.Option(help="Data spec of clean images, see `list datasets`.")] = "digits",
    maps: Annotated[
        str | None,
        typer.Option(
            help="Separated by commas: cam, gradcam, smoothgrad, integrated_gradients, guided_backprop. Default: all."
        ),
    ] = None,
    window_maps: Annotated[
        str | None,
        typer.Option(
            help="Those measured under the 27 windows of `list suites`, or none. Default: cam,gradcam; the others cost "
            "100 passes per image and window."
        ),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="Number of images, stratified by class.")] = 16,
    target: Annotated[str, typer.Option(help="The class that maps explain: predicted or true.")] = "predicted",
    out: Annotated[
        Path, typer.Option(help="Folder to write to. In a run folder, RUN/attributions, its report shows them too.")
    ] = Path("runs/attributions"),
    seed: Annotated[int, typer.Option(help="Seed of the choice of images, the windows and SmoothGrad's noise.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images per forward pass. Default: by image size.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=1000, help="Threads that decode image files.")] = 4,
) -> None:
    """Compute attribution maps of checkpoints, and measure what they mark and what a pasted window does to them.

    Run the same command again to continue: finished maps are never computed twice.
    """
    from rich.console import Console

    from robustsweep.attribution.request import plan_attribution
    from robustsweep.attribution.run import run_attribution
    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.sweep import choose_device
    from robustsweep.cli.terminal import say
    from robustsweep.results.report.attribution.stored_maps import FOLDER

    wanted = plan_attribution(
        checkpoints,
        out.expanduser(),
        data=data,
        maps=() if maps is None else _names(maps),
        window_maps=None if window_maps is None else () if window_maps.strip() == "none" else _names(window_maps),
        images=images,
        target=target,
        seed=seed,
        device=choose_device(device),
        batch_size=batch_size,
        workers=workers,
    )
    console = Console()
    for line in _describe(wanted):
        say(line, console)
    with TerminalProgress(console, "maps") as progress:
        summary = run_attribution(wanted, progress)
    say(f"done   {summary.computed} maps computed, {summary.reused} were stored already", console)
    for path in summary.files:
        if path.suffix in (".md", ".png") or path.name == "numbers.csv":
            say(f"wrote  {path}", console)
    if wanted.out.name == FOLDER:
        say(f"next   robustsweep report {wanted.out.parent}", console)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _describe(wanted: "Attribution") -> list[str]:
    """Say what is wanted."""
    source = wanted.source
    height, width = source.data.size
    windows = ", ".join(wanted.window_maps) or "no map"
    return [
        f"data   {source.data.name}: {len(source.positions)} of {len(source.data.labels)} images, {width}x{height}",
        f"maps   {', '.join(wanted.maps)} of {len(wanted.checkpoints)} checkpoints, {wanted.target} class; under 27 "
        f"windows: {windows}",
    ]
