"""The commands by name."""

from typing import Annotated

import typer

from robustsweep import __version__
from robustsweep.cli.compare import compare
from robustsweep.cli.convert import convert
from robustsweep.cli.corrupt import corrupt
from robustsweep.cli.demo import demo
from robustsweep.cli.gate import gate
from robustsweep.cli.listing import list_names
from robustsweep.cli.report import report
from robustsweep.cli.sweep import sweep
from robustsweep.cli.train import train

_EPILOG = (
    "Exit codes: 0 ok · 1 regression found, by gate alone · 2 usage or bad input · 3 some cells failed · "
    "4 nothing to compare · 5 inconclusive under --strict · 70 internal error · 130 interrupted, run the same command "
    "to continue."
)

app = typer.Typer(
    name="robustsweep",
    help="Measure how robust image classifiers are.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    # --debug is read before parsing, so that it also covers errors of parsing.
    del version, debug


app.command(name="demo")(demo)
app.command(name="train")(train)
app.command(name="sweep")(sweep)
app.command(name="report")(report)
app.command(name="compare")(compare)
app.command(name="gate")(gate)
app.command(name="corrupt")(corrupt)
app.command(name="convert")(convert)
app.command(name="list")(list_names)
