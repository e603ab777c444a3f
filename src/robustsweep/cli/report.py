"""``robustsweep report``: tables and figures from stored cells."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from robustsweep.results.report.document import Report

_MOST_NOTES = 3


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
    columns: Annotated[
        str | None,
        typer.Option(
            help="Scores of the paper's table (latex: paper_table.tex), separated by commas, such as "
            "clean_error,mean_corruption_error,fog_error. Default: mean, clean and groups."
        ),
    ] = None,
    digits: Annotated[int | None, typer.Option(help="Digits after the point in the paper's table. Default: 1.")] = None,
    spread: Annotated[
        str | None,
        typer.Option(help="Behind the means of the paper's table: sd (over training seeds) or interval. Default: sd."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Method to which the paper's table shows differences. Default: cutmix, else baseline. The table takes "
            "one column of a two-column paper if it fits, else the page (table*)."
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print every table of the summary, with its notes, not the first alone.")
    ] = False,
) -> None:
    """Turn the cells of one or several runs into tables, figures and an HTML page that opens from disk."""
    from rich.console import Console

    from robustsweep.api.run_reports import report as write

    written = write(
        runs,
        out,
        formats=formats,
        reference=reference,
        columns=columns,
        digits=digits,
        spread=spread,
        against=against,
    )
    console = Console(highlight=False)
    if verbose:
        _show_all(console, written)
    else:
        show(console, written)
    _name_files(console, written)


def show(console: "Console", written: "Report") -> None:
    """Print what a report says first: its sentences, the headline, accuracies under attack, and what is missing."""
    from robustsweep.cli.terminal import tell
    from robustsweep.results.comparable.notes import of_kind
    from robustsweep.results.report.terminal import first_tables, marks, to_rich

    for section in written.sections:
        tell(section.unit.scope.title, console, "cyan")
        for sentence in section.summary:
            tell(sentence, console)
        tables = first_tables(section)
        for table in tables:
            console.print()
            console.print(to_rich(table, console.width, brief=True))
        tell(marks(tables, console.width), console, "dim")
        for note in (note for table in tables for note in of_kind(table.notes, "no mCE")):
            tell(note, console, "dim")
        console.print()
    notes = list(dict.fromkeys(note for section in written.sections for note in section.unit.notes))
    more = [f"{len(notes) - _MOST_NOTES} more notes are in the report."] if len(notes) > _MOST_NOTES else []
    missing = (
        [f"Planned cells that are missing: {written.n_missing}; the report lists them."] if written.n_missing else []
    )
    for note in (*notes[:_MOST_NOTES], *more, *missing):
        tell(f"Note: {note}", console, "yellow")


def _show_all(console: "Console", written: "Report") -> None:
    from robustsweep.cli.terminal import say
    from robustsweep.results.report.terminal import to_rich

    for note in dict.fromkeys(note for section in written.sections for note in section.unit.notes):
        say(f"Note: {note}", console, "yellow")
    console.print()
    for table in written.tables:
        if table.depth == "summary":
            console.print(to_rich(table, console.width))
            console.print()


def _name_files(console: "Console", written: "Report") -> None:
    """Name what a person opens, and count the rest."""
    from robustsweep.cli.terminal import say

    for folder in dict.fromkeys(path.parent for path in written.files):
        inside = [path for path in written.files if path.parent == folder]
        opened = [path for path in inside if path.stem in ("report", "paper_table") or len(inside) == 1]
        names = [str(path) for path in opened]
        names += [f"{folder}/ ({len(inside)} files)"] if len(inside) > len(opened) else []
        for name in names:
            say(f"Wrote {name}", console)
