"""What holds for every test: it shares processors, waits for no disk and undoes what a command does to its process."""

import os
import signal
import sys
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_disk_waits() -> Iterator[None]:
    """Leave written files in the system's memory: what a test writes need not outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


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
