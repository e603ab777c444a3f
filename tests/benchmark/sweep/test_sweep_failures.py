"""What a sweep does about cells that cannot be computed."""

from pathlib import Path

import pytest
from tiny_sweeps import (
    Ledger,
    cells,
    official_set,
    stored,
    swept,
    tiny_checkpoint,
    tiny_data,
    tiny_plan,
)
from torch import Tensor, nn

from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.source import Source
from robustsweep.errors import CellsFailedError, DataError, MissingDependencyError
from robustsweep.results.stored.store import CellStore


def test_a_missing_library_is_named_and_the_rest_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = Source.generate

    def without_opencv(self: Source, condition: Corrupted, clean: Tensor, ids: Tensor) -> Tensor:
        if condition.corruption == "spatter":
            raise MissingDependencyError("spatter needs opencv-python.")
        return generate(self, condition, clean, ids)

    plan = tiny_plan(
        "clean",
        "spatter@1",
        "contrast@1",
        data=tiny_data(12),
        checkpoints=[tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)],
    )
    ledger = Ledger()
    with monkeypatch.context() as patch:
        patch.setattr(Source, "generate", without_opencv)
        summary = swept(plan, tmp_path, ledger)
    expected = [f"{name}, spatter@1: spatter needs opencv-python." for name in ("a", "b")]
    assert list(summary.failed) == expected
    assert [sentence for sentence in ledger.sentences if "spatter" in sentence] == expected
    assert (ledger.cells, ledger.units) == ledger.announced
    with pytest.raises(
        CellsFailedError, match=r"2 cells failed; the others are stored\. First: a, spatter@1"
    ) as caught:
        summary.raise_if_failed()
    assert caught.value.exit_code == 3
    assert set(cells(tmp_path)) == {"clean", "contrast@1"}
    assert {entry["condition"] for entry in CellStore(tmp_path).missing()} == {"spatter@1"}
    mended = swept(plan, tmp_path)
    assert (mended.computed, mended.reused, mended.failed) == (2, 4, ())
    mended.raise_if_failed()


class Broken(nn.Module):
    """Fails on what is far from the tiles: all that is darker than they are."""

    def __init__(self, network: nn.Module, error: BaseException | None) -> None:
        super().__init__()
        self.network, self.error = network, error

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        if float(images.amax()) > 0.7:
            return logits
        if self.error is None:
            return logits * float("nan")
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, "output is not finite"),
        (RuntimeError("shapes do not fit"), "shapes do not fit"),
        (ValueError("images too dark"), r"ValueError\('images too dark'\)"),
        (AssertionError(), "AssertionError"),
        (SystemExit(0), r"tried to end the process with SystemExit\(0\)"),
        (GeneratorExit(), "tried to end the process with GeneratorExit"),
    ],
    ids=["NaN", "RuntimeError", "ValueError", "AssertionError", "SystemExit", "GeneratorExit"],
)
def test_a_network_that_breaks_is_named_and_the_rest_is_stored(
    tmp_path: Path, error: BaseException | None, reason: str
) -> None:
    data = tiny_data(12)
    broken = tiny_checkpoint("broken", 1, lambda network: Broken(network, error))
    plan = tiny_plan(
        "clean", "fog@1", data=official_set(data, clean=True), checkpoints=[broken, tiny_checkpoint("whole", 0)]
    )
    ledger = Ledger()
    summary = swept(plan, tmp_path, ledger)
    assert len(summary.failed) == 1
    assert summary.failed[0].startswith("broken, fog@1: ")
    with pytest.raises(CellsFailedError, match=reason):
        summary.raise_if_failed()
    assert set(stored(tmp_path)) == {("broken", "clean"), ("whole", "clean"), ("whole", "fog@1")}
    assert (ledger.cells, ledger.units) == ledger.announced


def test_an_attack_on_a_network_that_gives_no_numbers_is_named(tmp_path: Path) -> None:
    nan = tiny_checkpoint("nan", 0, lambda network: nn.Sequential(network, nn.Threshold(1e9, float("nan"))))
    plan = tiny_plan("clean", "fgsm-linf@1/255", data=tiny_data(6), checkpoints=[nan])
    summary = swept(plan, tmp_path)
    assert [sentence.partition(":")[0] for sentence in summary.failed] == ["nan, clean", "nan, fgsm-linf@1/255"]
    assert all("not finite" in sentence for sentence in summary.failed)
    assert stored(tmp_path) == {}


def test_images_that_cannot_be_read_end_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: Source, positions: object) -> Tensor:
        raise DataError("images.tar is truncated.")

    monkeypatch.setattr(Source, "read_clean", unreadable)
    with pytest.raises(DataError, match="images.tar is truncated"):
        swept(tiny_plan(data=tiny_data(6)), tmp_path)
