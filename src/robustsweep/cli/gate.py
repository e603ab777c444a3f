"""``robustsweep gate``: the verdict of a CI run."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robustsweep.api.run_reports import WrittenBaseline
    from robustsweep.results.gate.outcome import Outcome


def gate(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="Run folder with the candidates.")],
    baseline: Annotated[
        Path | None, typer.Option(help="What to judge by: a run folder, or a file that --write-baseline wrote.")
    ] = None,
    margin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<str>",
            help="METRIC=PP: least difference that matters, in percentage points; a score such as fog_error, or a "
            "kind: primary (0.5), C-bar (0.5), corruption, 'C-bar corruption', clean or attack (1 each). Repeatable.",
        ),
    ] = None,
    retrained: Annotated[
        bool,
        typer.Option(
            "--retrained",
            help="The candidates are new training runs: judge each by all of its method in the baseline (3 or more).",
        ),
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="JUnit XML file to write.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 5 if a score is inconclusive.")] = False,
    write_baseline: Annotated[
        Path | None, typer.Option(help="Write DIR as a baseline file; with --baseline only if nothing fails.")
    ] = None,
) -> None:
    """Fail when a checkpoint has become less robust than its baseline on the same images.

    A score fails only if the loss is significant (paired by image, one family) and at least its margin. Exit codes:
    0 passed, 1 regression, 2 bad input, 4 baseline missing or foreign, 5 inconclusive under --strict.
    """
    from robustsweep.api.run_reports import gate as judge
    from robustsweep.api.run_reports import write_baseline as write
    from robustsweep.errors import UsageError

    if baseline is None and write_baseline is None:
        raise UsageError("Give --baseline DIR_OR_FILE to judge by, or --write-baseline FILE to begin.")
    outcome = None if baseline is None else judge(run, baseline, margins=margin or (), retrained=retrained)
    if outcome is not None:
        show(outcome, junit)
        if outcome.count("FAIL"):
            outcome.raise_unless_passed(strict=strict)
    if write_baseline is not None:
        show_written(write(run, write_baseline, margins=margin or ()))
    if outcome is not None:
        outcome.raise_unless_passed(strict=strict)


@contextmanager
def _stopped_commands() -> Iterator[None]:
    """Keep a GitHub runner from taking names of checkpoints, wherever lines break, for commands to it."""
    from robustsweep.cli.terminal import say

    token = secrets.token_hex(16) if os.environ.get("GITHUB_ACTIONS") == "true" else ""
    if token:
        say(f"::stop-commands::{token}")
    try:
        yield
    finally:
        if token:
            say(f"::{token}::")


def show(outcome: "Outcome", junit: Path | None) -> None:
    """Print the verdicts; write the annotations, the JUnit file and the step summary that are wanted."""
    from rich.console import Console

    from robustsweep.cli.terminal import say
    from robustsweep.results.gate.annotations import annotations
    from robustsweep.results.gate.junit import junit_xml
    from robustsweep.results.gate.outcome import verdict_table
    from robustsweep.results.gate.step_summary import LIMIT_BYTES, step_summary
    from robustsweep.results.report.terminal import to_rich
    from robustsweep.results.stored.files import write_atomically

    console = Console(highlight=False)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for command in annotations(outcome):
            say(command, console)
    with _stopped_commands():
        if outcome.networks:
            say(outcome.networks, console)
        if outcome.judged:
            console.print(to_rich(verdict_table(outcome), console.width))
        say(outcome.sentence, console, "bold")
    if junit is not None:
        write_atomically(junit, junit_xml(outcome))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        path = Path(summary)
        used = path.stat().st_size if path.is_file() else 0
        with path.open("a", encoding="utf-8") as file:
            file.write(step_summary(outcome, max(0, LIMIT_BYTES - used)))


def show_written(written: "WrittenBaseline") -> None:
    """Say that a baseline was written, and what it can show."""
    from rich.console import Console

    from robustsweep.cli.terminal import say
    from robustsweep.printable import counted
    from robustsweep.results.report.terminal import to_rich

    console = Console(highlight=False)
    n_checkpoints, size = counted(len(written.checkpoints), "checkpoint"), written.path.stat().st_size
    say(f"Wrote {written.path}: {n_checkpoints}, {size / 1000:.0f} kB.", console)
    if written.power is not None:
        with _stopped_commands():
            console.print(to_rich(written.power, console.width))
