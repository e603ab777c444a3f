"""Several devices of this machine, each with a process of its own that computes what is asked of it."""

import multiprocessing
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from signal import Signals
from typing import Any

import torch

from robustsweep.benchmark.plan.plan import Plan, PlannedCell
from robustsweep.benchmark.plan.shard import cost
from robustsweep.benchmark.sweep.progress import Progress, Settled, ToldOnce
from robustsweep.benchmark.sweep.sweep import SweepSettings
from robustsweep.benchmark.workers.device_process import serve
from robustsweep.benchmark.workers.portions import Portions
from robustsweep.benchmark.workers.worker import RemakePlan
from robustsweep.process.children import interruptions_held
from robustsweep.results.stored.store import CellStore

_END_S = 10.0


@dataclass(slots=True)
class _Member:
    """One process, and what it is at work on."""

    process: BaseProcess
    connection: Connection
    device: torch.device
    is_ready: bool = False
    cells: Sequence[PlannedCell] = ()
    cells_told: int = 0
    units_told: int = 0

    def receive(self) -> tuple[Any, ...]:
        """Return the next message; ``("lost", None)`` if the process has ended."""
        try:
            message: tuple[Any, ...] = self.connection.recv()
        except (EOFError, OSError):
            return ("lost", None)
        self.is_ready |= message[0] == "ready"
        return message

    def show(self, progress: Progress, name: str, *arguments: Any) -> None:
        """Pass an event on."""
        if name == "advance":
            self.cells_told += arguments[0]
            self.units_told += arguments[1]
        getattr(progress, name)(*arguments)

    def give(self, cells: Sequence[PlannedCell]) -> None:
        """Let the process compute cells; none: let it end."""
        self.cells, self.cells_told, self.units_told = cells, 0, 0
        with suppress(OSError):  # if it has ended, the next message says so
            self.connection.send([cell.key for cell in cells])

    def how_it_ended(self, reason: str | None) -> str:
        """Say which process it was, and why it computes no more."""
        name = f"the worker on {self.device} (process {self.process.pid})"
        if reason is not None:
            return f"{name} cannot go on ({reason})"
        self.process.join(_END_S)
        code = self.process.exitcode
        if code is not None and code < 0:
            why = ", as the system does if memory runs out" if -code == Signals.SIGKILL else ""
            return f"{name} was ended by {Signals(-code).name}{why}"
        ended = f"{name} ended with exit code {code}"
        if self.is_ready:
            return ended
        return f'{ended} before its first cell; a script of yours must do its work below if __name__ == "__main__":'


class Devices:
    """An engine of a sweep: one process per device.

    Numbers do not depend on which process computes a cell, as far as those of PyTorch do not depend on the device and
    the number of threads, which the processes divide among them. If a process ends, what it was at work on has failed,
    and the others go on.

    Args:
        plan: What is wanted.
        remake: Makes the same plan in another process.
        devices: One for each process; a device may be given several times.
        store: The run folder.
        settings: How to compute.
    """

    def __init__(
        self, plan: Plan, remake: RemakePlan, devices: Sequence[torch.device], store: CellStore, settings: SweepSettings
    ) -> None:
        self._remake, self._devices, self._store, self._settings = remake, devices, store, settings
        self._n_images = len(plan.source.positions)

    def compute(
        self, cells: Sequence[PlannedCell], plan_name: str, progress: Progress
    ) -> Generator[Settled, None, None]:
        """Compute cells, and tell of them as they are settled; see ``Engine``.

        Raises:
            RobustsweepError: If a process cannot make the plan, or images cannot be read there.
        """
        portions, crew = Portions(cells, len(self._devices)), list[_Member]()
        try:
            with interruptions_held():
                # No more processes can have anything to do than there are chunks.
                for device in self._devices[: len(portions)]:
                    crew.append(self._start(device, plan_name))
            yield from self._drive(crew, portions, ToldOnce(progress))
        finally:
            # What they have finished is written, and what they have not is computed again.
            for member in crew:
                member.process.kill()
                member.process.join()
                member.connection.close()

    def _start(self, device: torch.device, plan_name: str) -> _Member:
        context = multiprocessing.get_context("spawn")
        connection, theirs = context.Pipe()
        settings = replace(self._settings, device=device)
        n_threads = max(1, torch.get_num_threads() // len(self._devices))
        arguments = (theirs, self._remake, self._store.root, settings, plan_name, n_threads)
        process = context.Process(target=serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return _Member(process, connection, device)

    def _drive(self, crew: Sequence[_Member], portions: Portions, progress: Progress) -> Generator[Settled, None, None]:
        at_work: dict[object, _Member] = {member.connection: member for member in crew}
        end = ""
        while at_work:
            for connection in wait([member.connection for member in at_work.values()]):
                member = at_work[connection]
                kind, *content = member.receive()
                if kind == "event":
                    member.show(progress, *content)
                    continue
                if kind == "refused":
                    raise content[0]
                settled, portion = list[Settled](), list[PlannedCell]()
                if kind == "lost":
                    end = member.how_it_ended(content[0])
                    settled = [self._lost(member, end, progress)]
                else:
                    settled = [Settled(member.cells, *content)] if kind == "settled" else []
                    portion = portions.take()
                if not portion:
                    del at_work[connection]
                member.give(portion)
                yield from settled
        if rest := portions.rest():
            progress.advance(len(rest), self._units(rest))
            yield Settled(rest, 0, _failures(rest, f"no worker is left, since {end}"))

    def _units(self, cells: Sequence[PlannedCell]) -> int:
        return sum(cost(cell.condition) for cell in cells) * self._n_images

    def _lost(self, member: _Member, sentence: str, progress: Progress) -> Settled:
        progress.warn(f"{sentence[0].upper()}{sentence[1:]}.")
        progress.advance(len(member.cells) - member.cells_told, self._units(member.cells) - member.units_told)
        unfinished = [cell for cell in member.cells if not self._store.has(cell.checkpoint.id, cell.key)]
        return Settled(member.cells, len(member.cells) - len(unfinished), _failures(unfinished, sentence))


def _failures(cells: Sequence[PlannedCell], sentence: str) -> tuple[str, ...]:
    return tuple(f"{cell.checkpoint.name}, {cell.condition.name}: {sentence}." for cell in cells)
