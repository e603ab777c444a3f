"""Events of a sweep while it runs; the command line draws them, a notebook can leave them out."""

from typing import Protocol


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
