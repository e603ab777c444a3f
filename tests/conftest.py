"""What holds for every test: processors are shared, and what a command does to its process is undone."""

import os
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


# Read when torch is loaded, which no test has done yet: one thread for each worker beside others.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
