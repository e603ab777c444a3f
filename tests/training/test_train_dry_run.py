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


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_dry_run_lists_what_would_be_trained_and_writes_nothing(lines, tmp_path):
    said = lines(*COMMAND, "--dry-run")
    assert said[2] == "plan   2 training runs, 0 are finished already"
    assert said[3:] == [f"train  out/{name}-epochs2-seed0.safetensors: to train" for name in ("baseline", "cutmix")]
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
    assert lines(*COMMAND, "--dry-run")[-3:] == [
        "plan   2 training runs, 1 are finished already",
        "train  out/baseline-epochs2-seed0.safetensors: finished",
        "train  out/cutmix-epochs2-seed0.safetensors: to go on after epoch 1 of 2",
    ]
    assert snapshot(tmp_path) == before
    assert "trained" in lines(*COMMAND)[-2]
    assert [line.partition(": ")[2] for line in lines(*COMMAND, "--dry-run")[-2:]] == ["finished", "finished"]
    assert not list(tmp_path.glob("out/.*"))


def test_the_list_is_that_of_the_shard(lines):
    said = lines(*COMMAND, "--shard", "2/2", "--dry-run")
    assert said[3:] == ["train  out/cutmix-epochs2-seed0.safetensors: to train"]


def test_a_shell_is_told_what_can_follow(lines, monkeypatch):
    monkeypatch.setenv("_ROBUSTSWEEP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "robustsweep train --dry")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert lines() == ["--dry-run"]
