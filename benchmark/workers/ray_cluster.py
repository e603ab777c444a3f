"""A Ray cluster that is running: takes tasks, and runs those of a lost machine again on another."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from robustsweep.cache import CACHE_VARIABLE
from robustsweep.errors import MissingDependencyError, RobustsweepError, UsageError
from robustsweep.foreign_code import described

Item = TypeVar("Item")
Result = TypeVar("Result")

_IN_FLIGHT = 2
_MOST_GPUS = 1000
# A machine may be lost again and again; a network that crashes its process must not run for ever.
_MOST_RETRIES = 20
_REACH_S = 10.0
# So often machines that have joined are noticed.
_LOOK_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Lost:
    """What stands for the result of a task that cannot be had.

    Attributes:
        reason: Why, in Ray's words.
    """

    reason: str


def is_on_ray(request: Any) -> bool:
    """Say whether a request, of a sweep or of training runs, wants a cluster.

    Args:
        request: With the fields ``engine``, ``ray_address``, ``gpus_per_task`` and ``device``.

    Raises:
        UsageError: If its fields contradict each other.
    """
    gpus = request.gpus_per_task
    if request.engine != "ray":
        if gpus is not None or request.ray_address != "auto":
            raise UsageError("The address of a Ray cluster and GPUs per task have no meaning without the engine ray.")
        return False
    if request.device != "auto" or getattr(request, "devices", ()):
        raise UsageError("With the engine ray, Ray chooses the devices; give GPUs per task and no device.")
    if gpus is not None and not (0 <= gpus < _MOST_GPUS and (gpus <= 1 or gpus == int(gpus))):
        raise UsageError(f"GPUs per task must be 0, a part of one, or a whole number, got {gpus}.")
    return True


class Cluster:
    """A connection to a cluster, see ``connected``.

    Args:
        ray: The package.
        gpus_per_task: Of a machine's GPUs; 0: tasks compute on the processor.
    """

    def __init__(self, ray: Any, gpus_per_task: float) -> None:
        self._ray, self.gpus_per_task = ray, gpus_per_task

    def put(self, content: Any) -> Any:
        """Hold a value for tasks, which ``fetched`` gives to them; each machine that asks gets it once."""
        return self._ray.put(content)

    def slots(self) -> int:
        """Return how many tasks can run at once now, 1 at least."""
        resources = self._ray.cluster_resources()
        if self.gpus_per_task:
            return max(1, int(resources.get("GPU", 0) / self.gpus_per_task))
        return max(1, int(resources.get("CPU", 0)))

    def results(
        self, work: Callable[..., Result], arguments: Callable[[Item], tuple[Any, ...]], take: Callable[[], Item | None]
    ) -> Generator[tuple[Item, Result | Lost], None, None]:
        """Run tasks, two per slot in flight, and give back what comes of each as it comes.

        Args:
            work: A function of a module that every machine can import.
            arguments: Makes its arguments of an item.
            take: Returns the next item; None or what is empty: there is no other.

        Raises:
            RobustsweepError: What a task raised.
            UsageError: If it raised something else, since the machines differ.
        """
        remote = self._ray.remote(
            num_cpus=1, num_gpus=self.gpus_per_task, max_retries=_MOST_RETRIES, retry_exceptions=False
        )(work)
        flying: dict[Any, Item] = {}
        while True:
            while len(flying) < _IN_FLIGHT * self.slots() and (item := take()):
                flying[remote.remote(*arguments(item))] = item
            if not flying:
                return
            for reference in self._ray.wait(list(flying), num_returns=1, timeout=_LOOK_EVERY_S)[0]:
                item = flying.pop(reference)
                yield item, self._result(reference)

    def _result(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, RobustsweepError):
                raise error.cause from None
            raise UsageError(
                f"A task failed on a machine of the cluster ({described(error.cause)}); every machine needs the same "
                "versions of robustsweep, its libraries, Python and Ray."
            ) from None
        except self._ray.exceptions.RayError as error:
            return Lost(described(error))


@contextmanager
def connected(address: str, gpus_per_task: float | None) -> Iterator[Cluster]:
    """Connect to a cluster.

    Args:
        address: ``HOST:PORT``, or ``"auto"`` for the one that this machine belongs to.
        gpus_per_task: Of a machine's GPUs; None: one, if the cluster has any.

    Raises:
        MissingDependencyError: If Ray is not installed.
        UsageError: If there is no such cluster, or it has other versions.
    """
    ray = _imported()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _reach(address)
        ray.init(address=address, configure_logging=False, log_to_driver=False)
        # It has no option: Ray would print pages about every lost machine, whose tasks run again.
        import_module("ray._private.worker")._worker_logs_enabled = False  # type: ignore[attr-defined]
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"There is no Ray cluster at {address!r} that fits ({described(error)}); start one with: ray start --head, "
            "or name it with --ray-address."
        ) from error
    finally:
        # Ray takes signals over, and an interruption has to end as without it.
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)
    try:
        if gpus_per_task is None:
            gpus_per_task = float(bool(ray.cluster_resources().get("GPU", 0)))
        yield Cluster(ray, gpus_per_task)
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Try whether anybody is there; Ray would wait for many minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isascii() and port.isdigit():
        socket.create_connection((host, int(port)), _REACH_S).close()


def fetched(reference: Any) -> Any:
    """Return what ``Cluster.put`` was given, inside a task."""
    return _imported().get(reference)


def settled_in() -> Path:
    """Make the process of a task ready, and return a folder of its machine, in Ray's temporary one, for all tasks."""
    import torch

    folder = Path(_imported().get_runtime_context().get_temp_dir(), "robustsweep")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault(CACHE_VARIABLE, str(folder / "cache"))
    torch.set_num_threads(1)
    return folder


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # As Ray will have it by itself: a task without GPUs sees those of its machine.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return import_module("ray")
    except ImportError as error:
        raise MissingDependencyError("ray is not installed; get it with: pip install 'robustsweep[ray]'.") from error
