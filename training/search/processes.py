"""Processes that share the work of a search: this one alone, or several that end with it however it ends."""

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any

import torch

from robustsweep.process.children import serve_parent
from robustsweep.training.search.request import Search, SearchRequest, plan_search
from robustsweep.training.search.split_networks import SplitNetworks

_LOOK_EVERY_S = 0.5
_networks: SplitNetworks | None = None  # of a process that was started here


class Crew:
    """Runs methods of ``SplitNetworks`` by their names.

    Results do not depend on the number of processes, as far as those of PyTorch do not depend on the number of threads,
    which the processes divide among them.

    Args:
        search: What is wanted.
        report: See ``SplitNetworks``.
    """

    def __init__(self, search: Search, report: Callable[[int], None]) -> None:
        self._report = report
        self._pool: ProcessPoolExecutor | None = None
        self._networks = SplitNetworks(search, report)
        n = min(search.request.workers, len(search.splits))
        if n > 1:
            context = multiprocessing.get_context("spawn")
            self._reports = context.SimpleQueue()
            n_threads = max(1, torch.get_num_threads() // n)
            self._pool = ProcessPoolExecutor(n, context, _start, (search.request, self._reports, n_threads))

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._pool is None:
            return
        if kind is not None:
            # They may be in the middle of a long training, which a later run continues.
            for process in list(self._pool._processes.values()):
                process.kill()
        self._pool.shutdown(cancel_futures=True)

    def submit(self, task: str, *arguments: Any) -> "Future[Any]":
        """Start a method; without other processes it is finished when this returns."""
        if self._pool is not None:
            return self._pool.submit(_run, task, *arguments)
        future: Future[Any] = Future()
        future.set_result(getattr(self._networks, task)(*arguments))
        return future

    def wait(self, futures: Iterable["Future[Any]"]) -> set["Future[Any]"]:
        """Wait until one of them is finished, and return those that are."""
        while True:
            done = wait(futures, _LOOK_EVERY_S, FIRST_COMPLETED).done
            while self._pool is not None and not self._reports.empty():
                self._report(self._reports.get())
            if done:
                return done


def _start(request: SearchRequest, reports: Any, n_threads: int) -> None:
    global _networks
    serve_parent(n_threads)
    _networks = SplitNetworks(plan_search(request), reports.put)


def _run(task: str, *arguments: Any) -> Any:
    return getattr(_networks, task)(*arguments)
