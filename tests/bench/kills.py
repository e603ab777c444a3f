"""Kill commands at random moments, run them again, and compare: ``kills.py [--kills N] [--seed N] [COMMAND ...]``.

Each kill is a SIGKILL: in turn at a moment drawn evenly from the time that the command takes when it is left alone, and
inside a write, at a call of fsync drawn evenly from all that it makes. Then the same command runs to its end, in the
same folder. Nothing may differ from a run that was not disturbed: neither the files that are there, hidden ones
included, nor a value in them, times apart. A process is forked after the libraries are loaded, so that the moments fall
into the work and a kill costs a second or two. A command that ends before its kill is drawn again.

Ends with 1 where anything differed, and says what.
"""

import argparse
import csv
import io
import json
import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open

# Loaded for the processes that are forked.
import robustsweep.benchmark.plan.request
import robustsweep.benchmark.sweep.sweep
import robustsweep.results.report.writer
import robustsweep.training.grid  # noqa: F401
from robustsweep.cli import main as robustsweep_main

# These say how long the work took, not what came out; so does the checksum of a file that holds them.
_TIMES = (
    "seconds",
    "wall_seconds",
    "seconds_per_epoch",
    "images_per_second",
    "ratio_to_baseline",
    "recorded",
    "sha256",
)
_SEVERITIES = [word for severity in range(1, 6) for word in ("--suite", f"contrast@{severity}")]
_NETWORKS = ["--method", "baseline", "--method", "cutmix", "--epochs", "2", "--limit", "64", "--keep", "best"]
_CONDITIONS = ["--suite", "clean", "--suite", "contrast@2", "--suite", "pgd2-linf@1/255,8/255", "--limit", "20"]
# COMMAND: its words; FOLDER is written, TRAINED and SWEPT are what undisturbed runs have left.
COMMANDS = {
    "train": ["train", *_NETWORKS, "--out", "FOLDER"],
    "sweep": ["sweep", "--checkpoint", "TRAINED", *_CONDITIONS, "--out", "FOLDER"],
    "corrupt": ["corrupt", "--data", "digits", *_SEVERITIES, "--limit", "20", "--out", "FOLDER"],
    "attribute": ["attribute", "TRAINED", "--images", "4", "--maps", "cam,gradcam,guided_backprop", "--out", "FOLDER"],
    "report": ["report", "SWEPT", "--format", "html,md,csv,latex,json", "--out", "FOLDER"],
    "gate": ["gate", "SWEPT", "--write-baseline", "FOLDER/baseline.npz"],
    "compare": ["compare", "SWEPT", "--method", "cutmix", "--against", "baseline", "--out", "FOLDER"],
    "convert": ["convert", "TRAINED/cutmix-epochs2-held-out-seed0.safetensors", "FOLDER/copy.safetensors"],
}


@dataclass(frozen=True, slots=True)
class Kill:
    """When a command is killed: after some seconds, or at a call of fsync, the first being 1."""

    seconds: float | None = None
    sync: int | None = None


