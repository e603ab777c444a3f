"""Progress of a sweep: a rich bar on a terminal, plain lines otherwise."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from robustsweep.cli.terminal import say, warn
from robustsweep.printable import printable

_PLAIN_EVERY_S = 30.0


class TerminalProgress:
    """Draws the events of a sweep.

    Args:
        console: Where to draw.
        noun: What is counted, in the plural.
    """

    def __init__(self, console: Console, noun: str = "cells") -> None:
        self._console = console
        self._noun = noun
        self._bar: Progress | None = None
        self._units_task = TaskID(0)
        self._cells = self._cells_done = self._units = self._units_done = 0
        self._begun = self._last_line = time.monotonic()

    def __enter__(self) -> "TerminalProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def begin(self, cells: int, units: int) -> None:
        """Open the bar."""
        self._cells, self._units = cells, units
        self._begun = self._last_line = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                TextColumn(f"{{task.fields[cells]}} {self._noun}"),
                TextColumn("{task.fields[rate]}"),
                TextColumn("ETA"),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=self._console,
                transient=True,
            )
            self._units_task = self._bar.add_task("starting", total=units, cells=f"0/{cells}", rate="")
            self._bar.start()

    def working_on(self, checkpoint: str, condition: str) -> None:
        """Name the cell at work."""
        if self._bar:
            self._bar.update(self._units_task, description=printable(f"{checkpoint}  {condition}"))

    def advance(self, cells: int, units: int) -> None:
        """Move the bar, or print a line now and then."""
        self._cells_done += cells
        self._units_done += units
        now = time.monotonic()
        rate = self._units_done / max(now - self._begun, 1e-9)
        if self._bar:
            self._bar.update(
                self._units_task, advance=units, cells=f"{self._cells_done}/{self._cells}", rate=f"{rate:,.0f} img/s"
            )
        elif now - self._last_line >= _PLAIN_EVERY_S or self._cells_done == self._cells:
            self._last_line = now
            left = (self._units - self._units_done) / max(rate, 1e-9)
            say(
                f"{self._cells_done}/{self._cells} {self._noun}  {rate:,.0f} img/s  ETA {left / 60:.1f} min",
                self._console,
            )

    def warn(self, sentence: str) -> None:
        """Print a warning above the bar."""
        warn(sentence, self._console)
