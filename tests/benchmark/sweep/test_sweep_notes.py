"""What stands beside the numbers of a sweep that was stopped: warnings and seconds of all its blocks."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_sweeps import cells, swept, tiny_checkpoint, tiny_data, tiny_plan
from torch import Tensor, nn

from robustsweep.benchmark.plan.plan import Plan
from robustsweep.benchmark.sweep import loop as running
from robustsweep.results.stored.cells import Cell, Examples
from robustsweep.results.stored.store import CellStore


class StoppedError(KeyboardInterrupt):
    """Stands for whatever ends a sweep from outside."""


class Certain(nn.Module):
    """Answers with ones and zeros, which are probabilities and have no gradient."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return (1e6 * logits).softmax(1)


def plan() -> Plan:
    return tiny_plan("clean", "fgsm-linf@2/255", data=tiny_data(22), checkpoints=[tiny_checkpoint("a", 0, Certain)])


def sweep(run: Path) -> None:
    swept(plan(), run, block_bytes=1).raise_if_failed()


@pytest.fixture(autouse=True)
def _blocks_of_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustsweep.benchmark.plan.blocks.IMAGES_PER_BLOCK", 8)


def stopping(calls_before: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function be called so many times before it ends the sweep."""
    calls = 0

    def stop(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > calls_before:
            raise StoppedError
        return function(*arguments, **options)

    return stop


# Of the two cells' blocks: some are computed, or all are and no cell is written.
STOPS = {
    "in a block": lambda patch: patch.setattr(running, "attack_images", stopping(1, running.attack_images)),
    "before the cells": lambda patch: patch.setattr(CellStore, "write", stopping(0, CellStore.write)),
}


def stop(run: Path, where: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        STOPS[where](patch)
        with pytest.raises(StoppedError):
            sweep(run)
    assert list(run.glob("parts/*/*/*"))


@pytest.mark.parametrize("where", STOPS)
def test_the_warnings_of_all_blocks_are_stored(tmp_path: Path, where: str) -> None:
    sweep(tmp_path / "undisturbed")
    stop(tmp_path / "stopped", where)
    sweep(tmp_path / "stopped")
    expected, found = cells(tmp_path / "undisturbed"), cells(tmp_path / "stopped")
    assert {name: cell.warnings for name, cell in found.items()} == {
        name: cell.warnings for name, cell in expected.items()
    }
    assert "looks like probabilities" in found["clean"].warnings[0]
    met = [warning for warning in found["fgsm-linf@2/255"].warnings if "zero everywhere" in warning]
    assert len(met) > 1  # the blocks have other counts


@pytest.mark.parametrize("where", STOPS)
def test_a_cell_holds_one_look_at_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    for look in ("first", "second"):
        monkeypatch.setattr(
            "robustsweep.benchmark.sweep.first_look.inspect", lambda *_, look=look, **__: (f"{look} look",)
        )
        if look == "first":
            stop(tmp_path, where)
        else:
            sweep(tmp_path)
    assert [cell.warnings[0] for cell in cells(tmp_path).values()] == ["first look", "first look"]
    assert not any("second look" in cell.warnings for cell in cells(tmp_path).values())


def test_the_seconds_of_all_blocks_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = running.evaluate

    def slow(*arguments: Any, **options: Any) -> Examples:
        time.sleep(0.5)
        return evaluate(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(running, "evaluate", slow)
        stop(tmp_path, "in a block")
    sweep(tmp_path)
    clean: Cell = cells(tmp_path)["clean"]
    assert clean.recorded["seconds"] > 0.5
