"""A training that is stopped anywhere ends in the weights of one that was not, bit for bit."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_trainings import RECIPE, cutmix_job, setting, stripes
from torch import Tensor

from robustsweep.augmentations.baseline import Baseline
from robustsweep.benchmark.checkpoints.native import load_card, load_tensors
from robustsweep.errors import CheckpointError
from robustsweep.training import trainer
from robustsweep.training.cards import Keep
from robustsweep.training.course import EpochReport
from robustsweep.training.grid import Grid, train_grid
from robustsweep.training.job import BaselineClock, Job, Setting, epochs_done, is_trained, run_job


class StoppedError(Exception):
    """Stands for whatever ends a training from outside."""


def run(job: Job, shared: Setting, stop_after: int | None = None) -> None:
    def stop(report: EpochReport) -> None:
        if report.epoch == stop_after:
            raise StoppedError

    run_job(job, shared, BaselineClock(), stop)


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = load_tensors(one), load_tensors(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_training_stopped_after_any_epoch_goes_on_to_the_same_weights(tmp_path: Path, keep: Keep) -> None:
    shared = setting(stripes(), keep=keep)
    whole, stopped = cutmix_job(tmp_path / "whole"), cutmix_job(tmp_path / "stopped")
    run(whole, shared)
    for epoch in (1, 3):
        with pytest.raises(StoppedError):
            run(stopped, shared, epoch)
        assert (epochs_done(stopped), is_trained(stopped, shared)) == (epoch, False)
    run(stopped, shared)
    assert is_trained(stopped, shared)
    assert not stopped.state.exists()
    for one, other in zip(whole.files(shared.keep), stopped.files(shared.keep), strict=True):
        assert_same_weights(one, other)
        assert replace(load_card(one), training={}) == replace(load_card(other), training={})
    rows, expected = (
        list(csv.DictReader(job.path.with_suffix(".csv").read_text().splitlines())) for job in (stopped, whole)
    )
    steady = ("epoch", "epochs", "loss", "learning_rate", "images", "held_out_accuracy")
    assert [[row[name] for name in steady] for row in rows] == [[row[name] for name in steady] for row in expected]


def test_a_training_that_is_killed_at_any_file_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    script = Path(__file__).with_name("interrupted_training.py")
    subprocess.run([sys.executable, script, tmp_path / "killed", tmp_path / "whole"], check=True, timeout=120)
    whole = cutmix_job(tmp_path / "whole")
    killed = cutmix_job(tmp_path / "killed")
    for one, other in zip(whole.files("best"), killed.files("best"), strict=True):
        assert_same_weights(one, other)
    rows = list(csv.DictReader(killed.path.with_suffix(".csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == list(range(1, RECIPE.epochs + 1))
    left = {path.name for path in killed.path.parent.iterdir()}
    assert left == {"cutmix-seed3.safetensors", "cutmix-seed3-best.safetensors", "cutmix-seed3.csv"}


def test_a_training_continued_elsewhere_states_every_device_and_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, shared = cutmix_job(tmp_path), setting(stripes())
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(trainer, "device_name", lambda device: "another device")
        elsewhere.setattr(trainer, "precision_on", lambda device, recipe: "bfloat16")
        with pytest.raises(StoppedError):
            run(job, shared, 2)
    run(job, shared)
    facts = load_card(job.path).training
    assert facts["precision"] == "bfloat16; float32"
    assert facts["device"].startswith("another device; cpu, ")
    rows = csv.DictReader(job.path.with_suffix(".csv").read_text().splitlines())
    assert [row["precision"] for row in rows] == ["bfloat16", "bfloat16", "float32", "float32"]


class Dropping(Baseline):
    """Drops a tenth of all pixels by the generator that layers read."""

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        return torch.nn.functional.dropout(images, 0.1), targets


def test_what_layers_draw_belongs_to_seed_and_epoch_and_the_generator_is_left_as_it_was(tmp_path: Path) -> None:
    shared, before = setting(stripes()), torch.get_rng_state()
    whole, stopped = (cutmix_job(tmp_path / name, Dropping()) for name in ("whole", "stopped"))
    run(whole, shared)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(StoppedError):
        run(stopped, shared, 2)
    with torch.random.fork_rng(devices=[]):
        torch.rand(5)
        run(stopped, shared)
    assert_same_weights(whole.path, stopped.path)


def test_the_state_of_another_training_is_refused_and_an_unreadable_one_named(tmp_path: Path) -> None:
    job = cutmix_job(tmp_path)
    with pytest.raises(StoppedError):
        run(job, setting(stripes()), 1)
    with pytest.raises(CheckpointError, match=r"cutmix-seed3\.state is of another training \(other recipe_hash, optim"):
        is_trained(job, setting(stripes(), replace(RECIPE, weight_decay=0.1)))
    with pytest.raises(CheckpointError, match="other method, method_parameters"):
        is_trained(replace(job, method=Baseline()), setting(stripes()))
    job.state.write_bytes(b"cut off")
    with pytest.raises(CheckpointError, match="is not a state of a training .* delete it"):
        is_trained(job, setting(stripes()))


def test_a_state_left_by_a_finished_training_is_no_hindrance(tmp_path: Path) -> None:
    job, shared = cutmix_job(tmp_path), setting(stripes())
    with pytest.raises(StoppedError):
        run(job, shared, RECIPE.epochs)
    assert epochs_done(job) == RECIPE.epochs
    run(job, shared)
    assert is_trained(job, shared)
    assert "ratio_to_baseline" not in load_card(job.path).training


def test_the_next_run_removes_the_state_of_a_training_that_was_killed_when_it_was_finished(tmp_path: Path) -> None:
    job, shared = cutmix_job(tmp_path), setting(stripes())
    with pytest.raises(StoppedError):
        run(job, shared, RECIPE.epochs)
    state = job.state.read_bytes()
    run(job, shared)
    for content in (state, b"not a state"):
        job.state.write_bytes(content)
        assert train_grid(Grid(shared, (job,), ())) == 0
        assert job.state.exists() == (content != state)


def test_the_state_goes_when_checkpoint_and_folder_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, shared = cutmix_job(tmp_path), setting(stripes())
    synced: list[tuple[bool, bool]] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((job.path.exists(), job.state.exists())))
    run(job, shared)
    # The checkpoint's file is synced under its temporary name, its folder when it has its own.
    assert synced[-2:] == [(False, True), (True, True)]
    assert not job.state.exists()
