"""Mistakes of other packages' corruptions, architectures, data sets, suites, methods and factories, by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_sweeps import swept, tiny_checkpoint, tiny_data, tiny_plan
from torch import Tensor, nn

from robustsweep import registry
from robustsweep.augmentations import METHODS, build_method
from robustsweep.augmentations.method import Method
from robustsweep.benchmark.architectures import ARCHITECTURES, build_architecture
from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.data import DATASETS, open_data
from robustsweep.benchmark.plan.suites import SUITES, conditions_of
from robustsweep.corruptions import CORRUPTIONS
from robustsweep.draws import Draws
from robustsweep.errors import CheckpointError, UsageError
from robustsweep.registry import Registry
from robustsweep.training.recipe import find_recipe
from robustsweep.training.trainer import train


@dataclass
class Point:
    """Stands for an entry point of an installed package."""

    name: str
    item: object
    value: str = "third_party.module:item"

    def load(self) -> object:
        return self.item


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Registry[Any], object], None]:
    """Return what installs a package with one item, ``extra``."""

    def add(items: Registry[Any], item: object) -> None:
        for name, value in (("_items", dict(items._items)), ("_origins", {}), ("_entry_points_loaded", False)):
            monkeypatch.setattr(items, name, value)
        wanted, points = f"robustsweep.{items.noun}s", (Point("extra", item),)
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == wanted else ())

    return add


Install = Callable[[Registry[Any], object], None]


def leaves(*_: object) -> object:
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("apply", "reason"),
    [
        (lambda images, *_: images.float(), "returned torch.float32"),
        (lambda images, *_: images[:, :, :8], "returned torch.uint8"),
        (lambda *_: None, "returned NoneType"),
        (lambda *_: 1 / 0, "ZeroDivisionError"),
        (leaves, "SystemExit"),
    ],
    ids=["dtype", "shape", "nothing", "error", "exit"],
)
def test_a_corruption_of_another_package_that_fails_is_named_and_the_rest_is_stored(
    install: Install, apply: Callable[..., Tensor], reason: str, tmp_path: Path
) -> None:
    install(CORRUPTIONS, replace(CORRUPTIONS["contrast"], name="extra", apply=apply))
    summary = swept(tiny_plan("clean", "extra@1", data=tiny_data(6)), tmp_path)
    assert summary.computed == 1
    (sentence,) = summary.failed
    assert sentence.startswith("tiny, extra@1: The corruption 'extra' of third_party.module:item ")
    assert reason in sentence


@pytest.mark.parametrize("factory", [lambda classes: None, lambda: None, leaves], ids=["None", "none", "exit"])
def test_an_architecture_of_another_package_that_fails_is_named(install: Install, factory: object) -> None:
    install(ARCHITECTURES, factory)
    with pytest.raises(UsageError, match=r"architecture 'extra' of third_party\.module:item (failed|returned)"):
        build_architecture("extra", 10)


@pytest.mark.parametrize("opener", [lambda *_: None, lambda: None, leaves], ids=["None", "no arguments", "exit"])
def test_a_data_set_of_another_package_that_fails_is_named(install: Install, opener: object) -> None:
    install(DATASETS, opener)
    with pytest.raises(UsageError, match=r"dataset 'extra' of third_party\.module:item (failed|returned)"):
        open_data("extra")


@pytest.mark.parametrize("suite", [lambda: None, lambda: ("clean",), leaves], ids=["None", "names", "exit"])
def test_a_suite_of_another_package_that_fails_is_named(install: Install, suite: object) -> None:
    install(SUITES, suite)
    with pytest.raises(UsageError, match=r"suite 'extra' of third_party\.module:item (failed|returned)"):
        conditions_of(["extra"])


@dataclass(frozen=True)
class Extra(Method):
    """A method that is wrong in a chosen way."""

    name = "extra"
    way: str = "constructor"

    def __post_init__(self) -> None:
        if self.way == "constructor":
            raise TypeError("planted")

    def sample(self, draws: Draws) -> Tensor:
        return torch.zeros(len(draws.ids), 1, dtype=torch.float64)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        if self.way == "exit":
            raise SystemExit(0)
        return images, targets[:, :1].T


def test_a_method_of_another_package_that_cannot_be_made_is_named(install: Install) -> None:
    install(METHODS, Extra)
    with pytest.raises(UsageError, match=r"method 'extra' of third_party\.module:item failed \(TypeError"):
        build_method("extra")


@pytest.mark.parametrize("way", ["exit", "shape"])
def test_a_method_of_another_package_that_fails_in_training_is_named(install: Install, way: str) -> None:
    install(METHODS, Extra)
    method = build_method("extra", way=way)
    recipe = replace(find_recipe("digits"), epochs=1, warmup_epochs=0.0)
    with pytest.raises(UsageError, match=r"method 'extra' of third_party\.module:item failed"):
        train(method, tiny_data(12), architecture="resnet8", recipe=recipe, seed=0)


def test_a_factory_that_ends_the_process_is_a_checkpoint_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaving_factory.py").write_text("def network(classes):\n    raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CheckpointError, match="py:leaving_factory:network failed .*tried to end the process"):
        resolve("py:leaving_factory:network,classes=10")
    (tmp_path / "leaving_module.py").write_text("raise SystemExit(0)\n")
    with pytest.raises(CheckpointError, match="py:leaving_module:network cannot be imported .*end the process"):
        resolve("py:leaving_module:network,classes=10")


def test_a_checkpoint_that_cannot_be_loaded_once_more_is_named(tmp_path: Path) -> None:
    def leaving(network: nn.Module) -> nn.Module:
        raise SystemExit(0)

    with pytest.raises(CheckpointError, match="leaving cannot be loaded .*end the process"):
        swept(tiny_plan("clean", data=tiny_data(6), checkpoints=[tiny_checkpoint("leaving", wrap=leaving)]), tmp_path)
