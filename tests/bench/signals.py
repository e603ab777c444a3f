"""Interrupt sweep, train and report at random moments from the start of the process on.

Each of SIGINT and SIGTERM is sent N times to each command. Right is exit code 130 with the sentence, once and nothing
else on standard error, or 0 where the command had finished. The moments are drawn from a seed, uniformly over the time
that the command takes by itself. What is interrupted before Python reaches the first line of the package, some 20 ms,
answers as Python does; such runs are counted apart, by a marker that the package's import leaves.

``python tests/bench/signals.py --runs 30 --seed 0``
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from robustsweep.process.interruption import SENTENCE

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PROGRAM = [sys.executable, "-X", "importtime", "-m", "robustsweep"]
CHECKPOINT = "torchvision:resnet18,weights=random,classes=10,input_size=32"


def commands(folder: Path) -> dict[str, list[str]]:
    """Return a tiny workload of each command; ``report`` reads the run that ``prepare`` made."""
    sweep = ["sweep", "--checkpoint", CHECKPOINT, "--suite", "smoke", "--limit", "20", "--no-audit"]
    return {
        "sweep": [*sweep, "--out", str(folder / "sweep")],
        "train": ["train", "--limit", "64", "--epochs", "2", "--out", str(folder / "train")],
        "report": ["report", str(folder / "run"), "--out", str(folder / "report")],
    }


def begun(arguments: list[str]) -> "subprocess.Popen[str]":
    """Start a command."""
    return subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def prepare(folder: Path) -> dict[str, float]:
    """Make the run that is reported, and return how many seconds each command takes by itself."""
    arguments = commands(folder)
    subprocess.run([*PROGRAM, *arguments["sweep"]], check=True, capture_output=True)
    (folder / "sweep").rename(folder / "run")
    seconds = {}
    for name in arguments:
        clear(folder)
        start = time.perf_counter()
        subprocess.run([*PROGRAM, *arguments[name]], check=True, capture_output=True)
        seconds[name] = time.perf_counter() - start
    return seconds


def clear(folder: Path) -> None:
    """Remove what the commands write, so that each has all of its work before it."""
    for name in ("sweep", "train", "report"):
        shutil.rmtree(folder / name, ignore_errors=True)


def answered(arguments: list[str], number: signal.Signals, after: float) -> tuple[str, str]:
    """Interrupt a command; return how it answered, and what it said."""
    process = begun(arguments)
    time.sleep(after)
    process.send_signal(number)
    said = process.communicate(timeout=120)[1]
    lines = [line for line in said.splitlines() if not line.startswith("import time:")]
    if process.returncode == 130 and lines == [f"error: {SENTENCE}"]:
        return "130 and the sentence", ""
    if process.returncode == 0 and not lines:
        return "finished", ""
    if "robustsweep.process.interruption" not in said:
        return "before the package", ""
    return f"WRONG: exit code {process.returncode}", "\n".join(lines)


def main() -> None:
    """Interrupt and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="of each signal and command")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    generator, is_wrong = random.Random(options.seed), False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = prepare(folder)
        for command, arguments in commands(folder).items():
            for number in SIGNALS:
                counts: Counter[str] = Counter()
                for _ in range(options.runs):
                    clear(folder)
                    after = generator.uniform(0, seconds[command])
                    answer, said = answered(arguments, number, after)
                    counts[answer] += 1
                    if answer.startswith("WRONG"):
                        is_wrong = True
                        print(
                            f"{command} {number.name} after {after:.3f} s of {seconds[command]:.1f}: {answer}\n{said}"
                        )
                listed = ", ".join(f"{count} {answer}" for answer, count in sorted(counts.items()))
                print(f"{command:6} {number.name:7} {listed}", flush=True)
    raise SystemExit(int(is_wrong))


if __name__ == "__main__":
    main()
