"""Sweeps in processes of their own, for test_sweep_resuming: ``interrupted_sweep.py killed|at-once RUN``."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
from tiny_sweeps import OneByOne, swept, tiny_checkpoint, tiny_data, tiny_plan

from robustsweep.benchmark.plan import blocks
from robustsweep.benchmark.plan.plan import Plan

# The calls of fsync at which a sweep is killed, each time from where the last one left it. Every file makes two, and a
# new folder one: at the first of a file it is written under its temporary name, at the second it is in its place.
KILLS = (1, 2, 3, 4, 6, 9, 12, 5, 8)


def small_plan() -> Plan:
    """Plan two checkpoints on 22 images, with one condition of each kind."""
    checkpoints = [tiny_checkpoint(name, seed, OneByOne) for name, seed in (("a", 0), ("b", 1))]
    names = ("clean", "gaussian_noise@3", "fgsm-linf@2/255", "pgd2-linf@1/255,8/255")
    return tiny_plan(*names, data=tiny_data(22), checkpoints=checkpoints)


def forked(work: Callable[[], object]) -> int:
    """Start ``work`` in a process and return its id; the process ends with 0 where nothing is raised."""
    process = os.fork()
    if process == 0:
        try:
            work()
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return process


def sweep(run: Path, kill_at: int | None = None) -> None:
    calls, fsync = 0, os.fsync

    def counted(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(handle)

    with patch("os.fsync", counted):
        swept(small_plan(), run, block_bytes=1)


def main(way: str, run: Path) -> None:
    blocks.IMAGES_PER_BLOCK = 8
    torch.set_num_threads(1)
    if way == "killed":
        for kill_at in KILLS:
            _, status = os.waitpid(forked(partial(sweep, run, kill_at)), 0)
            assert os.WIFSIGNALED(status), f"the sweep ended before file {kill_at}"
        sweep(run)
    else:
        processes = [forked(lambda: sweep(run)) for _ in range(3)]
        statuses = [os.waitpid(process, 0)[1] for process in processes]
        assert statuses == [0, 0, 0], statuses


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
