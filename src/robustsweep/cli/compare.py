"""``robustsweep compare``: one method against another, with intervals."""

from pathlib import Path
from typing import Annotated

import typer


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
            "the mean, every corruption, clean images and attacks.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Checkpoint or method whose measured errors, the mean of its seeds', divide the others' for an "
            "additional mCE."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write compare.md and CSV tables to.")] = None,
) -> None:
    """Compare a method with another on the same images: differences with intervals, and what they are worth.

    Methods must have been trained alike; two checkpoints may be compared whatever they are.
    """
    from rich.console import Console

    from robustsweep.cli.terminal import say
    from robustsweep.results.compare.comparison import compare as compare_runs
    from robustsweep.results.compare.request import compare_request
    from robustsweep.results.compare.tables import comparison_tables
    from robustsweep.results.stored.files import write_atomically
    from robustsweep.results.tables.formats import escape_markdown, to_csv, to_markdown, to_rich

    console = Console(highlight=False)
    request = compare_request(runs, method, against or (), metric or (), reference)
    found = compare_runs(request.runs, request.method, request.against, request.metrics, request.reference)
    tables = [table for one in found for table in comparison_tables(one)]
    for table in tables:
        console.print(to_rich(table, console.width))
        console.print()
    if out is not None:
        title = f"{request.method} against {', '.join(request.against)}"
        text = f"# {escape_markdown(title)}\n\n" + "\n".join(to_markdown(table, level=2) for table in tables)
        write_atomically(out / "compare.md", text.encode())
        for position, table in enumerate(tables, 1):
            write_atomically(out / f"{position}_{table.slug}.csv", to_csv(table).encode())
        say(f"Wrote {out}/ ({len(tables) + 1} files)", console)
