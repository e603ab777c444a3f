"""``train --dry-run`` says what would be trained, and writes nothing."""

import sys
from pathlib import Path

import pytest

from robustsweep.cli import main
from robustsweep.training import trainer

COMMAND = ["train", "--method", "baseline", "--method", "cutmix", "--epochs", "2", "--limit", "64", "--out", "out"]


@pytest.fixture
def lines(monkeypatch, capsys, tmp_path):
    """Run the command line in this process, in an empty folder; returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["robustsweep", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out.splitlines()

    return call


def without_power(said: list[str]) -> list[str]:
    return [line for line in said if not line.startswith("power")]


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_dry_run_lists_what_would_be_trained_and_writes_nothing(lines, tmp_path):
    said = lines(*COMMAND, "--dry-run")
    assert said[2] == "plan   2 training runs, 0 are finished already"
    assert without_power(said)[3:] == [
        f"train  out/{name}-epochs2-seed0.safetensors: to train" for name in ("baseline", "cutmix")
    ]
    assert snapshot(tmp_path) == {}


def test_a_dry_run_names_what_is_finished_and_where_an_interrupted_one_goes_on(lines, tmp_path, monkeypatch):
    train_epoch, n_epochs = trainer.train_epoch, 0

    def interrupted_in_the_fourth(*arguments: object) -> float:
        nonlocal n_epochs
        n_epochs += 1
        if n_epochs == 4:
            raise KeyboardInterrupt
        return train_epoch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_epoch", interrupted_in_the_fourth)
        monkeypatch.setattr(sys, "argv", ["robustsweep", *COMMAND])
        with pytest.raises(SystemExit):
            main()
    (tmp_path / "out" / ".cutmix.state.robustsweep-0123456789abcdef").write_text("of a killed process")
    before = snapshot(tmp_path)
    assert without_power(lines(*COMMAND, "--dry-run"))[-3:] == [
        "plan   2 training runs, 1 are finished already",
        "train  out/baseline-epochs2-seed0.safetensors: finished",
        "train  out/cutmix-epochs2-seed0.safetensors: to go on after epoch 1 of 2",
    ]
    assert snapshot(tmp_path) == before
    assert "trained" in lines(*COMMAND)[-2]
    said = without_power(lines(*COMMAND, "--dry-run"))
    assert [line.partition(": ")[2] for line in said[-2:]] == ["finished", "finished"]
    assert not list(tmp_path.glob("out/.*"))


def test_the_list_is_that_of_the_shard(lines):
    said = lines(*COMMAND, "--shard", "2/2", "--dry-run")
    assert without_power(said)[3:] == ["train  out/cutmix-epochs2-seed0.safetensors: to train"]


def test_a_dry_run_says_what_its_seeds_would_show(lines, tmp_path):
    said = [line for line in lines(*COMMAND, "--seed", "0-4", "--dry-run") if line.startswith("power")]
    assert said[0].startswith("power  With 5 seeds per method and 1,000 images, differences of")
    assert said[1].endswith("10,000 images")
    assert len(said) == 9
    table = '[train]\nmethods = ["baseline", "cutmix"]\nlimit = 64\nepochs = 2\n'
    (tmp_path / "plan.toml").write_text(f'suites = ["clean"]\nlimit = 300\nout = "run"\n{table}')
    said = [line for line in lines("train", "plan.toml", "--dry-run") if line.startswith("power")]
    assert "1 training seed per method cannot show" in said[0]
    assert "300 images" in said[1]
    assert said[2].split()[-2:] == ["300", "images"]
    assert len(said) == 6
    assert not [line for line in lines("train", "--limit", "64", "--dry-run") if line.startswith("power")]  # one method


def test_a_shell_is_told_what_can_follow(lines, monkeypatch):
    monkeypatch.setenv("_ROBUSTSWEEP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "robustsweep train --dry")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert lines() == ["--dry-run"]
