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
from robustsweep.cli.side_commands.attribute import attribute
from robustsweep.cli.side_commands.publish import publish
from robustsweep.cli.side_commands.search import search
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
    rich_markup_mode=None,  # it would take [train] for markup and leave it out
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


app.command(name="demo", short_help="Train three methods on digits, sweep the networks and report.")(demo)
app.command(name="train", short_help="Train one network with each method and seed, all else alike.")(train)
app.command(name="sweep", short_help="Take checkpoints through corruptions and attacks.")(sweep)
app.command(name="report", short_help="Turn the results of runs into tables, figures and a page.")(report)
app.command(name="compare", short_help="Compare a method with others on the same images.")(compare)
app.command(name="gate", short_help="Fail when a checkpoint has become less robust.")(gate)
app.command(name="publish", short_help="Write scores in the formats of public collections.")(publish)
app.command(name="attribute", short_help="Show and measure where networks look.")(attribute)
app.command(name="search", short_help="Find a policy of Fast AutoAugment on training images.")(search)
app.command(name="corrupt", short_help="Write corrupted images in the layout of CIFAR-C or ImageNet-C.")(corrupt)
app.command(name="convert", short_help="Write a checkpoint and its card as one safetensors file.")(convert)
app.command(name="list", short_help="List the methods, corruptions, attacks and all that has a name.")(list_names)
