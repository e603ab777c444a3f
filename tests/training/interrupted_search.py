"""Search in a process that is killed again and again: ``interrupted_search.py FOLDER``."""

import os
import signal
import sys
from pathlib import Path
from unittest.mock import patch

import torch
from searched_images import small_request

from robustsweep.training.search import trials
from robustsweep.training.search.request import plan_search
from robustsweep.training.search.run import run_search

# Calls of fsync at which a network's training, or answers at which the trials are killed, before or after they are
# stored; each time from where the last one left it.
KILLS = (("fsync", 4), ("fsync", 7), ("before", 2), ("after", 1), ("after", 2))


def search(folder: Path, what: str = "", kill_at: int = 0) -> None:
    calls = 0

    def count(event: str) -> None:
        nonlocal calls
        calls += event == what
        if calls == kill_at and event == what:
            os.kill(os.getpid(), signal.SIGKILL)

    plain = trials.SplitTrials.tell

    def tell(self: trials.SplitTrials, reward: float) -> None:
        count("before")
        plain(self, reward)
        count("after")

    with patch("os.fsync", lambda handle: count("fsync")), patch.object(trials.SplitTrials, "tell", tell):
        run_search(plan_search(small_request(folder)))


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    for what, kill_at in KILLS:
        process = os.fork()
        if process == 0:
            search(folder, what, kill_at)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        assert os.WIFSIGNALED(status), f"the search ended before {what} {kill_at}"
    search(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
