"""Text for the terminal: names and sentences from elsewhere stay text, and steer nothing."""

import contextlib
import sys
from typing import TYPE_CHECKING

from robustsweep.cli.streams import broken
from robustsweep.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST = 4000
_SHOWN = 1000


def say(line: str, console: "Console | None" = None, style: str = "") -> None:
    """Print one line to standard output as it is: no markup, no control characters, no wrapping.

    Args:
        line: What to say.
        console: Where a bar is being drawn; None: a new one.
        style: A style of rich's for the whole line.
    """
    from rich.console import Console
    from rich.text import Text

    (console or Console()).print(Text(printable(line), style=style), soft_wrap=True)


def tell(sentence: str, console: "Console", style: str = "") -> None:
    """Print a sentence as ``say`` does, wrapped at the width of the console."""
    from rich.text import Text

    console.print(Text(printable(sentence), style=style))


def warn(sentence: str, console: "Console") -> None:
    """Print a warning above a bar."""
    from rich.text import Text

    console.print(Text.assemble(("warning", "yellow"), f" {printable(sentence)}"), soft_wrap=True)


def complain(sentence: str, kind: str = "error") -> None:
    """Print a sentence to standard error, the middle left out if it is longer than anybody reads.

    What cannot be said is not said: an exit code says it too.
    """
    if len(sentence) > _LONGEST:
        sentence = f"{sentence[:_SHOWN]} ... {sentence[-_SHOWN:]}"
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{kind}: {printable(sentence)}\n")
    broken(sys.stderr)
