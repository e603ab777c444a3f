"""``robustsweep report``: tables and figures from stored cells."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="DIR", help="Run folders that a sweep wrote.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write to. Default: report in the first DIR.")] = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format", help="Separated by commas: html, md, csv, latex, json; png, svg, pdf for figures alone."
        ),
    ] = "html,md,csv",
    reference: Annotated[
        str | None,
        typer.Option(
            help="Checkpoint or method that CE and mCE divide by. Default: the only 'baseline', if there is one."
        ),
    ] = None,
) -> None:
    """Turn the cells of one or several runs into tables, figures and an HTML page that opens from disk."""
    from rich.console import Console

    from robustsweep.cli.terminal import say
    from robustsweep.results.report.writer import write_report
    from robustsweep.results.tables.formats import to_rich

    written = write_report(runs, out, [name.strip() for name in formats.split(",")], reference)
    console = Console(highlight=False)
    for note in dict.fromkeys(note for section in written.sections for note in section.unit.notes):
        say(f"Note: {note}", console, "yellow")
    console.print()
    for table in written.tables:
        if table.depth == "summary":
            console.print(to_rich(table, console.width))
            console.print()
    for folder in dict.fromkeys(path.parent for path in written.files):
        inside = [path for path in written.files if path.parent == folder]
        # What a person opens is named; the rest is counted.
        opened = [path for path in inside if path.stem == "report" or len(inside) == 1]
        names = [str(path) for path in opened]
        names += [f"{folder}/ ({len(inside)} files)"] if len(inside) > len(opened) else []
        for name in names:
            say(f"Wrote {name}", console)
