"""The commands on stored runs, and the steps of action.yml as a runner runs them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from answered_runs import put
from run_builder import RunBuilder

from robustsweep.cli import main

ROOT = Path(__file__).resolve().parents[3]
CLEAN = {"name": "clean", "kind": "clean"}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["robustsweep", *arguments])
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Four runs of one checkpoint each: base, equal, worse, and unclear."""
    for name, n_wrong in (("base", 100), ("equal", 100), ("worse", 300), ("unclear", 107)):
        builder = RunBuilder(tmp_path / name, n=1_000)
        builder.card(f"net {name}", name, 0, weights="a" if name in ("base", "equal") else name)
        put(builder, f"net {name}", CLEAN, np.arange(1_000) < n_wrong)
    return tmp_path


def test_exit_codes_follow_the_verdicts(run: Run, runs: Path) -> None:
    code, out, _ = run("gate", "base", "--write-baseline", "b.npz")
    assert code == 0
    assert out.startswith(f"Wrote b.npz: 1 checkpoint, {(runs / 'b.npz').stat().st_size / 1000:.0f} kB.\n")
    assert run("gate", "base", "--baseline", "b.npz", "--strict")[0] == 0
    code, out, err = run("gate", "worse", "--baseline", "b.npz")
    assert code == 1
    assert "net worse is worse than its baseline on clean" in err
    assert "1 FAIL" in out
    code, out, _ = run("gate", "unclear", "--baseline", "b.npz")
    assert code == 0
    assert "1 INCONCLUSIVE" in out
    assert run("gate", "unclear", "--baseline", "b.npz", "--strict")[0] == 5
    assert run("gate", "base", "--baseline", "nowhere.npz")[0] == 4
    assert run("gate", "base", "--baseline", "b.npz", "--margin", "fog")[0] == 2


def test_a_failing_run_never_becomes_the_baseline(run: Run, runs: Path) -> None:
    run("gate", "base", "--write-baseline", "b.npz")
    before = (runs / "b.npz").read_bytes()
    assert run("gate", "worse", "--baseline", "b.npz", "--write-baseline", "b.npz")[0] == 1
    assert (runs / "b.npz").read_bytes() == before
    assert run("gate", "unclear", "--baseline", "b.npz", "--write-baseline", "b.npz")[0] == 0
    assert (runs / "b.npz").read_bytes() != before


def test_junit_and_step_summary_are_written(run: Run, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runs / "summary.md").write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(runs / "summary.md"))
    assert run("gate", "worse", "--baseline", "base", "--junit", "out/gate.xml")[0] == 1
    assert ElementTree.parse(runs / "out/gate.xml").getroot().get("failures") == "1"
    text = (runs / "summary.md").read_text()
    assert text.startswith("before\n## Robustness gate")
    assert "**1 FAIL**" in text


def test_a_baseline_that_is_written_says_what_it_can_show(run: Run, runs: Path) -> None:
    out = " ".join(run("gate", "base", "--write-baseline", "b.npz", "--margin", "clean=2")[1].split())
    assert "What this baseline can show: shapes" in out
    assert "clean 10.00 2.00 3.34" in out  # 1.645 + 0.842 standard errors of sqrt(2 * 0.1 * 0.9 / 1000)
    assert run("gate", "base", "--write-baseline", "b.npz", "--margin", "cleen=2")[0] == 2


def test_a_workflow_run_is_annotated_and_takes_nothing_else_for_a_command(
    run: Run, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "::" not in run("gate", "unclear", "--baseline", "base")[1]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    code, out, _ = run("gate", "unclear", "--baseline", "base")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("::warning title=Robustness gate::INCONCLUSIVE")
    token = lines[1].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert lines[-1] == f"::{token}::"
    assert run("gate", "worse", "--baseline", "base")[1].startswith("::error title=Robustness gate::FAIL for 1 of 1")


def test_compare_prints_and_writes_its_tables(run: Run, runs: Path) -> None:
    code, out, _ = run("compare", "base", "worse", "--method", "base", "--against", "worse", "--out", "compared")
    assert code == 0
    assert "base is better by 20.0 pp" in " ".join(out.split())
    files = sorted(path.name for path in (runs / "compared").iterdir())
    assert files == ["1_compare_errors.csv", "2_compare_calibration.csv", "compare.md"]
    assert (runs / "compared/compare.md").read_text().startswith("# base against worse\n")
    assert run("compare", "base", "--method", "base", "--against", "worse")[0] == 2


def steps() -> dict[str, dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed, and nothing else here reads action.yml")
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    declared = set(action["inputs"])
    for name in re.findall(r"inputs\.(\w+)", (ROOT / "action.yml").read_text()):
        assert name in declared
    return {step["name"]: step for step in action["runs"]["steps"]} | {"inputs": action["inputs"]}


def run_step(step: dict[str, Any], inputs: dict[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a step as a runner does: inputs filled into its environment, its script in a file, bash -eo pipefail."""
    filled = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found.group(1)], str(text))
        for name, text in step.get("env", {}).items()
    }
    assert "${{" not in str(step["run"])  # what a script interpolates, an input can inject
    script = folder / "step.sh"
    script.write_text(str(step["run"]))
    (folder / "bin").mkdir(exist_ok=True)
    if not (folder / "bin/python").exists():
        (folder / "bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (folder / "bin/python").chmod(0o755)
    environment = os.environ | filled | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    environment |= {"GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "GITHUB_ACTION_PATH": str(ROOT)}
    environment |= {"GITHUB_ACTIONS": "true"}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are bash scripts, and there is no bash")
def test_the_steps_of_the_action_judge_as_the_command_does(runs: Path) -> None:
    found = steps()
    given = {name: str(described.get("default", "")) for name, described in found["inputs"].items()}
    given |= {"run": "worse", "baseline": "base"}
    failed = run_step(found["Judge"], given | {"margins": "clean=30\nclean_error=10\n"}, runs)
    assert failed.returncode == 1, failed.stderr
    assert ElementTree.parse(runs / "robustsweep-junit.xml").getroot().get("failures") == "1"
    assert "1 FAIL" in (runs / "summary.md").read_text()
    unclear = run_step(found["Judge"], given | {"run": "unclear", "strict": "true"}, runs)
    assert unclear.returncode == 5, unclear.stderr
    assert unclear.stdout.startswith("::warning title=Robustness gate::")
    nameless = run_step(found["Judge"], given | {"retrained": "true"}, runs)
    assert nameless.returncode == 4, nameless.stderr
    hostile = run_step(
        found["Sweep"], given | {"plan": '$(touch hacked); "; touch hacked', "run": "`touch hacked`"}, runs
    )
    assert hostile.returncode == 2
    assert "touch hacked" in hostile.stderr
    assert not (runs / "hacked").exists()


def test_a_baseline_that_is_no_file_of_its_own_is_refused_in_plain_words(run: Run, runs: Path) -> None:
    code, _, err = run("gate", "base", "--write-baseline", "equal")
    assert code == 2
    assert "A baseline is written to a file, and equal is a folder; give a name such as equal.npz." in err
    (runs / "text.npz").write_text("no archive")
    code, _, err = run("gate", "base", "--baseline", "text.npz")
    assert code == 2
    assert "text.npz cannot be read (it is not a whole npz file); write it again with --write-baseline." in err
