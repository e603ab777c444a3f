"""``robustsweep compare``: one method against another, with intervals."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from robustsweep.results.compare.comparison import UnitComparison


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|PLAN.toml",
            help="Run folders that a sweep wrote; or a TOML plan: its out and its [compare] table.",
        ),
    ],
    method: Annotated[str | None, typer.Option(help="Method, or the name of one checkpoint.")] = None,
    against: Annotated[list[str] | None, typer.Option(metavar="<str>", help="Another one, or all. Repeatable.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<str>",
            help="Score of the declared family, such as fog_error; all others become exploratory. Repeatable. Default: "
            "the means of C and C-bar, every corruption of C, clean images and attacks.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Checkpoint or method whose measured errors, the mean of its seeds', divide the others' for an "
            "additional mCE."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to: compare.md, CSV tables and the others.")] = None,
    formats: Annotated[
        str | None,
        typer.Option("--format", help="With --out, separated by commas: md, csv, latex, html, json. Default: md,csv."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print every score with what the data say, not the declared ones alone.")
    ] = False,
) -> None:
    """Compare a method with another on the same images: differences with intervals, and what they are worth.

    Methods must have been trained alike; two checkpoints may be compared whatever they are.
    """
    from rich.console import Console

    from robustsweep.api.compare_result import compare as compare_runs
    from robustsweep.cli.terminal import say
    from robustsweep.errors import UsageError
    from robustsweep.results.report.comparison_files import DEFAULT_COMPARISON_FORMATS, refuse_unknown_formats
    from robustsweep.results.report.terminal import to_rich
    from robustsweep.values import separated

    console = Console(highlight=False)
    chosen = DEFAULT_COMPARISON_FORMATS if formats is None else separated(formats)
    refuse_unknown_formats(chosen)
    if formats is not None and out is None:
        raise UsageError("--format says what is written; name the folder to write to with --out.")
    result = compare_runs(runs, method, against or (), metrics=metric or (), reference=reference)
    if verbose:
        for table in result.tables:
            console.print(to_rich(table, console.width))
            console.print()
    else:
        for one in result.found:
            _show(console, one, result.request.metrics)
    if out is not None:
        say(f"Wrote {out}/ ({len(result.write(out, chosen))} files)", console)


def _show(console: "Console", found: "UnitComparison", metrics: "Sequence[str]") -> None:
    """Print the main score in words, and the declared differences."""
    from robustsweep.cli.terminal import tell
    from robustsweep.results.compare.overview import main_findings, overview
    from robustsweep.results.report.terminal import to_rich

    for sentence in main_findings(found, metrics):
        tell(sentence, console)
    console.print()
    for table in overview(found, metrics):
        console.print(to_rich(table, console.width))
        console.print()
