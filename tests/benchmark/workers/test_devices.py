"""A sweep on several devices: the arrays of one process, whatever becomes of the workers."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny_sweeps import Ledger, same, stored, swept
from workers_of_tests import no_plan, other_plan, plan

from robustsweep.benchmark.plan.plan import Plan
from robustsweep.benchmark.sweep.sweep import SweepSettings, SweepSummary, run_sweep
from robustsweep.benchmark.workers.devices import Devices
from robustsweep.benchmark.workers.worker import RemakePlan
from robustsweep.errors import CellsFailedError, CheckpointError, DataError
from robustsweep.process.interruption import SENTENCE
from robustsweep.results.stored.store import CellStore

CPU = torch.device("cpu")


def swept_by(n: int, planned: Plan, remake: RemakePlan, run: Path, progress: Ledger | None = None) -> SweepSummary:
    store, settings = CellStore(run), SweepSettings()
    return run_sweep(planned, store, settings, progress, Devices(planned, remake, [CPU] * n, store, settings))


def test_two_workers_of_which_one_is_killed_and_then_two_give_the_arrays_of_one_process(tmp_path: Path) -> None:
    swept(plan(), tmp_path / "one")
    run, remake = tmp_path / "two", partial(plan, tmp_path / "killed")
    ledger = Ledger()
    first = swept_by(2, plan(), remake, run, ledger)
    assert first.computed == 24 - len(first.failed)
    assert 0 < len(first.failed) < 24
    assert all("the worker on cpu (process " in each and "was ended by SIGKILL" in each for each in first.failed)
    assert (ledger.cells, ledger.units) == ledger.announced
    assert len(ledger.sentences) == len(set(ledger.sentences))
    assert [told for told in ledger.sentences if told.startswith("The worker on cpu")]
    with pytest.raises(CellsFailedError, match="was ended by SIGKILL, as the system does if memory runs out"):
        first.raise_if_failed()
    finished = stored(run)
    second = swept_by(2, plan(), remake, run)
    assert (second.computed, second.reused, second.failed) == (len(first.failed), first.computed, ())
    assert same(stored(run), stored(tmp_path / "one"))
    assert all((stored(run)[cell]["nll"] == arrays["nll"]).all() for cell, arrays in finished.items())
    assert len(list(run.glob("compact/*.npz"))) == 4


def test_if_no_worker_is_left_all_that_is_left_has_failed(tmp_path: Path) -> None:
    ledger = Ledger()
    summary = swept_by(1, plan(), partial(plan, None), tmp_path, ledger)
    assert summary.computed + len(summary.failed) == 24
    assert "no worker is left, since the worker on cpu" in summary.failed[-1]
    assert (ledger.cells, ledger.units) == ledger.announced


@pytest.mark.parametrize(
    ("remake", "error", "message"),
    [
        (no_plan, CheckpointError, r"^a\.pth does not exist\.$"),
        (other_plan, DataError, "finds other images, weights or versions"),
    ],
)
def test_a_worker_that_cannot_make_the_same_plan_ends_the_sweep(
    tmp_path: Path, remake: RemakePlan, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        swept_by(1, plan(), remake, tmp_path)
    assert stored(tmp_path) == {}


NETWORK = """
import os, signal, time
from pathlib import Path
import torch
class Interrupting(torch.nn.Module):
    def forward(self, images):
        if Path("pids").is_dir() and len(images) > 1:
            Path("pids", str(os.getpid())).touch()
            if len(list(Path("pids").iterdir())) == 2:
                os.killpg(0, signal.SIGINT)
            while True:
                signal.pause()
        return images.mean((1, 2, 3))[:, None].repeat(1, 10)
def network(classes):
    return Interrupting()
"""


def test_an_interruption_ends_all_processes_with_130_and_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "interrupting.py").write_text(NETWORK)
    (tmp_path / "pids").mkdir()
    suites = [f"--suite={name}" for name in ("clean", "fog@1", "fog@2", "contrast@1")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "robustsweep", "sweep", "--checkpoint", "py:interrupting:network,classes=10"),
            *(*suites, "--limit", "10", "--no-audit", "--out", "run", "--devices", "cpu,cpu"),
        ],
        cwd=tmp_path,
        start_new_session=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert (done.returncode, done.stderr) == (130, f"error: {SENTENCE}\n"), done.stdout
    pids = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
