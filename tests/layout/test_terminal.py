"""What leaves for the terminal, and streams that cannot take it."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from robustsweep.cli import main
from robustsweep.cli.progress import TerminalProgress
from robustsweep.cli.terminal import complain, say

FOREIGN = "\x1b]0;x\x07 [red]a\nb[/red] :smile: \udc80"
SHOWN = "�]0;x� [red]a�b[/red] :smile: �"


def test_what_is_said_and_complained_of_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(FOREIGN)
    complain(FOREIGN)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (f"{SHOWN}\n", f"error: {SHOWN}\n")


def test_a_long_complaint_keeps_its_beginning_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    complain("begin" + "x" * 100_000 + "end")
    said = capsys.readouterr().err
    assert said.startswith("error: beginx")
    assert said.endswith("xend\n")
    assert len(said) < 3000


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_and_warnings_show_foreign_names_as_text(is_terminal: bool) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=200, color_system=None)
    with TerminalProgress(console) as progress:
        progress.begin(2, 2)
        progress.working_on(FOREIGN, FOREIGN)
        progress.warn(FOREIGN)
        progress.advance(1, 1)
    said = file.getvalue()
    assert f"warning {SHOWN}\n" in said
    assert "\x1b]0;" not in said
    assert "[red]" in said


@pytest.mark.parametrize(
    "arguments",
    [["sweep", "--\x1b]0;x\x07"], ["list", "\x1b]0;x\x07"], ["report", "\x1b]0;x\x07"], ["sweep", "\x1b]0;x\x07.toml"]],
    ids=["option", "choice", "folder", "plan"],
)
def test_no_refusal_repeats_control_characters(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["robustsweep", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.rstrip("\n").isprintable()


@pytest.mark.parametrize("text", ["\udc80", "a\0b"])
def test_an_argument_that_no_path_can_be_is_refused_with_its_option(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["robustsweep", "report", ".", "--out", text])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: What follows --out holds ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">/dev/full", "error: standard output cannot be written (No space left on device)"),
        (">&-", "error: standard output is closed; send it to a file, or to /dev/null."),
        (">/dev/full 2>/dev/full", ""),
        (">&- 2>&-", ""),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_ends_with_2_and_a_sentence(redirection: str, said: str, unbuffered: str) -> None:
    command = f'exec "{sys.executable}" -m robustsweep list architectures {redirection}'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == bool(said)
