"""Events of a sweep while it runs; the command line draws them, a notebook can leave them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from robustsweep.benchmark.plan.plan import PlannedCell


class Progress(Protocol):
    """Receives the events of a sweep. A unit of work is one image through one forward pass, roughly."""

    def begin(self, cells: int, units: int) -> None:
        """Say how many cells and units are about to be computed."""

    def working_on(self, checkpoint: str, condition: str) -> None:
        """Say what is being computed now."""

    def advance(self, cells: int, units: int) -> None:
        """Say what has been finished since the last call."""

    def warn(self, sentence: str) -> None:
        """Pass on something that the user should know."""


class Silent:
    """Takes every event and shows nothing."""

    def begin(self, cells: int, units: int) -> None:
        """Show nothing."""

    def working_on(self, checkpoint: str, condition: str) -> None:
        """Show nothing."""

    def advance(self, cells: int, units: int) -> None:
        """Show nothing."""

    def warn(self, sentence: str) -> None:
        """Show nothing."""


class PassedOn:
    """Passes every event on.

    Args:
        progress: Receives it.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, cells: int, units: int) -> None:
        """Pass it on."""
        self._progress.begin(cells, units)

    def working_on(self, checkpoint: str, condition: str) -> None:
        """Pass it on."""
        self._progress.working_on(checkpoint, condition)

    def advance(self, cells: int, units: int) -> None:
        """Pass it on."""
        self._progress.advance(cells, units)

    def warn(self, sentence: str) -> None:
        """Pass it on."""
        self._progress.warn(sentence)


class ToldOnce(PassedOn):
    """Passes on what several workers tell; a sentence that all of them tell, once.

    Args:
        progress: Receives it.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress)
        self._told = set[str]()

    def warn(self, sentence: str) -> None:
        """Pass it on, unless it was."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._progress.warn(sentence)


@dataclass(frozen=True, slots=True)
class Settled:
    """Cells of which nothing is left to compute.

    Attributes:
        cells: All of them.
        computed: How many were computed and stored now; another process may have stored others.
        failed: One sentence per cell that could not be computed.
    """

    cells: Sequence[PlannedCell]
    computed: int
    failed: tuple[str, ...]
