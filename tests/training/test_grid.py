from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_trainings import RECIPE, cutmix_job, setting, stripes

from robustsweep.augmentations.baseline import Baseline
from robustsweep.augmentations.mixes.cutmix import CutMix
from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.checkpoints.native import load_card
from robustsweep.benchmark.data.dataset import stratified_positions
from robustsweep.benchmark.data.digits import open_digits
from robustsweep.benchmark.sweep.progress import Silent
from robustsweep.errors import CheckpointError, DataError, RobustsweepError
from robustsweep.training.course import EpochReport, best_epoch
from robustsweep.training.grid import Grid, plan_grid, train_grid
from robustsweep.training.images.data_images import limited, load_images, open_training_data
from robustsweep.training.job import BaselineClock, Job, is_trained, run_job
from robustsweep.training.request import (
    TrainRequest,
    checkpoint_files,
)
from robustsweep.training.trainer import train

CPU = torch.device("cpu")


def small(folder: Path, **changes: Any) -> TrainRequest:
    request = TrainRequest(methods=("cutmix", "baseline"), seed="0-1", epochs=1, limit=40, out=str(folder))
    return replace(request, **changes)


class Counting(Silent):
    """Adds up what a grid tells."""

    def __init__(self) -> None:
        self.begun: tuple[int, int] = (0, 0)
        self.done = (0, 0)

    def begin(self, cells: int, units: int) -> None:
        self.begun = (cells, units)

    def advance(self, cells: int, units: int) -> None:
        self.done = (self.done[0] + cells, self.done[1] + units)


def trained(grid: Grid) -> int:
    progress = Counting()
    n_trained = train_grid(grid, progress)
    assert progress.begun == progress.done
    return n_trained


def test_a_grid_is_trained_once_and_its_checkpoints_differ_in_method_and_seed_alone(tmp_path: Path) -> None:
    assert trained(plan_grid(small(tmp_path), CPU)) == 4
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert trained(plan_grid(small(tmp_path), CPU)) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    files = checkpoint_files(small(tmp_path))
    cards = [load_card(path) for path in files]
    assert [(card.seed, card.method) for card in cards] == [
        (seed, name) for seed in (0, 1) for name in ("baseline", "cutmix")
    ]
    assert all(set(card.differing_fields(cards[0])) <= {"method", "method_parameters", "seed"} for card in cards)
    assert len(resolve(str(tmp_path))) == 4
    files[0].unlink()
    assert [job.path for job in plan_grid(small(tmp_path), CPU).missing] == [files[0]]


def test_shards_share_a_grid_without_overlap(tmp_path: Path) -> None:
    shards = [plan_grid(small(tmp_path, shard=f"{index}/3"), CPU).jobs for index in (1, 2, 3)]
    assert sorted(job.path for jobs in shards for job in jobs) == sorted(checkpoint_files(small(tmp_path)))
    assert [len(jobs) for jobs in shards] == [2, 1, 1]
    assert checkpoint_files(small(tmp_path, shard="1/3")) == checkpoint_files(small(tmp_path))


def test_a_folder_of_other_trainings_is_refused_and_left_alone(tmp_path: Path) -> None:
    train_grid(plan_grid(small(tmp_path, seed="0", methods=("baseline",)), CPU))
    content = (tmp_path / "baseline-epochs1-seed0.safetensors").read_bytes()
    with pytest.raises(
        CheckpointError,
        match=r"baseline-epochs1-seed0\.safetensors is of another training \(other normalisation, data_f",
    ):
        plan_grid(small(tmp_path, limit=50), CPU)
    assert (tmp_path / "baseline-epochs1-seed0.safetensors").read_bytes() == content


def test_the_card_relates_times_to_the_baseline_only_where_this_run_timed_it(tmp_path: Path) -> None:
    train_grid(plan_grid(small(tmp_path, seed="0"), CPU))
    facts = [load_card(path).training for path in checkpoint_files(small(tmp_path, seed="0"))]
    assert facts[0]["ratio_to_baseline"] == 1
    ratio = facts[1]["seconds_per_epoch"] / facts[0]["seconds_per_epoch"]
    assert facts[1]["ratio_to_baseline"] == pytest.approx(ratio)
    assert all(f["wall_seconds"] == pytest.approx(f["seconds_per_epoch"]) for f in facts)
    assert all(f["images_per_second"] == pytest.approx(40 / f["seconds_per_epoch"]) for f in facts)
    assert all((f["precision"], f["images"]) == ("float32", 40) and f["device"].startswith("cpu, ") for f in facts)
    alone = small(tmp_path, seed="5", methods=("cutmix",))
    train_grid(plan_grid(alone, CPU))
    assert "ratio_to_baseline" not in load_card(checkpoint_files(alone)[0]).training


