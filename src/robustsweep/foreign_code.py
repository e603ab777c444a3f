"""Code of others that runs here: networks, factories, entry points, attacks, corruptions, methods.

What it raises is its own failure, of a cell or of a name, and never ends the command. That includes what Python lets
through ``except Exception``, such as the SystemExit of a script that is used as a module; the user's own interruption
alone passes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from robustsweep.errors import RobustsweepError

_LONGEST = 1000


class ForeignExitError(RuntimeError):
    """Another's code tried to end the process."""


class foreign_code:  # noqa: N801 - used like a function
    """A context in which every exception but KeyboardInterrupt is an ``Exception``, so that callers can catch it."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Exception | KeyboardInterrupt):
            raise ForeignExitError(f"its code tried to end the process with {described(error)}") from error


@contextmanager
def errors_alone(logger: str) -> Iterator[None]:
    """Let a library's logger pass errors alone: of what it warns, a sentence of ours follows.

    Args:
        logger: The library's name.
    """
    library = logging.getLogger(logger)
    level = library.level
    library.setLevel(logging.ERROR)
    try:
        yield
    finally:
        library.setLevel(level)


def described(error: BaseException) -> str:
    """Say what was raised: the sentence of an error of ours or of PyTorch's, else its kind and its text, cut short."""
    try:
        text = str(error) if isinstance(error, RobustsweepError | RuntimeError) and str(error) else repr(error)
    except Exception:  # an exception of others need not even bear being shown
        text = type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
