"""Processes that this one starts to work for it: they leave interruptions to it, and end with it however it ends."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

import torch

from robustsweep.process.interruption import EXIT_CODE


@contextmanager
def interruptions_held() -> Iterator[None]:
    """Hold SIGINT back, for processes that are started meanwhile until each calls ``serve_parent``."""
    resource_tracker.ensure_running()  # starting it lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve_parent(n_threads: int) -> None:
    """Make a process that was started by another ready to work for it.

    Args:
        n_threads: The threads that PyTorch may use.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(n_threads)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "it was started by another"
    parent.join()
    os._exit(EXIT_CODE)
