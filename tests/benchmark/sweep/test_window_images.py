from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sweeps import official_set, stored, swept, tiny_checkpoint, tiny_data, tiny_plan

from robustsweep.benchmark.data.dataset import Dataset, Int64Array
from robustsweep.benchmark.plan.blocks import Block
from robustsweep.benchmark.plan.conditions import Windowed
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.sweep.window_block import windowed_images
from robustsweep.corruptions.windows import draw_partners, paste_windows
from robustsweep.results.stored.cells import identity_key
from robustsweep.results.stored.store import CellStore

HARD_IMAGE = Windowed("hard", "image", 0.5)


def block_of(data: Dataset, limit: int | None = None, seed: int = 0) -> Block:
    source = Source.choose(data, limit=limit, seed=seed)
    return Block.of(source, 0, source.positions, torch.device("cpu"))


def partner_positions(block: Block, fraction: float = 0.5) -> Int64Array:
    positions = torch.from_numpy(block.positions)
    total = len(block.source.data.labels)
    drawn = draw_partners(fraction, seed=block.source.seed, ids=block.ids, positions=positions, n_total=total)
    return np.asarray(drawn.numpy(), dtype=np.int64)


@pytest.mark.parametrize("edge", ["hard", "linear", "gauss"])
def test_a_subset_takes_its_partners_from_the_whole_split(edge: str) -> None:
    data = tiny_data(60)
    block = block_of(data, limit=10)
    partners = partner_positions(block)
    assert set(partners) - set(block.positions)
    expected = paste_windows(block.clean, edge, "image", 0.5, seed=0, ids=block.ids, partners=data.images(partners))
    assert torch.equal(windowed_images(Windowed(edge, "image", 0.5), block), expected)


def test_images_of_the_block_are_read_once_and_others_together(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    data = tiny_data(60)

    def read(positions: Int64Array) -> torch.Tensor:
        reads.append(len(positions))
        return data.images(positions)

    watched = replace(data, read=read)
    windowed_images(HARD_IMAGE, block_of(watched))
    assert reads == [60]
    reads.clear()
    part = block_of(watched, limit=40)
    windowed_images(HARD_IMAGE, part)
    n_outside = int((~np.isin(partner_positions(part), part.positions)).sum())
    assert reads == [40, n_outside]
    reads.clear()
    windowed_images(Windowed("hard", "noise", 0.5), part)
    assert reads == []


def test_clean_images_come_back_in_the_order_asked_for_with_repeats() -> None:
    data = tiny_data(60)
    block = block_of(data, limit=15)
    positions = np.array([59, 0, int(block.positions[3]), 59, 17, int(block.positions[0])])
    assert torch.equal(block.clean_at(positions), data.images(positions))


def test_the_identity_holds_edge_filling_fraction_and_seed() -> None:
    source, other_seed = (Source.choose(tiny_data(60), limit=None, seed=seed) for seed in (0, 1))
    kinds = [HARD_IMAGE, *(replace(HARD_IMAGE, **change) for change in (
        {"edge": "gauss"}, {"filling": "noise"}, {"fraction": 0.25}))]  # fmt: skip
    keys = {identity_key(source.identity(condition)) for condition in kinds}
    assert len(keys | {identity_key(other_seed.identity(HARD_IMAGE))}) == 5
    shown = source.identity(HARD_IMAGE)["condition"]
    assert {"kind": "window", "edge": "hard", "filling": "image", "fraction": 0.5, "seed": 0}.items() <= shown.items()


def test_an_official_set_shows_windows_on_its_clean_images() -> None:
    data = tiny_data(60)
    source = Source.choose(official_set(data, clean=True), limit=None, seed=0)
    block = Block.of(source, 0, source.positions, torch.device("cpu"))
    assert torch.equal(windowed_images(HARD_IMAGE, block), windowed_images(HARD_IMAGE, block_of(data)))
    shown = source.identity(HARD_IMAGE)["condition"]
    assert shown["clean"]["fingerprint"] == data.fingerprint


def test_a_sweep_stores_windows_and_says_what_cannot_be_had(tmp_path: Path) -> None:
    names = ("clean", "window-hard-image@0.5", "window-hard-noise@0.5")
    assert swept(tiny_plan(*names), tmp_path / "whole").failed == ()
    assert len(stored(tmp_path / "whole")) == 3
    described = {cell.condition["name"]: cell.condition for cell in CellStore(tmp_path / "whole").cells()}
    assert described["window-hard-noise@0.5"] == Windowed("hard", "noise", 0.5).describe()
    alone = swept(tiny_plan(*names, data=tiny_data(1), checkpoints=[tiny_checkpoint()]), tmp_path / "alone")
    assert [sentence.split(": ")[0] for sentence in alone.failed] == ["tiny, window-hard-image@0.5"]
    assert "a split of two images or more" in alone.failed[0]
    assert len(stored(tmp_path / "alone")) == 2


def test_windows_need_clean_images() -> None:
    source = Source.choose(official_set(tiny_data(6), clean=False), limit=None, seed=0)
    assert not source.supports(HARD_IMAGE)
