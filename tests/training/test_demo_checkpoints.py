from dataclasses import replace
from pathlib import Path

import pytest

from robustsweep.benchmark.checkpoints.native import load_card
from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.benchmark.data.digits import open_digits
from robustsweep.training import demo
from robustsweep.training.course import EpochReport
from robustsweep.training.recipe import Recipe


@pytest.fixture(autouse=True)
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(demo.RECIPES["digits"], epochs=1, warmup_epochs=0)

    def first_hundred(split: str) -> Dataset:
        data = open_digits(split)
        images = data.images(data.ids[:100])
        return from_array(data.name, split, images.numpy(), data.labels[:100], data.classes)

    monkeypatch.setattr(demo, "open_digits", first_hundred)
    monkeypatch.setattr(demo, "RECIPES", {"digits": recipe})


def trained_now(folder: Path, seed: int = 0) -> list[str]:
    names: list[str] = []

    def note(name: str, report: EpochReport) -> None:
        names.append(name)

    paths = demo.train_demo_checkpoints(folder, seed=seed, progress=note)
    assert [load_card(path).method for path in paths] == list(demo.DEMO_METHODS)
    return names


def test_checkpoints_are_trained_once_and_differ_in_the_method_alone(tmp_path: Path) -> None:
    assert trained_now(tmp_path) == list(demo.DEMO_METHODS)
    assert trained_now(tmp_path) == []
    cards = [load_card(path) for path in sorted(tmp_path.glob("*.safetensors"))]
    assert len({replace(card, method="", method_parameters={}, training={}).to_json() for card in cards}) == 1


def test_what_is_broken_or_of_another_training_is_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_now(tmp_path)
    (tmp_path / "mixup-seed0.safetensors").write_bytes(b"cut off")
    assert trained_now(tmp_path) == ["mixup"]
    recipe: Recipe = demo.RECIPES["digits"]
    monkeypatch.setattr(demo, "RECIPES", {"digits": replace(recipe, weight_decay=0.0)})
    assert trained_now(tmp_path) == list(demo.DEMO_METHODS)


def test_an_interrupted_training_goes_on_also_where_another_ones_checkpoint_lay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "DEMO_METHODS", ("baseline",))
    trained_now(tmp_path)
    recipe: Recipe = demo.RECIPES["digits"]
    monkeypatch.setattr(demo, "RECIPES", {"digits": replace(recipe, epochs=3)})

    def stop(name: str, report: EpochReport) -> None:
        if report.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.train_demo_checkpoints(tmp_path, progress=stop)
    assert trained_now(tmp_path) == ["baseline"]  # its third epoch
    assert trained_now(tmp_path) == []


def test_seeds_lie_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "DEMO_METHODS", ("baseline",))
    trained_now(tmp_path, seed=0)
    trained_now(tmp_path, seed=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "baseline-seed0.csv",
        "baseline-seed0.safetensors",
        "baseline-seed1.csv",
        "baseline-seed1.safetensors",
    ]