class Syncs:
    """Counts the calls of fsync of a process that is forked, where its parent sees it."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 8)

    @property
    def number(self) -> int:
        return int.from_bytes(self._shared[:8], "little")

    def count(self, deadly: int | None) -> None:
        """Count from now on; end the process at one of the calls."""
        self._shared[:8] = bytes(8)
        fsync = os.fsync

        def counted(handle: int) -> None:
            self._shared[:8] = (self.number + 1).to_bytes(8, "little")
            if self.number == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            fsync(handle)

        os.fsync = counted


def run(words: list[str], syncs: Syncs, kill: Kill | None = None) -> bool:
    """Run a command in a process of its own; return whether it came to its end."""
    process = os.fork()
    if process == 0:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        sys.argv = ["robustsweep", *words]
        syncs.count(kill.sync if kill else None)
        try:
            robustsweep_main()
        except SystemExit as ended:
            os._exit(int(ended.code or 0))
        os._exit(0)
    if kill and kill.seconds is not None:
        time.sleep(kill.seconds)
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return False
    if status:
        raise SystemExit(f"robustsweep {' '.join(words)} ended with {os.WEXITSTATUS(status)}")
    return True


def timeless(value: object) -> object:
    """Leave out what says how long something took."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key not in _TIMES}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def values(path: Path) -> object:
    """Return what a file says, times apart."""
    if path.suffix == ".json" and path.name != "report.json":
        return timeless(json.loads(path.read_text()))
    if path.suffix == ".safetensors":
        with safe_open(path, framework="np") as file:
            header = {key: timeless(json.loads(value)) for key, value in (file.metadata() or {}).items()}
            return header, {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118 - no dict
    if path.suffix == ".csv" and path.parent.name != "tables":
        rows = csv.DictReader(io.StringIO(path.read_text()))
        return [{key: value for key, value in row.items() if key not in _TIMES} for row in rows]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return dict(_timeless_arrays(arrays))
    return path.read_bytes()


def _timeless_arrays(arrays: np.lib.npyio.NpzFile) -> Iterator[tuple[str, object]]:
    for name in set(arrays.files) - {"sha256"}:
        try:
            yield name, timeless(json.loads(arrays[name].tobytes()))
        except ValueError:
            yield name, arrays[name].tobytes()


def differences(folder: Path, expected: Path) -> list[str]:
    """Name the files that are in one folder alone, or say something else."""
    found, wanted = (
        {str(path.relative_to(root)): path for path in root.rglob("*") if not path.is_dir()}
        for root in (folder, expected)
    )
    alone = [f"{name} is {'left behind' if name in found else 'lacking'}" for name in found.keys() ^ wanted.keys()]
    other = [name for name in found.keys() & wanted.keys() if values(found[name]) != values(wanted[name])]
    return sorted(alone + [f"{name} differs" for name in other])


class Trial:
    """One command, what it leaves undisturbed, how long that takes and how often it syncs."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self._root, self._expected = name, root, root / name
        self._syncs = Syncs()
        begun = time.monotonic()
        self._run(self._expected)
        self._seconds, self._n_syncs = time.monotonic() - begun, self._syncs.number
        self.n_kills, self.n_left, self.wrong = 0, 0, list[str]()

    def _run(self, folder: Path, kill: Kill | None = None) -> bool:
        names = {"FOLDER": folder, "TRAINED": self._root / "train", "SWEPT": self._root / "sweep"}
        return run([self._with_paths(word, names) for word in COMMANDS[self.name]], self._syncs, kill)

    def _drawn(self, moments: random.Random) -> Kill:
        if self.n_kills % 2:
            return Kill(sync=moments.randint(1, self._n_syncs))
        return Kill(seconds=moments.uniform(0, self._seconds))

    @staticmethod
    def _with_paths(word: str, names: dict[str, Path]) -> str:
        first, slash, rest = word.partition("/")
        return f"{names[first]}{slash}{rest}" if first in names else word

    def kill_once(self, moments: random.Random) -> None:
        """Kill the command in an empty folder, run it again and compare."""
        folder = self._root / "killed"
        while self._run(folder, self._drawn(moments)):
            shutil.rmtree(folder, ignore_errors=True)
        self.n_kills += 1
        self.n_left += bool(list(folder.rglob(".*.robustsweep-*")))
        self._run(folder)
        self.wrong += differences(folder, self._expected)
        shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="in all; the commands take turns; default: 100")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"of {', '.join(COMMANDS)}; default: all")
    asked = parser.parse_args()
    if unknown := set(asked.commands) - set(COMMANDS):
        parser.error(f"unknown commands {', '.join(sorted(unknown))}; there are {', '.join(COMMANDS)}")
    moments = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        # The first two are made in any case: the others read what they leave.
        trials = [
            Trial(name, Path(folder))
            for name in COMMANDS
            if not asked.commands or name in asked.commands or name in ("train", "sweep")
        ]
        killed = [trial for trial in trials if not asked.commands or trial.name in asked.commands]
        for number in range(asked.kills):
            killed[number % len(killed)].kill_once(moments)
    for trial in killed:
        print(
            f"  {trial.name:9} {trial.n_kills:4} kills, {trial.n_left} of them left half a file, "
            f"{len(trial.wrong)} differences {'; '.join(trial.wrong[:5])}"
        )
    return int(any(trial.wrong for trial in killed))


if __name__ == "__main__":
    sys.exit(main())
