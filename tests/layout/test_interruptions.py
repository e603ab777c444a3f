"""Interruptions, in processes of their own that send them to themselves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from robustsweep.process.interruption import SENTENCE

SENT = """
import builtins, os, sys
plain, wanted = builtins.__import__, {wanted!r}
def hooked(name, *rest, **named):
    if wanted and name.partition(".")[0] == wanted and "robustsweep.process.interruption" in sys.modules:
        builtins.__import__ = plain
        if {swallow!r}:
            try:
                os.kill(os.getpid(), {number})
            except BaseException:
                raise ImportError("made of it by an extension module")
        os.kill(os.getpid(), {number})
    return plain(name, *rest, **named)
builtins.__import__ = hooked
sys.argv = ["robustsweep", *{arguments!r}]
from robustsweep.cli import main
main()
"""
SWEEP = [
    *("sweep", "--checkpoint", "py:interrupting:network,classes=10", "--suite", "clean", "--limit", "10"),
    *("--no-audit", "--out", "run"),
]
NETWORK = """
import atexit, os, signal
import torch
NUMBER = {number}
class Interrupting(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0
    def forward(self, images):
        self.calls += 1
        if self.calls > 1:
            self.interrupt()
        return images.mean((1, 2, 3))[:, None].repeat(1, 10)
    def interrupt(self):
        {body}
def network(classes):
    return Interrupting()
"""


def run(code: str, folder: Path) -> tuple[int, str]:
    """Run a program in a folder; returns (exit code, standard error)."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("typer", signal.SIGINT),
        ("typer", signal.SIGTERM),
        ("numpy", signal.SIGINT),
        ("torch", signal.SIGTERM),
        ("sklearn", signal.SIGINT),
    ],
)
def test_an_interruption_while_a_module_is_imported_ends_with_130_and_the_sentence(
    module: str, number: signal.Signals, tmp_path: Path
) -> None:
    arguments = ["sweep", "--checkpoint", "torchvision:resnet18,weights=random,classes=10", "--dry-run"]
    code = SENT.format(wanted=module, number=int(number), arguments=arguments, swallow=module == "numpy")
    assert run(code, tmp_path) == (130, f"error: {SENTENCE}\n")


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (signal.SIGTERM, "os.kill(os.getpid(), NUMBER)"),
        (signal.SIGINT, "type('Dying', (), {'__del__': lambda self: os.kill(os.getpid(), NUMBER)})()"),
        (
            signal.SIGINT,
            "\n        try:\n            os.kill(os.getpid(), NUMBER)\n"
            "        except BaseException:\n            raise RuntimeError('made of it') from None",
        ),
        (
            signal.SIGINT,
            "\n        try:\n            os.kill(os.getpid(), NUMBER)\n"
            "        finally:\n            os.kill(os.getpid(), NUMBER)",
        ),
    ],
    ids=["plain", "in a finaliser", "made into another", "while cleaning up"],
)
def test_an_interruption_inside_a_network_ends_with_130_and_the_sentence_once(
    body: str, number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "interrupting.py").write_text(NETWORK.format(number=int(number), body=body))
    code = SENT.format(wanted="", number=0, arguments=SWEEP, swallow=False)
    # A failure that an interruption was made into is not told before it.
    assert run(code, tmp_path) == (130, f"error: {SENTENCE}\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_when_all_is_done_changes_nothing(number: signal.Signals, tmp_path: Path) -> None:
    code = f"import atexit, os\natexit.register(os.kill, os.getpid(), {int(number)})\n" + SENT.format(
        wanted="", number=0, arguments=["--version"], swallow=False
    )
    assert run(code, tmp_path) == (0, "")
