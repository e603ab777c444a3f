"""What reaches the network must not depend on batches, on order or on what else is computed."""

import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sweeps import CONDITIONS, TinyNet, stored, swept, tiny_checkpoint, tiny_data, tiny_plan
from torch import Tensor, nn

from robustsweep.benchmark.plan.shard import Shard
from robustsweep.benchmark.sweep.progress import Silent

N_IMAGES = 90
PIXELS = (
    *(name for name in CONDITIONS if "linf" not in name),
    *("glass_blur@1", "spatter@3", "elastic_transform@2"),
    *("window-gauss-image@0.25", "window-linear-mean@0.375", "window-hard-noise@0.5"),
)
Seen = dict[str, list[str]]


class Recorder(Silent):
    """Hashes every image that a network is shown, by condition, and keeps its logits."""

    def __init__(self) -> None:
        self.hashes: Seen = defaultdict(list)
        self.logits: dict[str, list[Tensor]] = defaultdict(list)
        self.condition = ""

    def working_on(self, checkpoint: str, condition: str) -> None:
        self.condition = condition

    def wrap(self, network: nn.Module) -> nn.Module:
        def note(module: nn.Module, images: tuple[Tensor], logits: Tensor) -> None:
            if not self.condition:  # an inspection of the checkpoint, before its first condition
                return
            shown = images[0].contiguous().numpy()
            self.hashes[self.condition] += [hashlib.blake2b(image.tobytes()).hexdigest() for image in shown]
            self.logits[self.condition].append(logits)

        network.register_forward_hook(note)
        return network


def watched(run: Path, *names: str, batch_size: int, shard: Shard | None = None) -> Recorder:
    recorder = Recorder()
    checkpoint = tiny_checkpoint("tiny", 0, recorder.wrap)
    plan = tiny_plan(*names, data=tiny_data(N_IMAGES), checkpoints=[checkpoint])
    swept(plan, run, recorder, batch_size=batch_size, shard=shard or Shard())
    return recorder


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recorder, Path]:
    run = tmp_path_factory.mktemp("reference")
    return watched(run, *PIXELS, batch_size=64), run


@pytest.mark.parametrize("batch_size", [1, 7, 500])
def test_pixels_do_not_depend_on_the_batch_size_or_on_the_order_of_conditions(
    tmp_path: Path, reference: tuple[Recorder, Path], batch_size: int
) -> None:
    recorder, run = reference
    found = watched(tmp_path, *reversed(PIXELS), batch_size=batch_size)
    assert list(found.hashes) == list(reversed(PIXELS))
    assert found.hashes == recorder.hashes
    assert all(len(hashes) == N_IMAGES for hashes in found.hashes.values())
    expected = stored(run)
    for cell, arrays in stored(tmp_path).items():
        differ = np.flatnonzero(arrays["prediction"] != expected[cell]["prediction"])
        best = torch.cat(recorder.logits[cell[1]])[differ].topk(2).values
        assert bool((best[:, 0] - best[:, 1] <= 1e-4).all()), cell


def test_pixels_do_not_depend_on_the_blocks(
    tmp_path: Path, reference: tuple[Recorder, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("plan.blocks", "sweep.window_block"):
        monkeypatch.setattr(f"robustsweep.benchmark.{module}.IMAGES_PER_BLOCK", 13)
    recorder = Recorder()
    checkpoint = tiny_checkpoint("tiny", 0, recorder.wrap)
    plan = tiny_plan(*PIXELS, data=tiny_data(N_IMAGES), checkpoints=[checkpoint])
    swept(plan, tmp_path, recorder, block_bytes=1)
    assert recorder.hashes == reference[0].hashes


def test_pixels_do_not_depend_on_the_shard(tmp_path: Path, reference: tuple[Recorder, Path]) -> None:
    together: Seen = {}
    for index in (1, 2, 3):
        part = watched(tmp_path, *PIXELS, batch_size=64, shard=Shard(index, 3)).hashes
        assert not together.keys() & part.keys()
        together |= part
    assert together == reference[0].hashes


def test_a_subset_shows_the_very_images_of_the_whole(tmp_path: Path, reference: tuple[Recorder, Path]) -> None:
    recorder = Recorder()
    checkpoint = tiny_checkpoint("tiny", 0, recorder.wrap)
    plan = tiny_plan(*PIXELS, data=tiny_data(N_IMAGES), checkpoints=[checkpoint], limit=17)
    swept(plan, tmp_path, recorder)
    positions = plan.source.positions.tolist()
    assert len(positions) == 17
    for name, hashes in reference[0].hashes.items():
        assert recorder.hashes[name] == [hashes[position] for position in positions], name


def test_another_seed_shows_other_noise_and_the_same_of_what_is_not_drawn(
    tmp_path: Path, reference: tuple[Recorder, Path]
) -> None:
    recorder = Recorder()
    checkpoint = tiny_checkpoint("tiny", 0, recorder.wrap)
    swept(tiny_plan(*PIXELS, data=tiny_data(N_IMAGES), checkpoints=[checkpoint], seed=1), tmp_path, recorder)
    for name, hashes in reference[0].hashes.items():
        drawn = name in ("gaussian_noise@3", "glass_blur@1", "spatter@3", "elastic_transform@2") or "window" in name
        assert (recorder.hashes[name] != hashes) == drawn, name


def test_the_images_shown_are_eight_bit_levels_in_the_unit_range(tmp_path: Path) -> None:
    spans: list[Tensor] = []

    class Watching(TinyNet):
        def forward(self, images: Tensor) -> Tensor:
            spans.append(images)
            return super().forward(images)

    checkpoint = tiny_checkpoint("tiny", 0, lambda network: Watching(0))
    swept(tiny_plan("clean", "gaussian_noise@5", data=tiny_data(10), checkpoints=[checkpoint]), tmp_path)
    for images in spans:
        assert images.dtype == torch.float32
        levels = images * 255
        assert torch.equal(levels.round() / 255, images)
        assert 0 <= float(images.min()) < float(images.max()) <= 1
