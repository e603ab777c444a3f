"""Damages of a run folder, each followed by ``report``, ``gate``, ``compare`` and ``sweep`` in processes of their own.

A small sweep (clean images, a corruption, an attack, audits, two checkpoints) is copied and damaged in one place,
file by file and kind by kind, see ``damaging``. Each command must end with 0, 2, 3 or 4, without a traceback, within
60 seconds and 1 GB beyond its imports, and with 0 only if its numbers are those of the undamaged run or a sentence
names what is wrong. Nothing outside the folder may change. Run as
``python tests/bench/damage.py [--runs 600] [--seed 0]``; half an hour.
"""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from damaging import KINDS
from forks import MOST_BYTES, held_bytes, import_commands, taken_bytes

COMMANDS = ("report", "gate", "compare", "sweep")
LIMIT_S = 60.0
MODULE = "damaged_networks"
NETWORKS = """
import torch
from torch import nn

def network(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 10))

def first():
    return network(1)

def second():
    return network(2)
"""
_CONDITIONS = ("clean", "fog@3", "pgd3-linf@2/255,8/255")
_SENTENCES = ("Planned and not measured", "planned cells are missing", "holds no plan")
"""What is said of damage that leaves no file to name."""
_ENTRY = re.compile(r"run/(cells|compact|plans|images|audits|checkpoints|samples)/[0-9a-f]{12}|baseline\.npz")


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (None: killed after 60 s), what it said, its memory beyond imports in bytes."""

    code: int | None
    text: str
    peak: float


def command(arguments: Sequence[str]) -> Ended:
    """Run the command line in a fork of this process, which has imported everything."""
    with tempfile.TemporaryFile() as said:
        held = held_bytes()
        child = os.fork()
        if not child:
            _run_here(arguments, said.fileno())
        deadline = time.monotonic() + LIMIT_S
        while True:
            found, status, usage = os.wait4(child, os.WNOHANG)
            if found:
                break
            if time.monotonic() > deadline:
                os.kill(child, 9)
                os.wait4(child, 0)
                return Ended(None, "", 0.0)
            time.sleep(0.005)
        said.seek(0)
        code, text = os.waitstatus_to_exitcode(status), said.read().decode(errors="replace")
        return Ended(code, text, taken_bytes(usage, held))


def _run_here(arguments: Sequence[str], output: int) -> None:
    from robustsweep.cli import main

    code: object = 99
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        sys.argv = ["robustsweep", *arguments]
        main()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 98)


@dataclass(frozen=True)
class Bench:
    """An undamaged run, what is said of it, and where copies of it go."""

    work: Path

    @property
    def run(self) -> Path:
        """Where the run is, damaged or not, as its path is part of what is said."""
        return self.work / "box" / "run"

    @property
    def baseline(self) -> Path:
        """The baseline file."""
        return self.work / "box" / "baseline.npz"

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Name the commands and their arguments."""
        run = str(self.run)
        yield "report", ["report", run, "--format", "csv,json"]
        yield "gate", ["gate", run, "--baseline", str(self.baseline)]
        yield "compare", ["compare", run, "--method", "a", "--against", "b"]
        yield "sweep", self.sweep()

    def sweep(self) -> list[str]:
        """Return the arguments of the sweep that makes the run."""
        networks = (("first", "a"), ("second", "b"))
        specs = [f"py:{MODULE}:{factory},name={name},norm=none" for factory, name in networks]
        options = [part for spec in specs for part in ("--checkpoint", spec)]
        options += [part for name in _CONDITIONS for part in ("--suite", name)]
        return ["sweep", *options, "--data", "digits", "--limit", "20", "--device", "cpu", "--out", str(self.run)]

    def tables(self) -> dict[str, bytes]:
        """Read the exported tables."""
        return {path.name: path.read_bytes() for path in sorted(self.run.glob("report/tables/*.csv"))}

    def restore(self) -> None:
        """Put the undamaged run back."""
        shutil.rmtree(self.work / "box", ignore_errors=True)
        shutil.copytree(self.work / "whole", self.work / "box")
        (self.work / "box" / "outside").mkdir()

    def files(self) -> list[Path]:
        """List the files that are damaged, below the box."""
        found = [path.relative_to(self.work / "whole") for path in sorted((self.work / "whole").rglob("*"))]
        return [path for path in found if (self.work / "whole" / path).is_file() and "report" not in path.parts]


