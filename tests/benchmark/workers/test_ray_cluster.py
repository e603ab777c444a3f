"""Tasks on a cluster that is acted here: how many are under way, and what becomes of those that end badly."""

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from robustsweep.benchmark.plan.request import SweepRequest
from robustsweep.benchmark.workers.ray_cluster import Cluster, Lost, connected, is_on_ray
from robustsweep.errors import DataError, MissingDependencyError, UsageError


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__("a long text with a traceback")
        self.cause = cause


class ActedRay:
    """Runs a task when its result is asked for; the last one submitted is the first that is finished."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, **resources: float) -> None:
        self.resources, self.options, self.most = resources, {}, 0
        self.flying: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, **options: Any) -> Any:
        self.options = options

        def submit(work: Callable[..., Any], *arguments: Any) -> Any:
            self.flying.append((work, arguments))
            self.most = max(self.most, len(self.flying))
            return self.flying[-1]

        return lambda work: SimpleNamespace(remote=lambda *arguments: submit(work, *arguments))

    def wait(self, references: list[Any], **options: Any) -> tuple[list[Any], list[Any]]:
        return references[-1:], references[:-1]

    def get(self, reference: Any) -> Any:
        self.flying.remove(reference)
        work, arguments = reference
        return work(*arguments)


def run(ray: ActedRay, work: Callable[[int], Any], gpus_per_task: float = 0) -> list[tuple[int, Any]]:
    items = list(range(1, 10))
    cluster = Cluster(ray, gpus_per_task)
    return list(cluster.results(work, lambda item: (item,), lambda: items.pop() if items else None))


@pytest.mark.parametrize(
    ("resources", "gpus", "most"),
    [
        ({"CPU": 3.0}, 0, 6),
        ({"CPU": 64.0, "GPU": 1.0}, 0.5, 4),
        ({"CPU": 64.0, "GPU": 2.0}, 1, 4),
        ({}, 0, 2),
        ({"CPU": 8.0}, 1, 2),
    ],
)
def test_two_tasks_are_under_way_for_each_that_can_run(resources: dict[str, float], gpus: float, most: int) -> None:
    ray = ActedRay(**resources)
    assert sorted(run(ray, lambda item: -item, gpus)) == [(item, -item) for item in range(1, 10)]
    assert ray.most == most
    assert ray.options == {"num_cpus": 1, "num_gpus": gpus, "max_retries": 20, "retry_exceptions": False}


def test_a_task_that_cannot_be_had_is_lost_and_the_others_go_on() -> None:
    def work(item: int) -> int:
        if item == 4:
            raise RayError("the machine was lost 21 times")
        return item

    assert dict(run(ActedRay(CPU=1), work))[4] == Lost("RayError('the machine was lost 21 times')")


@pytest.mark.parametrize(
    ("cause", "error", "message"),
    [
        (DataError("images.tar is truncated."), DataError, r"^images\.tar is truncated\.$"),
        (
            ModuleNotFoundError("No module named 'robustsweep'"),
            UsageError,
            "No module named .* needs the same versions",
        ),
    ],
)
def test_what_a_task_raises_ends_all(cause: Exception, error: type[Exception], message: str) -> None:
    def work(item: int) -> int:
        raise RayTaskError(cause)

    with pytest.raises(error, match=message):
        run(ActedRay(CPU=1), work)


def test_without_ray_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'robustsweep\[ray\]'"), connected("auto", None):
        pass


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gpus_per_task": 0.5}, "no meaning without the engine ray"),
        ({"ray_address": "head:6379"}, "no meaning without the engine ray"),
        ({"engine": "ray", "device": "cpu"}, "Ray chooses the devices"),
        ({"engine": "ray", "devices": ("cpu", "cpu")}, "Ray chooses the devices"),
        ({"engine": "ray", "gpus_per_task": 1.5}, "must be 0, a part of one, or a whole number, got 1.5"),
        ({"engine": "ray", "gpus_per_task": -1.0}, "must be 0, a part of one, or a whole number, got -1"),
        ({"engine": "ray", "gpus_per_task": float("nan")}, "must be 0, .* got nan"),
    ],
)
def test_requests_that_contradict_themselves_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        is_on_ray(SweepRequest(**fields))


def test_a_request_says_whether_it_wants_a_cluster() -> None:
    assert not is_on_ray(SweepRequest(device="cpu"))
    assert is_on_ray(SweepRequest(engine="ray", gpus_per_task=0.25))
