"""Standard streams that are closed, full, or of a narrow encoding."""

import contextlib
import io
import os
import sys
from typing import TextIO

from robustsweep.errors import UsageError


def open_streams() -> None:
    """Give a stream that is closed a place to go, and let standard output replace what its encoding lacks.

    Raises:
        UsageError: If standard output is closed.
    """
    is_closed = sys.stdout is None
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It takes the lowest free descriptor, the stream's own: no file that is opened later is written to by
            # accident.
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    if is_closed:
        raise UsageError("standard output is closed; send it to a file, or to /dev/null.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def broken(stream: TextIO) -> OSError | None:
    """Send out what a stream still holds; return why that cannot be done, and give up what it holds."""
    try:
        stream.flush()
    except OSError as error:
        # At its end the interpreter tries again, and would complain.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None
