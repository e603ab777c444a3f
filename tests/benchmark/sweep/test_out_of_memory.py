"""What a sweep does when a forward pass of several images does not fit the memory."""

from pathlib import Path

import pytest
import torch
from tiny_sweeps import Arrays, Ledger, OneByOne, cells, same, stored, swept, tiny_checkpoint, tiny_data, tiny_plan
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints import Checkpoint

CONDITIONS = ("clean", "fog@1", "fog@2", "fgsm-linf@1/255", "pgd2-linf@1/255", "pgd2-linf@8/255")


class Small(nn.Module):
    """Computes each image alone, and fails as a full device does if it is shown more than some."""

    def __init__(self, network: nn.Module, most: int) -> None:
        super().__init__()
        self.network, self.most = OneByOne(network), most
        self.refused: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > self.most:
            self.refused.append(len(images))
            raise torch.OutOfMemoryError("out of memory")
        logits: Tensor = self.network(images)
        return logits


def small(most: int, loaded: list[Small], name: str = "small", seed: int = 0) -> Checkpoint:
    def wrap(network: nn.Module) -> nn.Module:
        loaded.append(Small(network, most))
        return loaded[-1]

    return tiny_checkpoint(name, seed, wrap)


def numbers(run: Path) -> Arrays:
    """Read the arrays of a run without the passes, which follow the batches that images are packed into."""
    return {
        cell: {name: array for name, array in arrays.items() if name != "passes"}
        for cell, arrays in stored(run).items()
    }


@pytest.mark.parametrize("most", [1, 5, 59])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(tmp_path: Path, most: int) -> None:
    data = tiny_data(60)
    whole = tiny_plan(*CONDITIONS, data=data, checkpoints=[tiny_checkpoint("small", 0, OneByOne)])
    swept(whole, tmp_path / "whole", batch_size=200)
    ledger = Ledger()
    tight = tiny_plan(*CONDITIONS, data=data, checkpoints=[small(most, [])])
    summary = swept(tight, tmp_path / "tight", ledger, batch_size=200)
    assert (summary.computed, summary.failed) == (6, ())
    assert same(numbers(tmp_path / "tight"), numbers(tmp_path / "whole"))
    assert (ledger.cells, ledger.units) == ledger.announced
    sizes = {1: 1, 5: 3, 59: 30}
    recorded = {cell.recorded["batch_size"] for cell in cells(tmp_path / "tight").values()}
    assert recorded == {sizes[most]}
    first = next(told for told in ledger.sentences if "out of memory" in told)
    assert first == (
        "small, clean: out of memory with 60 images per forward pass; going on with 30 for py:tiny_sweeps:TinyNet and "
        "clean."
    )


def test_later_cells_of_the_same_kind_begin_with_the_batch_that_fitted(tmp_path: Path) -> None:
    loaded: list[Small] = []
    checkpoints = [small(16, loaded, "a", 0), small(16, loaded, "b", 1)]
    ledger = Ledger()
    swept(tiny_plan("fog@1", "fog@2", data=tiny_data(60), checkpoints=checkpoints), tmp_path, ledger)
    halvings = [told.partition(":")[0] for told in ledger.sentences if "out of memory" in told]
    assert halvings == ["a, fog@1"] * 2
    # Each network is looked at before: 60, 30 and 15 images.
    assert [network.refused for network in loaded] == [[60, 30, 60, 30], [60, 30]]


def test_other_kinds_of_cells_keep_their_batch(tmp_path: Path) -> None:
    class TightUnderGradients(Small):
        def forward(self, images: Tensor) -> Tensor:
            self.most = 16 if torch.is_grad_enabled() else 1000
            return super().forward(images)

    checkpoint = tiny_checkpoint("a", 0, lambda network: TightUnderGradients(network, 16))
    swept(tiny_plan("clean", "pgd2-linf@8/255", data=tiny_data(60), checkpoints=[checkpoint]), tmp_path, batch_size=50)
    recorded = {name: cell.recorded["batch_size"] for name, cell in cells(tmp_path).items()}
    assert recorded == {"clean": 50, "pgd2-linf@8/255": 12}


def test_a_cell_of_which_no_image_fits_fails_and_the_rest_goes_on(tmp_path: Path) -> None:
    checkpoints = [small(0, []), tiny_checkpoint("whole", 1)]
    summary = swept(tiny_plan("clean", "fog@1", data=tiny_data(6), checkpoints=checkpoints), tmp_path)
    assert summary.failed == ("small, clean: out of memory", "small, fog@1: out of memory")
    assert summary.computed == 2


def test_an_attack_of_another_library_keeps_its_batch_which_decides_its_numbers(tmp_path: Path) -> None:
    pytest.importorskip("torchattacks", reason="the extra torchattacks is not installed")
    plan = tiny_plan("torchattacks:FGSM@2/255", data=tiny_data(12), checkpoints=[small(6, [])])
    ledger = Ledger()
    summary = swept(plan, tmp_path, ledger)
    assert summary.failed == ("small, torchattacks:FGSM@2/255: out of memory",)
    assert not [told for told in ledger.sentences if "going on with" in told]
