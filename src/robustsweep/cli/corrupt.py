"""``robustsweep corrupt``: write generated corrupted images in the published layouts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from robustsweep.benchmark.data import Dataset, OfficialSet
    from robustsweep.benchmark.writing import Writing

_READERS = {("arrays", 10): "cifar10-c", ("arrays", 100): "cifar100-c", ("trees", 1000): "imagenet-c"}


def corrupt(
    data: Annotated[str, typer.Option(help="Clean images: photos:DIR, or another data spec, see `list datasets`.")],
    suite: Annotated[
        list[str],
        typer.Option(
            metavar="<str>", help="Suite of corruptions, see `list suites`, or fog, fog@3, fog@1-3. Repeatable."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write: new, empty, or begun by the same command.")],
    limit: Annotated[int | None, typer.Option(help="Take N images, stratified by class.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of corruptions and --limit.")] = 0,
    workers: Annotated[int, typer.Option(help="Threads that decode and encode image files.")] = 4,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    layout: Annotated[
        str | None,
        typer.Option(
            help="arrays (CORRUPTION.npy, as CIFAR-C) or trees (CORRUPTION/SEVERITY/CLASS/FILE.JPEG, as ImageNet-C). "
            "Default: arrays for 32x32 images, else trees; photos:DIR have CORRUPTION/SEVERITY/PATH.png."
        ),
    ] = None,
    final_jpeg: Annotated[
        bool,
        typer.Option(
            "--final-jpeg/--no-final-jpeg",
            help="Give imagenet-c images in arrays the JPEG round trip at quality 85 that a sweep gives them, and "
            "photos, which then are JPEG files. Trees always have it.",
        ),
    ] = True,
) -> None:
    """Write corrupted photos of any sizes, or files that other tools read like the published CIFAR-C and ImageNet-C.

    They are the images that a sweep with the same seed generates. Run the same command again to continue: finished
    files are never generated twice.
    """
    from rich.console import Console

    from robustsweep.benchmark.writing import plan_writing, write_corrupted
    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.sweep import choose_device
    from robustsweep.cli.terminal import say

    chosen = choose_device(device)
    writing = plan_writing(data, suite, layout=layout, limit=limit, seed=seed, workers=workers, final_jpeg=final_jpeg)
    console, folder = Console(), out.expanduser()

    for line in _describe(writing):
        say(line)
    with TerminalProgress(console, "conditions") as progress:
        summary = write_corrupted(writing, folder, device=chosen, progress=progress)
    noun = "files" if writing.layout.name == "arrays" else "folders"
    if summary.written or summary.failed:
        say(f"done   {summary.written} {noun} written in {summary.seconds:.0f} s, {summary.reused} were there already")
    else:
        say(f"done   nothing is left to write: all {summary.reused} {noun} are in {folder}")
    if reader := _READERS.get((writing.layout.name, writing.source.data.classes)):
        clean = "" if limit and writing.layout.name == "arrays" else f",clean={data}"
        spec = f"{reader}:{folder},name={writing.source.data.name}-c{clean}"
        say(f"next   robustsweep sweep --checkpoint SPEC --data {spec}")
    summary.raise_if_failed()


def _describe(writing: "Writing") -> list[str]:
    """Say what is wanted."""
    source, first = writing.source, writing.conditions[0]
    subset = f", a subset of {len(source.data.labels)}" if source.limit else ""
    severities = f"{first.table} severities" if first.table else "severities by the size of each"
    jpeg = f", then JPEG quality {first.jpeg_quality}" if first.jpeg_quality else ""
    return [
        f"data   {source.data.name}: {len(source.positions)} images{subset}, {_what_they_are(source.data)}",
        f"write  {len(writing.conditions)} conditions as {writing.layout.name}: {severities}{jpeg}, seed {source.seed}",
        *(f"note   {note}" for note in (*source.data.notes, *writing.notes)),
    ]


def _what_they_are(data: "Dataset | OfficialSet") -> str:
    from robustsweep.benchmark.data import Photos

    if isinstance(data, Photos):
        smallest, largest = (f"{width}x{height}" for height, width in _ends(data.sizes))
        return smallest if smallest == largest else f"{smallest} to {largest}"
    height, width = data.size
    return f"{width}x{height}, {data.classes} classes"


def _ends(sizes: "Sequence[tuple[int, int]]") -> "tuple[tuple[int, int], tuple[int, int]]":
    """Return the sizes with the fewest and with the most pixels."""
    ordered = sorted(sizes, key=lambda size: size[0] * size[1])
    return ordered[0], ordered[-1]
