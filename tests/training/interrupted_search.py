"""Search in a process that is killed again and again: ``interrupted_search.py FOLDER``."""

import os
import signal
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import torch
from searched_images import small_request

from robustsweep.training.search import trials
from robustsweep.training.search.request import Search, plan_search
from robustsweep.training.search.run import run_search

# Calls of fsync at which a network's training, or answers at which the trials are killed, before or after they are
# stored; each time from where the last one left it.
KILLS = (("fsync", 5), ("before", 2), ("after", 1), ("after", 2))


def search_in(wanted: Search, what: str = "", kill_at: int = 0) -> None:
    calls = 0

    def count(event: str) -> None:
        nonlocal calls
        calls += event == what
        if calls == kill_at and event == what:
            os.kill(os.getpid(), signal.SIGKILL)

    plain = trials.SplitTrials.tell

    def tell(self: trials.SplitTrials, reward: float, seconds: float) -> None:
        count("before")
        plain(self, reward, seconds)
        count("after")

    with patch("os.fsync", lambda handle: count("fsync")), patch.object(trials.SplitTrials, "tell", tell):
        run_search(wanted)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    wanted = plan_search(small_request(folder))
    # What every process would load by itself.
    torch.optim.SGD([torch.zeros(1)])
    with tempfile.TemporaryDirectory() as other, trials.open_trials(Path(other)):
        pass
    for what, kill_at in KILLS:
        process = os.fork()
        if process == 0:
            search_in(wanted, what, kill_at)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        assert os.WIFSIGNALED(status), f"the search ended before {what} {kill_at}"
    search_in(wanted)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
