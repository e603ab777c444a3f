import csv
import shutil
import sys
from pathlib import Path

import pytest
from command_runner import CommandRunner, StudyError, command_runner
from planned_runs import progress_of, read_study
from study import main

from robustsweep import __version__
from robustsweep.cli import main as robustsweep
from robustsweep.errors import UsageError

RECIPES_FOLDER = Path(__file__).resolve().parents[2] / "training/recipes"
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
PROBES = 'data = "digits"\nsuites = ["fgsm-linf@8/255"]\nlimit = 10\nout = "runs/tiny"\n'


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of two runs, as the working folder; its commands run inside this process."""

    def in_process(place: CommandRunner, *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["robustsweep", *arguments])
        with pytest.raises(SystemExit) as ended:
            robustsweep()
        return int(ended.value.code or 0)

    monkeypatch.setattr(CommandRunner, "run", in_process)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("study.stand_back", lambda _: None)  # this process and its session go on afterwards
    (tmp_path / "plan-tiny.toml").write_text(PLAN)
    (tmp_path / "probes-tiny.toml").write_text(PROBES)
    (tmp_path / "stages.toml").write_text('[[tiny]]\nmethods = ["baseline", "cutout"]\nseeds = "0"\n')
    return tmp_path


def study(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["study.py", ".", "--size", "tiny", *options])
    return main()


def written(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_study_is_computed_once_and_its_compact_results_are_all_that_it_needs_then(tiny, monkeypatch):
    assert study(monkeypatch, "--data", "digits") == 0
    results = tiny / "results/tiny"
    kept = written(results)
    assert len([name for name in kept if name.startswith("compact/")]) == 2
    assert {"report/report.html", "compare/compare.md"} <= kept.keys()
    assert not [name for name in kept if name.startswith("cells/") or Path(name).suffix == ".safetensors"]
    rows = list(csv.DictReader(kept["commands.csv"].decode().splitlines()))
    assert [(row["run"], row["command"], row["exit_code"]) for row in rows] == [
        (f"{name}-epochs1-seed0", command, "0")
        for name in ("baseline", "cutout-length-0.25")
        for command in ("train", "sweep", "sweep")
    ]

    (tiny / "runs").rename(tiny / "elsewhere")
    assert study(monkeypatch) == 0
    assert written(results) == kept
    assert written(tiny / "runs").keys() == {"tiny/study.log"}

    stages = (tiny / "stages.toml").read_text()
    (tiny / "stages.toml").write_text(stages.replace('"0"', '"0-1"'))
    shutil.rmtree(results / "report")
    assert study(monkeypatch) == 1
    assert not (results / "report").exists(), "nothing is shown before all runs are there"
    (tiny / "stages.toml").write_text(stages)

    assert len(progress_of(read_study(Path(), "tiny")).finished) == 2
    (tiny / "other.toml").write_text((RECIPES_FOLDER / "digits.toml").read_text().replace("0.1", "0.2"))
    (tiny / "plan-tiny.toml").write_text(PLAN.replace("[train]", "[train]\nrecipe = 'other.toml'"))
    assert len(progress_of(read_study(Path(), "tiny")).outdated) == 2
    (tiny / "plan-tiny.toml").write_text(PLAN.replace("fog@1", "fog@2"))
    assert len(progress_of(read_study(Path(), "tiny")).missing) == 2
    (tiny / "plan-tiny.toml").write_text(PLAN)
    (tiny / "probes-tiny.toml").write_text(PROBES.replace("limit = 10", "limit = 12"))
    assert len(progress_of(read_study(Path(), "tiny")).missing) == 2


def test_probes_that_are_written_elsewhere_are_refused(tiny):
    (tiny / "probes-tiny.toml").write_text(PROBES.replace("runs/tiny", "runs/other"))
    with pytest.raises(UsageError, match=r"must have the same out, got runs/other and runs/tiny"):
        read_study(Path(), "tiny")


def test_without_images_and_results_nothing_is_computed_and_the_way_on_is_named(tiny, monkeypatch, capsys):
    assert study(monkeypatch) == 2
    assert "DATA=" in capsys.readouterr().err


def test_what_a_command_says_goes_to_the_log_and_its_exit_code_comes_back(tmp_path):
    with command_runner(tmp_path, tmp_path / "costs.csv", "", 1) as place:
        assert place.run("--version") == 0
        assert place.run("sweeep") == 2
    assert __version__ in (tmp_path / "study.log").read_text()


def test_a_command_that_is_interrupted_is_noted_and_ends_the_study(tmp_path, monkeypatch):
    monkeypatch.setattr(CommandRunner, "run", lambda *_: 130)
    costs = tmp_path / "results/costs.csv"
    with command_runner(tmp_path, costs, "digits", 1) as place, pytest.raises(KeyboardInterrupt):
        place.compute("cutmix-seed0", "train")
    assert "cutmix-seed0,train,130" in costs.read_text()


def test_a_second_study_beside_the_first_is_refused(tiny):
    places = [command_runner(tiny / "runs", tiny / "costs.csv", "digits", 1) for _ in range(2)]
    with places[0], pytest.raises(StudyError, match="at work"), places[1]:
        pass
