import csv
import os
import sys
from pathlib import Path

import pytest
from study import main
from workplace import StudyError, workplace

PLAN = """
data = "digits"
suites = ["clean", "fog@1"]
limit = 20
out = "runs/tiny"
[train]
methods = ["baseline", "cutout,length=0.25"]
limit = 64
epochs = 1
[compare]
methods = ["cutout", "baseline"]
metrics = ["clean_error"]
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of two runs, as the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    (tmp_path / "plan-tiny.toml").write_text(PLAN)
    (tmp_path / "stages.toml").write_text('[[tiny]]\nmethods = ["baseline", "cutout"]\nseeds = "0"\n')
    return tmp_path


def study(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["study.py", ".", "--size", "tiny", *options])
    return main()


def written(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_study_is_computed_once_and_its_compact_results_alone_give_the_same_report(tiny, monkeypatch):
    assert study(monkeypatch, "--data", "digits") == 0
    results = tiny / "results/tiny"
    kept = written(results)
    assert len([name for name in kept if name.startswith("compact/")]) == 2
    assert {"report/report.html", "compare/compare.md"} <= kept.keys()
    assert not [name for name in kept if Path(name).suffix not in (".json", ".npz", ".csv", ".html", ".md", ".tex")]
    rows = list(csv.DictReader(kept["commands.csv"].decode().splitlines()))
    assert [(row["run"], row["command"], row["exit_code"]) for row in rows] == [
        (f"{name}-epochs1-seed0", command, "0")
        for name in ("baseline", "cutout-length-0.25")
        for command in ("train", "sweep")
    ]

    (tiny / "runs").rename(tiny / "elsewhere")
    assert study(monkeypatch) == 0
    assert written(results) == kept
    assert written(tiny / "runs").keys() == {"tiny/study.log"}


def test_without_images_and_results_nothing_is_computed_and_the_way_on_is_named(tiny, monkeypatch, capsys):
    assert study(monkeypatch) == 2
    assert "DATA=" in capsys.readouterr().err


def test_a_second_study_beside_the_first_is_refused(tiny):
    places = [workplace(tiny / "runs", tiny / "costs.csv", "digits", 1) for _ in range(2)]
    with places[0], pytest.raises(StudyError, match="at work"), places[1]:
        pass
