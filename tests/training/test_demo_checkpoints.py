from dataclasses import replace
from pathlib import Path

import pytest

from robustsweep.benchmark.checkpoints.native import load_card
from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.benchmark.data.digits import open_digits
from robustsweep.results.statistics.seeds import FEWEST_SEEDS
from robustsweep.training import demo
from robustsweep.training.course import EpochReport
from robustsweep.training.job import BaselineClock, run_job
from robustsweep.training.recipe import Recipe


@pytest.fixture(autouse=True)
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_hundred(split: str) -> Dataset:
        data = open_digits(split)
        images = data.images(data.ids[:100])
        return from_array(data.name, split, images.numpy(), data.labels[:100], data.classes)

    monkeypatch.setattr(demo, "open_digits", first_hundred)
    monkeypatch.setattr(demo, "DEMO_METHODS", ("baseline", "mixup"))
    recipe = replace(demo.RECIPES["demo"], epochs=1, warmup_epochs=0)
    monkeypatch.setattr(demo, "RECIPES", {"demo": recipe})


ALL = [f"{name}-seed{seed}" for seed in range(3) for name in ("baseline", "mixup")]


def trained_now(folder: Path, seed: int = 0) -> list[str]:
    """Train what is missing, and name it."""
    missing = [job.path.stem for job in demo.demo_grid(folder, seed=seed).missing]
    paths = demo.train_demo_checkpoints(folder, seed=seed)
    assert [f"{load_card(path).method}-seed{load_card(path).seed}" for path in paths] == [path.stem for path in paths]
    return missing


def test_a_method_has_as_many_seeds_as_a_test_needs() -> None:
    assert demo.DEMO_SEEDS >= FEWEST_SEEDS


def test_checkpoints_are_trained_once_and_differ_in_method_and_seed_alone(tmp_path: Path) -> None:
    assert trained_now(tmp_path) == ALL
    assert trained_now(tmp_path) == []
    cards = [load_card(path) for path in sorted(tmp_path.glob("*.safetensors"))]
    assert len({replace(card, method="", method_parameters={}, seed=0, training={}).to_json() for card in cards}) == 1


def test_what_is_broken_or_of_another_training_is_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_now(tmp_path)
    (tmp_path / "mixup-seed1.safetensors").write_bytes(b"cut off")
    assert trained_now(tmp_path) == ["mixup-seed1"]
    recipe: Recipe = demo.RECIPES["demo"]
    monkeypatch.setattr(demo, "RECIPES", {"demo": replace(recipe, weight_decay=0.0)})
    assert trained_now(tmp_path) == ALL


def test_an_interrupted_training_goes_on_also_where_another_ones_checkpoint_lay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "DEMO_METHODS", ("baseline",))
    monkeypatch.setattr(demo, "DEMO_SEEDS", 1)
    trained_now(tmp_path)
    recipe: Recipe = demo.RECIPES["demo"]
    monkeypatch.setattr(demo, "RECIPES", {"demo": replace(recipe, epochs=3)})
    grid = demo.demo_grid(tmp_path)

    def stop(report: EpochReport) -> None:
        if report.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(grid.jobs[0], grid.setting, BaselineClock(), stop)
    assert trained_now(tmp_path) == ["baseline-seed0"]  # its third epoch
    assert trained_now(tmp_path) == []
