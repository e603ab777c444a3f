from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from robustsweep.errors import UsageError
from robustsweep.training import demo as checkpoints

# The package exports the function under the module's name.
command = import_module("robustsweep.cli.demo")


def test_the_demo_trains_sweeps_and_reports_and_a_second_run_computes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = replace(checkpoints.RECIPES["demo"], epochs=1, warmup_epochs=0)
    monkeypatch.setattr(checkpoints, "RECIPES", {"demo": recipe})
    monkeypatch.setattr(checkpoints, "DEMO_METHODS", ("baseline",))
    monkeypatch.setattr(command, "_SUITES", ("clean", "brightness@1", "fgsm-linf@1/255"))
    monkeypatch.setenv("COLUMNS", "80")
    command.demo(out=tmp_path, limit=30)
    first = capsys.readouterr().out
    assert "3 checkpoints trained in " in first
    assert "9 cells computed" in first
    assert "3 maps of 16 images computed" in first
    assert len(first.splitlines()) < 60
    report = (tmp_path / "report" / "report.md").read_text()
    assert "baseline-seed0" in report
    assert "Top-1 error (%, lower is better): methods" in report
    assert "Map mass in a pasted window, beyond its area" in report, "where networks look is part of the report"
    command.demo(out=tmp_path, limit=30)
    second = capsys.readouterr().out
    assert "0 checkpoints trained, 3 were stored already" in second
    assert "0 cells computed" in second
    assert "0 maps of 16 images computed" in second


def test_a_limit_below_one_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 or more, got 0"):
        command.demo(out=tmp_path, limit=0)
    assert not list(tmp_path.iterdir())
