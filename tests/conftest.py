import signal
import sys
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Undo what the command line, run inside this process, does to it."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    handlers = [signal.getsignal(number) for number in numbers]
    hook, show = sys.unraisablehook, warnings.showwarning
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
    sys.unraisablehook, warnings.showwarning = hook, show
