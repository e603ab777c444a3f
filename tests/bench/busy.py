"""How much longer training takes beside other busy processes: ``busy.py [--busy N] [--epochs N] [--rounds N]``.

A step of a small network is thousands of short parallel regions. At the end of each, a thread waits for the others. By
default, OpenMP threads wait by spinning: where another process has the processor of the thread that is waited for, the
waiting thread burns its own share of time, is put aside in turn, and the two hardly ever run together. The package
lets threads spin briefly, and hardly at all where others run when it starts.

The baseline of recipe digits is trained on all processors with each wait (``ours``, as the package sets it, and
``spinning``, OpenMP's default), idle and beside N processes that only compute. The four take turns within each
round, so that a drifting machine drifts for all. Nothing else should run meanwhile. The seconds are those of the
epochs; the start is not counted.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A user's own setting is respected, which is how OpenMP's default is asked for here.
WAITS = {"ours": {}, "spinning": {"GOMP_SPINCOUNT": "300000"}}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Run processes that only compute."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def seconds_of_epochs(wait: dict[str, str], epochs: int) -> float:
    """Train the baseline in a process of its own, and return the seconds of its epochs."""
    environment = {name: value for name, value in os.environ.items() if name not in _THREADS} | wait
    with tempfile.TemporaryDirectory() as folder:
        command = ["train", "--method", "baseline", "--device", "cpu", "--epochs", str(epochs), "--out", folder]
        subprocess.run(
            [sys.executable, "-m", "robustsweep", *command], check=True, env=environment, stdout=subprocess.DEVNULL
        )
        (course,) = Path(folder).glob("*.csv")
        with course.open(newline="") as file:
            return sum(float(row["seconds"]) for row in csv.DictReader(file))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 1, help="busy processes; default: one per core")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of each training run; default: 12")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    asked = parser.parse_args()
    taken: dict[tuple[str, int], list[float]] = {(wait, n): [] for n in (0, asked.busy) for wait in WAITS}
    for number in range(asked.rounds):
        order = list(taken) if number % 2 else list(reversed(taken))
        for wait, n_busy in order:
            with busy_processes(n_busy):
                taken[wait, n_busy].append(seconds_of_epochs(WAITS[wait], asked.epochs))
            print(f"  round {number + 1}: {wait}, {n_busy} busy: {taken[wait, n_busy][-1]:.1f} s", flush=True)
    middle = {key: statistics.median(seconds) for key, seconds in taken.items()}
    idle, busy = ("idle", 0), (f"{asked.busy} busy", asked.busy)
    print(f"{asked.epochs} epochs, median of {asked.rounds} rounds (least to largest), on {os.cpu_count()} processors")
    for (wait, n_busy), seconds in taken.items():
        where = dict([(idle[1], idle[0]), (busy[1], busy[0])])[n_busy]
        print(f"  {wait:8} {where:8} {middle[wait, n_busy]:7.1f} s  ({min(seconds):.1f} to {max(seconds):.1f})")
    for wait in WAITS:
        print(f"  {wait:8} beside {asked.busy} busy processes: {middle[wait, asked.busy] / middle[wait, 0]:.2f} x idle")
    print(f"  idle, ours over spinning: {middle['ours', 0] / middle['spinning', 0]:.2f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