def prepared(work: Path) -> tuple[Bench, dict[str, Ended], dict[str, bytes]]:
    """Make the run with its baseline and report.

    Returns:
        The bench, how each command ends on the undamaged run, and the exported tables.
    """
    bench = Bench(work)
    (work / f"{MODULE}.py").write_text(NETWORKS)
    sys.path.insert(0, str(work))
    os.environ.update(COLUMNS="4000", PYTHONWARNINGS="ignore")
    for arguments in (bench.sweep(), ["gate", str(bench.run), "--write-baseline", str(bench.baseline)]):
        if (ended := command(arguments)).code:
            raise RuntimeError(ended.text)
    ended = {name: command(arguments) for name, arguments in bench.commands()}
    tables = bench.tables()
    shutil.rmtree(bench.run / "report")
    shutil.copytree(work / "box", work / "whole")
    return bench, ended, tables


@dataclass(frozen=True)
class Trial:
    """One damage and what was wrong with the answers to it; empty where nothing was."""

    file: Path
    kind: str
    codes: tuple[int | None, ...]
    peak: float
    problems: tuple[str, ...]


def tried(
    bench: Bench,
    whole: dict[str, Ended],
    tables: dict[str, bytes],
    file: Path,
    kind: str,
    seed: int,
    commands: Sequence[str] = COMMANDS,
) -> Trial:
    """Damage a fresh copy of the run and run some commands on it."""
    bench.restore()
    box, outside = bench.work / "box", bench.work / "box" / "outside"
    KINDS[kind](box / file, random.Random(f"{seed} {file} {kind}"), outside)
    before = _contents(outside)
    ended, problems = [], []
    for name, arguments in bench.commands():
        if name not in commands:
            continue
        found = command(arguments)
        ended.append(found)
        problems += [f"{name}: {problem}" for problem in _problems(found)]
        if found.code != 0 or kind.startswith("forged"):
            continue
        text = found.text + _text(bench.run / "report" / "report.json")
        if name == "sweep":
            again = command(next(bench.commands())[1])
            text += again.text + _text(bench.run / "report" / "report.json")
            is_same = again.code != 0 or bench.tables() == tables
        else:
            is_same = bench.tables() == tables if name == "report" else found.text == whole[name].text
        if not is_same and not _names(text, file, kind):
            problems.append(f"{name}: other numbers, and no sentence names {file}")
    if _contents(outside) != before:
        problems.append("something outside the run was changed")
    return Trial(file, kind, tuple(e.code for e in ended), max(e.peak for e in ended), tuple(problems))


def _names(text: str, file: Path, kind: str) -> bool:
    """Say whether a text names a damaged file or the folder that holds it, or another one where two were exchanged."""
    if kind == "swapped" and _ENTRY.search(text):
        return True
    return any(name in text for name in ("/".join(file.parts[-2:]), f"{file.parent} ", *_SENTENCES))


def _problems(found: Ended) -> Iterator[str]:
    if found.code not in (0, 2, 3, 4):
        yield f"ended with {found.code}: {found.text[-400:]}"
    if "Traceback" in found.text:
        yield f"a traceback: {found.text[-400:]}"
    if found.peak > MOST_BYTES:
        yield f"took {found.peak / 1e9:.2f} GB"


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() and not path.is_symlink() else ""


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def trials(runs: int, seed: int, work: Path, *, in_turn: bool = False) -> Iterator[Trial]:
    """Damage file after file, kind after kind.

    Args:
        runs: How many damages.
        seed: Which ones.
        work: An empty folder.
        in_turn: Whether each damage is followed by one command, in turn, and not by all.
    """
    import_commands()
    torch.set_num_threads(1)  # a fork has no other thread
    bench, whole, tables = prepared(work)
    rng, files, kinds = random.Random(seed), bench.files(), list(KINDS)
    pairs = [(file, kind) for file in files for kind in kinds if _applies(file, kind)]
    rng.shuffle(pairs)
    for number in range(runs):
        file, kind = pairs[number % len(pairs)]
        commands = (COMMANDS[number % len(COMMANDS)],) if in_turn else COMMANDS
        yield tried(bench, whole, tables, file, kind, seed + number, commands)


def _applies(file: Path, kind: str) -> bool:
    if kind.startswith(("leaf", "number", "forged")):
        return file.suffix == ".json"
    return kind != "folder a link" or len(file.parts) > 2


def main() -> None:
    """Try damages and print what each kind led to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    codes: dict[str, Counter[str]] = {}
    n_problems, peak = 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for trial in trials(asked.runs, asked.seed, Path(folder)):
            codes.setdefault(trial.kind, Counter()).update(map(str, trial.codes))
            n_problems, peak = n_problems + bool(trial.problems), max(peak, trial.peak)
            for problem in trial.problems:
                print(f"{trial.file} {trial.kind} {trial.codes}: {problem}", flush=True)
    for kind, counted in codes.items():
        print(f"{kind:28}", "  ".join(f"exit {code}: {n}" for code, n in sorted(counted.items())))
    print(f"{asked.runs} damages, {n_problems} answered badly, at most {peak / 1e9:.2f} GB")
    sys.exit(bool(n_problems))


if __name__ == "__main__":
    main()
