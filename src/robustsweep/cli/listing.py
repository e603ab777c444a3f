"""``robustsweep list``: what there is to name."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from robustsweep.errors import UsageError
from robustsweep.printable import printable

Row = tuple[str, str]


class Noun(StrEnum):
    """What can be listed."""

    corruptions = "corruptions"
    attacks = "attacks"
    methods = "methods"
    suites = "suites"
    architectures = "architectures"
    datasets = "datasets"


def list_names(
    noun: Annotated[Noun, typer.Argument(metavar="NOUN", help="What to list.", show_default=False)],
    gallery: Annotated[
        Path | None,
        typer.Option(
            "--gallery",
            help="With methods: write a PNG of what each makes of two photos. With corruptions: of what each makes of "
            "one photo at every severity.",
        ),
    ] = None,
    photo: Annotated[
        Path | None,
        typer.Option("--photo", help="With corruptions and --gallery: the photo. Default: one that is included."),
    ] = None,
) -> None:
    """List the corruptions, attacks, methods, suites, architectures or data sets that can be named."""
    if gallery is not None and noun not in (Noun.methods, Noun.corruptions):
        raise UsageError(
            f"--gallery shows methods or corruptions, not {noun.value}: robustsweep list methods --gallery FILE.png."
        )
    if gallery is not None and gallery.suffix.lower() != ".png":
        raise UsageError(f"--gallery writes a PNG file; name one that ends in .png, got {gallery}.")
    if photo is not None and (gallery is None or noun is not Noun.corruptions):
        raise UsageError("--photo is what corruptions are shown on: list corruptions --gallery FILE.png --photo PHOTO.")
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from robustsweep.cli.terminal import say

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, description in LISTINGS[noun]():
        table.add_row(Text(printable(name), style="bold", no_wrap=True), Text(_printable_lines(description)))
    Console().print(table)
    if gallery is not None:
        say("")
        say(f"{_drawn(noun, gallery, photo)}: {gallery}")


def _drawn(noun: Noun, path: Path, photo: Path | None) -> str:
    """Draw a gallery and say what it shows."""
    if noun is Noun.corruptions:
        from robustsweep.benchmark.writing.corruption_gallery import draw_corruption_gallery

        draw_corruption_gallery(path, photo)
        return "What each makes of one photo, severities 1 to 5"
    from robustsweep.training.gallery import draw_gallery

    draw_gallery(path)
    return "What each makes of two photos"


def _printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def _first_line(item: object) -> str:
    return (item.__doc__ or "").strip().split("\n")[0]


def _corruptions() -> list[Row]:
    from robustsweep.corruptions import CIFAR_C_BAR, COMMON, CORRUPTIONS, EXTRA, IMAGENET_C_BAR
    from robustsweep.results.corruption_names import group_of

    suites = {"": COMMON, "extra": EXTRA, "CIFAR-C-bar": CIFAR_C_BAR, "ImageNet-C-bar": IMAGENET_C_BAR}

    def described(name: str) -> str:
        places = [suite for suite, names in suites.items() if name in names] or ["in no published suite"]
        return ", ".join(filter(None, (group_of(name), " and ".join(places))))

    return [(name, described(name)) for name in CORRUPTIONS]


def _attacks() -> list[Row]:
    from robustsweep.attacks import ATTACKS, describe_families

    return [*((name, _attack_forms(name)) for name in ATTACKS), *describe_families()]


def _attack_forms(name: str) -> str:
    from robustsweep.attacks import ATTACKS

    rule = ATTACKS[name]
    kind = "one step" if rule.single_step else "iterative"
    steps = "" if rule.single_step else "10"
    losses = f"; :loss={'|'.join(rule.losses)}" if len(rule.losses) > 1 else ""
    return f"{kind}; {', '.join(f'{name}{steps}-{norm}@EPS' for norm in rule.norms)}{losses}"


def _methods() -> list[Row]:
    from robustsweep.augmentations import METHODS
    from robustsweep.results.method_names import in_groups, written_name

    rows: list[Row] = []
    for group, names in in_groups(METHODS):
        rows += [(f"{group}:", "")] if group else []
        rows += [(name, f"{_written(written_name(name), name)}{_first_line(METHODS[name])}") for name in names]
    return rows


def _written(name: str, code: str) -> str:
    return f"{name}: " if name != code else ""


def _suites() -> list[Row]:
    from robustsweep.benchmark.plan.suites import SUITES, suite_conditions

    rows = [(name, f"{len(suite_conditions(name))} conditions. {_first_line(SUITES[name])}") for name in SUITES]
    return [*rows, ("CORRUPTION[@A-B]", "Severities 1 to 5, or A to B, of one corruption: fog, fog@1-3; fog@3 is one.")]


def _architectures() -> list[Row]:
    from robustsweep.benchmark.architectures import ARCHITECTURES
    from robustsweep.benchmark.checkpoints.networks.network import describe_schemes

    built_in = [(name, "built in, for small images") for name in ARCHITECTURES]
    return [*built_in, *describe_schemes()]


def _datasets() -> list[Row]:
    from robustsweep.benchmark.data import DATASETS

    rows = []
    for name in DATASETS:
        spec, _, description = _first_line(DATASETS[name]).partition(": ")
        rows.append((name, f"{description}\n{spec}"))
    return rows


LISTINGS: dict[Noun, Callable[[], list[Row]]] = {
    Noun.corruptions: _corruptions,
    Noun.attacks: _attacks,
    Noun.methods: _methods,
    Noun.suites: _suites,
    Noun.architectures: _architectures,
    Noun.datasets: _datasets,
}