def test_a_tenth_is_held_out_of_the_last_and_of_the_best_epoch_and_the_cards_say_so(tmp_path: Path) -> None:
    data = stripes(100)
    shared, job = setting(data, keep="best"), cutmix_job(tmp_path, Baseline())
    held_out = stratified_positions(data.labels, data.ids, 10, 0)
    assert np.bincount(data.labels[held_out]).tolist() == [5, 5]
    assert torch.equal(shared.images.held_out, data.images(held_out))
    assert not set(shared.images.ids.tolist()) & set(data.ids[held_out].tolist())
    reports: list[EpochReport] = []
    run_job(job, shared, BaselineClock(), reports.append)
    last, best = (load_card(path) for path in job.files("best"))
    assert (last.epoch_kept, best.epoch_kept, last.held_out, best.held_out) == ("last", "best", 0.1, 0.1)
    assert best.training["epoch"] == best_epoch(reports)
    assert all(report.held_out_accuracy is not None for report in reports)
    full = setting(data)
    assert len(full.images.held_out) == 0
    with pytest.raises(CheckpointError, match="other normalisation, held_out"):
        is_trained(job, full)


def test_the_best_epoch_has_the_highest_held_out_accuracy_and_is_the_one_kept() -> None:
    def at(epoch: int, accuracy: float) -> EpochReport:
        return EpochReport(epoch, 4, 1.0, 0.1, 1.0, 64, "cpu", "float32", accuracy)

    assert best_epoch([at(1, 0.2), at(2, 0.6), at(3, 0.6), at(4, 0.5)]) == 2
    data = stripes(100)
    trained = train(Baseline(), data, architecture="resnet8", recipe=RECIPE, seed=0, keep="best")
    assert trained.best is not None
    images = load_images(data, CPU, RECIPE, hold_out=True)
    with torch.inference_mode():
        right = trained.best.module(images.normalised(images.held_out)).argmax(1) == images.held_out_labels
    accuracies = [report.held_out_accuracy for report in trained.course if report.held_out_accuracy is not None]
    assert len(accuracies) == RECIPE.epochs
    assert float(right.double().mean()) == max(accuracies)


def test_too_few_images_to_hold_any_out_are_refused() -> None:
    with pytest.raises(DataError, match="4 training images are too few"):
        setting(stripes(4), keep="best")


def test_a_limit_takes_the_same_images_of_every_class_and_changes_the_fingerprint() -> None:
    data = stripes(60)
    part = limited(data, 20)
    assert np.bincount(part.labels).tolist() == [10, 10]
    rows = [list(data.ids).index(i) for i in part.ids]
    assert torch.equal(part.images(np.arange(20)), data.images(np.array(rows)))
    assert part.fingerprint != data.fingerprint
    assert limited(data, 60) is limited(data, None) is data


def test_data_are_trained_on_their_training_split_unless_told() -> None:
    assert open_training_data("digits").fingerprint == open_digits("train").fingerprint
    assert open_training_data("digits, split=test").fingerprint == open_digits("test").fingerprint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ("cutmi",)}, "did you mean 'cutmix'"),
        ({"methods": ("cutmix,alpah=1",)}, "did you mean 'alpha'"),
        ({"methods": ("cutmix,alpha=x",)}, "cutmix: alpha must be a number, got 'x'"),
        ({"methods": ("cutmix,per_batch=False",)}, "per_batch must be true or false, got 'False'"),
        ({"methods": ("randommix,weights=[1,2",)}, r"weights must be a list of numbers, got '\[1,2'"),
        ({"methods": ("cutmix,alpha=0",)}, "alpha must be"),
        ({"recipe": "cifar-fast"}, "changes the classes of 'digits'"),
        ({"arch": "py:mine:net"}, "is code of yours"),
        ({"arch": "resnet21"}, "Unknown architecture 'resnet21'"),
        ({"shard": "3/2"}, "1 <= I <= N"),
        ({"data": "cifar10-c:nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(RobustsweepError, match=message):
        train_grid(plan_grid(small(tmp_path, **changes), CPU))
    assert not list(tmp_path.glob("*.safetensors"))


def test_the_baseline_of_another_run_is_no_measure() -> None:
    clock = BaselineClock()
    job = Job(CutMix(), 0, Path("x"))
    assert clock.ratio(job, [2.0]) is None
    assert clock.ratio(replace(job, method=Baseline()), [9.0, 1.0, 1.0]) == 1
    assert clock.ratio(job, [3.0, 2.0, 4.0]) == 3
