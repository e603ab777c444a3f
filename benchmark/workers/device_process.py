"""The work of a process that computes on one device for a sweep, and its messages to the one that started it.

It sends ``("ready",)``; ``("event", name, *arguments)``, an event of ``Progress``; ``("settled", computed, failed)``
after each list of keys that it receives; ``("refused", error)`` if the sweep cannot go on; and ``("lost", reason)`` if
this process cannot. An empty list ends it.
"""

import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from robustsweep.benchmark.sweep.progress import Silent
from robustsweep.benchmark.sweep.sweep import SweepSettings
from robustsweep.benchmark.workers.worker import RemakePlan, Worker
from robustsweep.errors import RobustsweepError
from robustsweep.foreign_code import described
from robustsweep.process.children import serve_parent
from robustsweep.process.shown_warnings import show_warnings_by
from robustsweep.results.stored.store import CellStore


class _Sender(Silent):
    """Sends messages, events among them; threads that decode images may warn while a cell is computed."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def send(self, *message: Any) -> None:
        """Send a message."""
        with self._lock:
            self._connection.send(message)

    def working_on(self, checkpoint: str, condition: str) -> None:
        """Send it."""
        self.send("event", "working_on", checkpoint, condition)

    def advance(self, cells: int, units: int) -> None:
        """Send it."""
        self.send("event", "advance", cells, units)

    def warn(self, sentence: str) -> None:
        """Send it."""
        self.send("event", "warn", sentence)


def serve(
    connection: Connection,
    remake: RemakePlan,
    run: Path,
    settings: SweepSettings,
    plan_name: str,
    n_threads: int,
) -> None:
    """Compute what is asked for until nothing is.

    Args:
        connection: To the process that started this one.
        remake: Makes the plan.
        run: The run folder.
        settings: How to compute, the device of this process included.
        plan_name: Name of the plan's file in the run folder.
        n_threads: The threads that PyTorch may use here.
    """
    serve_parent(n_threads)
    sender = _Sender(connection)
    show_warnings_by(sender.warn)
    with suppress(BrokenPipeError, EOFError):  # nobody listens any more
        try:
            worker = Worker(remake, CellStore(run), settings, plan_name, sender)
            _compute(connection, sender, worker, settings.device)
        except (RobustsweepError, OSError) as error:
            sender.send("refused", error)
        except Exception as error:  # whatever a library makes of a broken device
            sender.send("lost", described(error))


def _compute(connection: Connection, sender: _Sender, worker: Worker, device: torch.device) -> None:
    sender.send("ready")
    while keys := connection.recv():
        computed, failed = worker.compute(keys)
        sender.send("settled", computed, failed)
        if failed:
            # After some errors nothing can be computed on a device any more; the rest is for the others.
            torch.ones(1, device=device).sum().item()
