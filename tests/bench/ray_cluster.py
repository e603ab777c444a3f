"""A cluster of this machine against plain runs: ``ray_cluster.py kills|overhead [OPTIONS]``, with the extra ray.

``kills`` sweeps each plan on a cluster of three one-core nodes, of which one is killed every so often and replaced, and
kills the driver too, which is then started again. Nothing may be lost: every array must equal that of a plain run to
the last bit. Tasks note the portions that they begin, so that what was begun again is known: at most one per kill of a
node, which has one core, and three per kill of the driver.

``overhead`` sweeps a plan on two one-core nodes and in two plain shards in turn, and prints the ratio of their wall
times. Nothing else should run meanwhile.

Plans are TOML files without ``out`` and ``engine``. For ``kills`` a network of theirs is ``py:noting_networks:NAME``,
NAME being resnet8, resnet20 or resnet32: its module notes the portions of the process that imports it.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import Ratio, alternating

_NOTING = """
import os
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.workers.worker import Worker
def resnet8(classes): return build_architecture("resnet8", classes)
def resnet20(classes): return build_architecture("resnet20", classes)
def resnet32(classes): return build_architecture("resnet32", classes)
compute = Worker.compute
def noted(worker, keys):
    with open(os.path.join(os.environ["NOTES"], str(os.getpid())), "a") as file:
        file.write(" ".join(keys) + "\\n")
    return compute(worker, keys)
Worker.compute = noted
"""
_NODES = 3


def command(plan: Path, run: Path, *options: str) -> list[str]:
    """Return the command that sweeps a plan into a run folder."""
    return [sys.executable, "-m", "robustsweep", "sweep", str(plan), "--out", str(run), *options]


def ended(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a sweep, and end with its output if it failed."""
    if process.wait():
        raise SystemExit(f"{' '.join(map(str, process.args))} ended with {process.returncode}")


def plain(plan: Path, run: Path, shards: int) -> None:
    """Sweep a plan in so many shards at once."""
    started = [
        subprocess.Popen(command(plan, run, "--device", "cpu", "--shard", f"{n}/{shards}"), stdout=subprocess.DEVNULL)
        for n in range(1, shards + 1)
    ]
    for process in started:
        ended(process)


@contextmanager
def machines(nodes: int) -> Iterator[Any]:
    """Start a cluster of one-core nodes, beside one that computes nothing."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()


def arrays(run: Path) -> dict[str, np.ndarray]:
    """Read every array of every cell."""
    found = {}
    for path in sorted(run.glob("cells/*/*/examples.npz")):
        with np.load(path) as file:
            found |= {f"{path.relative_to(run)}:{name}": file[name] for name in file.files}
    return found


def differing(run: Path, expected: Path) -> list[str]:
    """Name the arrays that only one run holds, or that differ."""
    ours, theirs = arrays(run), arrays(expected)
    alike = {name for name in ours.keys() & theirs.keys() if np.array_equal(ours[name], theirs[name], equal_nan=True)}
    return sorted((ours.keys() | theirs.keys()) - alike)


def begun_again(notes: Path) -> tuple[int, int]:
    """Return how many portions were begun, and how many of these held a cell that had been begun before."""
    seen, n_again = set[str](), 0
    portions = [line.split() for path in notes.iterdir() for line in path.read_text().splitlines()]
    for portion in portions:
        n_again += not seen.isdisjoint(portion)
        seen.update(portion)
    return len(portions), n_again


def disturbed(plan: Path, run: Path, address: str, driver_kills: int, every_s: float) -> None:
    """Sweep a plan whose driver is killed so often and then started again."""
    words = command(plan, run, "--engine", "ray", "--ray-address", address)
    for _ in range(driver_kills):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            process.wait(every_s)
            return
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(f"driver of {plan.name} killed", flush=True)
    ended(subprocess.Popen(words, stdout=subprocess.DEVNULL))


def kill_nodes(cluster: Any, work: "Future[None]", every_s: float) -> int:
    """Kill a node every so often, and add another half a period later, until the work is done; return how many."""
    draw, n_killed = random.Random(0), 0
    while not wait([work], every_s / 2).done:
        cluster.remove_node(draw.choice(list(cluster.worker_nodes)), allow_graceful=False)
        n_killed += 1
        if not wait([work], every_s / 2).done:
            cluster.add_node(num_cpus=1)
    return n_killed


def kills(plans: list[Path], home: Path, every_s: float, driver_kills: int) -> int:
    """Sweep plans on a cluster that loses nodes; return how many arrays are not those of a plain run."""
    wrong = 0
    for number, plan in enumerate(plans, 1):
        plain(plan, home / f"plain{number}", shards=2)
    begun = time.monotonic()
    with machines(_NODES) as cluster, ThreadPoolExecutor(1) as drivers:

        def sweep_all() -> None:
            for number, plan in enumerate(plans, 1):
                disturbed(plan, home / f"ray{number}", cluster.address, driver_kills, every_s)

        work = drivers.submit(sweep_all)
        n_killed = kill_nodes(cluster, work, every_s)
        work.result()
    print(f"{time.monotonic() - begun:.0f} s, {n_killed} nodes killed, each replaced")
    n_begun, n_again = begun_again(Path(os.environ["NOTES"]))
    print(f"{n_begun} portions were begun, {n_again} of them again")
    for number, plan in enumerate(plans, 1):
        names = differing(home / f"ray{number}", home / f"plain{number}")
        n_cells = len(list((home / f"plain{number}").glob("cells/*/*/cell.json")))
        print(f"{plan.name}: {n_cells} cells, {len(names)} arrays lack or differ", *names[:5], sep="\n  ")
        wrong += len(names)
    return wrong


def overhead(plan: Path, home: Path, rounds: int) -> None:
    """Print how long two nodes take against two plain shards."""
    numbers = iter(range(10**6))
    with machines(2) as cluster:

        def on_ray() -> float:
            run, begun = home / f"run{next(numbers)}", time.monotonic()
            ended(
                subprocess.Popen(
                    command(plan, run, "--engine", "ray", "--ray-address", cluster.address), stdout=subprocess.DEVNULL
                )
            )
            return time.monotonic() - begun

        def in_shards() -> float:
            run, begun = home / f"run{next(numbers)}", time.monotonic()
            plain(plan, run, shards=2)
            return time.monotonic() - begun

        taken = alternating(in_shards, on_ray, rounds)
    for shards_s, ray_s in taken:
        print(f"two shards {shards_s:.1f} s, two nodes {ray_s:.1f} s")
    print(f"two nodes take {Ratio.of(taken)} of two plain shards")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("kills", "overhead"))
    parser.add_argument("plans", nargs="+", type=Path, help="TOML plans; overhead takes the first")
    parser.add_argument("--every-s", type=float, default=60.0, help="seconds from kill to kill")
    parser.add_argument("--driver-kills", type=int, default=5, help="of each plan")
    parser.add_argument("--rounds", type=int, default=3, help="of overhead")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "noting_networks.py").write_text(_NOTING)
        (home / "notes").mkdir()
        os.environ |= {
            "NOTES": str(home / "notes"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(home), os.environ.get("PYTHONPATH", "")]),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        if asked.what == "overhead":
            overhead(asked.plans[0], home, asked.rounds)
        else:
            sys.exit(1 if kills(asked.plans, home, asked.every_s, asked.driver_kills) else 0)


if __name__ == "__main__":
    main()
