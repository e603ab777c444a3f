"""Train stripes in a process that is killed again and again: ``interrupted_training.py FOLDER UNDISTURBED``."""

import os
import signal
import sys
from pathlib import Path
from unittest.mock import patch

import torch
from tiny_trainings import cutmix_job, setting, stripes

from robustsweep.training.job import BaselineClock, run_job

# The calls of fsync at which a training is killed, each time from where the last one left it. Every file makes two: at
# the first it is written under its temporary name, at the second it is in its place. An epoch writes the state and the
# CSV; the end writes the CSV, the last epoch and the best one, and then removes the state.
KILLS = (1, 2, 3, 5, 7, 5, 6)


def train(folder: Path, kill_at: int | None = None) -> None:
    calls = 0

    def counted(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with patch("os.fsync", counted):
        run_job(cutmix_job(folder), setting(stripes(), keep="best"), BaselineClock())


def main(folder: Path, undisturbed: Path) -> None:
    torch.set_num_threads(1)
    train(undisturbed)  # also imports what every fork would import for itself
    for kill_at in KILLS:
        process = os.fork()
        if process == 0:
            train(folder, kill_at)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        assert os.WIFSIGNALED(status), f"the training ended before file {kill_at}"
    train(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
