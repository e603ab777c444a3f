"""A sweep and a training on a cluster of this machine: what one process computes, to the last bit."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_sweeps import Ledger, same, stored

from robustsweep.api.plan_runs import plan_sweep, train
from robustsweep.benchmark.workers.ray_cluster import Cluster

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

NETWORKS = """
import os, signal
from pathlib import Path
import torch
class Mean(torch.nn.Module):
    def __init__(self, seed, classes):
        super().__init__()
        torch.manual_seed(seed)
        self.linear = torch.nn.Linear(3 * 8 * 8, classes)
    def forward(self, images):
        return self.linear(torch.nn.functional.adaptive_avg_pool2d(images, 8).flatten(1))
class Deadly(Mean):
    def forward(self, images):
        marker = Path(os.environ["MARKER"])
        if "RAY_JOB_ID" in os.environ and len(images) > 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)
class Broken(Mean):
    def forward(self, images):
        if len(images) > 1:
            raise RuntimeError("shapes do not fit")
        return super().forward(images)
def mean(classes): return Mean(0, classes)
def deadly(classes): return Deadly(1, classes)
def broken(classes): return Broken(2, classes)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "networks_on_ray.py").write_text(NETWORKS)
    return folder


@pytest.fixture(scope="module", autouse=True)
def address(home: Path) -> Iterator[str]:
    """Start a cluster of two machines with one core each, and one that computes nothing."""
    from ray.cluster_utils import Cluster as Machines

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("MARKER", str(home / "killed"))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(home), os.environ.get("PYTHONPATH", "")]))
        patch.syspath_prepend(home)
        machines = Machines(initialize_head=True, head_node_args={"num_cpus": 0})
        for _ in range(2):
            machines.add_node(num_cpus=1)
        yield machines.address
        machines.shutdown()


def swept(run: Path, progress: Ledger | None = None, **keys: Any) -> Any:
    plan = {
        "checkpoints": [f"py:networks_on_ray:{name},classes=10,norm=none" for name in ("mean", "deadly")],
        "suites": ["clean", "fog@1-3", "fgsm-linf@2/255", "pgd2-linf@2/255"],
        "limit": 20,
        "audit": False,
        "out": str(run),
        **keys,
    }
    return plan_sweep(plan).run(progress)


def test_tasks_compute_what_one_process_does_and_one_whose_process_is_killed_runs_again(
    tmp_path: Path, address: str, home: Path
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    ledger = Ledger()
    on_ray = {"engine": "ray", "ray_address": address}
    summary = swept(tmp_path / "ray", ledger, **on_ray)
    assert (summary.computed, summary.reused, summary.failed) == (12, 0, ())
    assert (home / "killed").exists()
    assert (ledger.cells, ledger.units) == ledger.announced
    assert signal.getsignal(signal.SIGTERM) is before
    assert swept(tmp_path / "plain", device="cpu").computed == 12
    assert same(stored(tmp_path / "ray"), stored(tmp_path / "plain"))
    pictures = [sorted((tmp_path / run / "samples").iterdir()) for run in ("ray", "plain")]
    assert [path.read_bytes() for path in pictures[0]] == [path.read_bytes() for path in pictures[1]]
    assert swept(tmp_path / "plain", **on_ray).reused == 12


def test_a_cell_that_cannot_be_computed_is_named_and_the_rest_is_stored(tmp_path: Path, address: str) -> None:
    checkpoints = [f"py:networks_on_ray:{name},classes=10,norm=none" for name in ("mean", "broken")]
    summary = swept(tmp_path, checkpoints=checkpoints, suites=["clean", "fog@1"], engine="ray", ray_address=address)
    assert summary.computed == 2
    assert sorted(summary.failed) == ["broken, clean: shapes do not fit", "broken, fog@1: shapes do not fit"]


def test_weights_travel_to_machines_that_have_no_such_file(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from networks_on_ray import Mean

    weights = tmp_path / "here" / "mine.pth"
    weights.parent.mkdir()
    torch.save(Mean(3, 10).state_dict(), weights)
    slots = Cluster.slots

    def packed_before(self: Cluster) -> int:
        weights.unlink(missing_ok=True)
        return slots(self)

    monkeypatch.setattr(Cluster, "slots", packed_before)
    checkpoint = f"py:networks_on_ray:mean,weights={weights},classes=10,norm=none,name=mine"
    summary = swept(tmp_path / "run", checkpoints=[checkpoint], engine="ray", ray_address=address)
    assert not weights.exists()
    assert (summary.computed, summary.failed) == (6, ())


def test_training_runs_on_the_cluster_end_in_the_weights_of_one_process(tmp_path: Path, address: str) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        grid = {"methods": ["baseline", "cutmix"], "epochs": 1, "limit": 64}
        on_ray = train({"train": {**grid, "out": str(tmp_path / "ray"), "engine": "ray", "ray_address": address}})
        plain = train({"train": {**grid, "out": str(tmp_path / "plain"), "device": "cpu"}})
    finally:
        torch.set_num_threads(threads)
    from safetensors.torch import load_file

    for one, other in zip(on_ray, plain, strict=True):
        weights, expected = load_file(one), load_file(other)
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in weights)
    assert sorted(path.name for path in (tmp_path / "ray").iterdir()) == sorted(
        path.name for path in (tmp_path / "plain").iterdir()
    )
