"""Runs the commands of a study: one log, one study at a time, and a note of what each command cost."""

import csv
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from robustsweep.errors import RobustsweepError

INTERRUPTED = 130
"""Exit code of a command that was interrupted and can be continued."""

_COLUMNS = ("begun", "run", "command", "exit_code", "cpu_seconds", "wall_seconds", "threads")


class StudyError(RobustsweepError):
    """The study cannot go on; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs commands of robustsweep.

    Attributes:
        data: Data spec of the images; empty: nothing may be computed.
        threads: Of every command.
        log: Open file that gets all that is said; its lock says that a study is at work.
        costs: CSV file that gets a line for every command that computes.
    """

    data: str
    threads: int
    log: IO[str]
    costs: Path

    def say(self, text: str) -> None:
        """Print a line, and write it to the log with the time."""
        print(text, flush=True)
        self.log.write(f"{_now()} {text}\n")
        self.log.flush()

    def run(self, *arguments: str) -> int:
        """Run a command whose words go to the log, and return its exit code.

        It inherits the log with its lock, so that no second study begins beside a command whose parent was killed.
        """
        command = [sys.executable, "-m", "robustsweep", *arguments]
        threads = {name: str(self.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        environment = {**os.environ, **threads}
        return subprocess.run(command, stdout=self.log, stderr=subprocess.STDOUT, env=environment).returncode

    def compute(self, run: str, *arguments: str) -> bool:
        """Run a command on the images, note what it cost, and say whether it succeeded.

        Raises:
            KeyboardInterrupt: If it was interrupted.
        """
        begun, spent, started, code = _now(), _children_seconds(), time.monotonic(), -signal.SIGKILL
        try:
            code = self.run(*arguments, "--data", self.data, "--workers", str(self.threads))
        finally:
            seconds = f"{_children_seconds() - spent:.1f}", f"{time.monotonic() - started:.1f}"
            self._note((begun, run, arguments[0], code, *seconds, self.threads))
        if code in (INTERRUPTED, -signal.SIGINT):
            raise KeyboardInterrupt
        return code == 0

    def _note(self, row: tuple[object, ...]) -> None:
        self.costs.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.costs.exists()
        with self.costs.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([_COLUMNS, row] if is_new else [row])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def command_runner(folder: Path, costs: Path, data: str, threads: int) -> Iterator[CommandRunner]:
    """Open ``study.log`` in a folder, unless a study is at work there.

    Raises:
        StudyError: If one is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "study.log").open("a") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(f"A study, or a command that it has left, is at work on {folder}: wait for it.") from None
        yield CommandRunner(data, threads, log, costs)
