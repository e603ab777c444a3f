"""The two images that a sweep keeps are what its networks saw, whoever computes them, and change nothing else."""

from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sweeps import official_set, same, stored, swept, tiny_checkpoint, tiny_data, tiny_images, tiny_plan

from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.plan import Plan
from robustsweep.benchmark.plan.shard import Shard
from robustsweep.corruptions import corrupt_batch
from robustsweep.errors import DataError
from robustsweep.results.stored.cells import setting_of
from robustsweep.results.stored.sample_images import Samples
from robustsweep.results.stored.store import CellStore

NAMES = ("clean", "gaussian_noise@3", "fog@5", "jpeg_compression@4")


def kept(plan: Plan, run: Path) -> dict[str, Samples]:
    """Read the pictures of a plan's conditions."""
    files, found = CellStore(run).samples, {}
    for cell in plan.cells.values():
        if samples := files.of(setting_of(cell.identity)):
            found[cell.condition.name] = samples
    return found


def picture_files(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.glob("samples/*")}


def hwc(images: object) -> np.ndarray:
    return np.asarray(images).transpose(0, 2, 3, 1)


def test_what_is_kept_is_what_the_network_saw(tmp_path: Path) -> None:
    data = tiny_data(30)
    plan = tiny_plan(*NAMES, "fgsm-linf@2/255", "window-hard-noise@0.5", data=data, seed=7, limit=20)
    swept(plan, tmp_path)
    found = kept(plan, tmp_path)
    assert found.keys() == set(NAMES)
    ids = found["clean"].ids
    assert len(ids) == 2
    assert set(ids.tolist()) <= set(plan.source.ids.tolist())
    assert data.labels[ids[0]] != data.labels[ids[1]]
    clean = data.images(ids)
    for name, samples in found.items():
        condition = next(c for c in plan.conditions if c.name == name)
        shown = clean
        if isinstance(condition, Corrupted):
            shown = corrupt_batch(
                clean,
                condition.corruption,
                condition.severity,
                table=condition.table or "",
                seed=7,
                ids=torch.from_numpy(ids),
            )
        assert np.array_equal(samples.ids, ids)
        assert np.array_equal(samples.pixels, hwc(shown))


def test_official_files_are_kept_as_they_are_with_clean_images_if_there_are_any(tmp_path: Path) -> None:
    data = tiny_data(12)
    plan = tiny_plan("fog@1", "fog@4", "clean", data=official_set(data, clean=True))
    swept(plan, tmp_path / "clean")
    found = kept(plan, tmp_path / "clean")
    ids = found["clean"].ids
    assert np.array_equal(found["clean"].pixels, hwc(data.images(ids)))
    assert np.array_equal(found["fog@4"].pixels, hwc(data.images(ids) // 5))
    plan = tiny_plan("fog@1", "fog@4", data=official_set(data, clean=False))
    swept(plan, tmp_path / "alone")
    assert np.array_equal(kept(plan, tmp_path / "alone")["fog@1"].pixels, found["fog@1"].pixels)


def test_shards_blocks_and_later_checkpoints_keep_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan(*NAMES, data=tiny_data(22))
    with monkeypatch.context() as patch:
        for module in ("plan.blocks", "sweep.sample_images"):
            patch.setattr(f"robustsweep.benchmark.{module}.IMAGES_PER_BLOCK", 8)
        swept(plan, tmp_path / "whole")
        for index in (1, 2):
            swept(plan, tmp_path / "shards", shard=Shard(index, 2))
        swept(plan, tmp_path / "blocks", block_bytes=1)
    expected = picture_files(tmp_path / "whole")
    assert len(expected) == len(NAMES)
    assert picture_files(tmp_path / "shards") == picture_files(tmp_path / "blocks") == expected
    assert same(stored(tmp_path / "whole"), stored(tmp_path / "blocks"))
    swept(tiny_plan(*NAMES, data=tiny_data(22), checkpoints=[tiny_checkpoint("other", 5)]), tmp_path / "blocks")
    assert picture_files(tmp_path / "blocks") == expected


def test_a_new_checkpoint_brings_what_an_older_run_lacks_or_has_damaged(tmp_path: Path) -> None:
    plan = tiny_plan(*NAMES, data=tiny_data(22))
    swept(plan, tmp_path)
    expected = picture_files(tmp_path)
    lost, damaged, *_ = sorted(tmp_path.glob("samples/*.npz"))
    lost.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-40])
    assert swept(plan, tmp_path).computed == 0
    with pytest.raises(DataError, match=rf"{damaged.name} .*delete it; the pictures are missing then, and no number"):
        kept(plan, tmp_path)
    swept(tiny_plan(*NAMES, data=tiny_data(22), checkpoints=[tiny_checkpoint("other", 5)]), tmp_path)
    assert picture_files(tmp_path) == expected


def test_large_images_are_kept_small_and_small_sets_as_they_are(tmp_path: Path) -> None:
    wide = np.concatenate([tiny_images(3, side=160), tiny_images(3, side=160, seed=1)], axis=3)
    data = from_array("wide", "test", wide, np.zeros(3, np.int64), 5)
    plan = tiny_plan("clean", data=data)
    swept(plan, tmp_path / "wide")
    assert kept(plan, tmp_path / "wide")["clean"].pixels.shape == (2, 48, 96, 3)
    plan = tiny_plan("clean", data=tiny_data(1))
    swept(plan, tmp_path / "one")
    assert kept(plan, tmp_path / "one")["clean"].pixels.shape == (1, 32, 32, 3)


@pytest.mark.parametrize("seed", [0, 3])
def test_which_images_are_kept_depends_on_the_images_alone(tmp_path: Path, seed: int) -> None:
    data: Dataset = tiny_data(40)
    plan = tiny_plan("clean", data=data, seed=seed, checkpoints=[tiny_checkpoint("net", seed)])
    swept(plan, tmp_path)
    hashes = {i: int.from_bytes(blake2b(f"0\0{i}".encode(), digest_size=8).digest(), "little") for i in range(40)}
    firsts = [min(np.flatnonzero(data.labels == label), key=lambda i: hashes[i]) for label in np.unique(data.labels)]
    assert kept(plan, tmp_path)["clean"].ids.tolist() == sorted(sorted(firsts, key=lambda i: hashes[i])[:2])


def test_names_of_classes_lie_beside_the_pictures(tmp_path: Path) -> None:
    data = replace(tiny_data(6), class_names=lambda: ("a", "b\udcff", "c", "d", "e"))
    plan = tiny_plan("clean", data=data)
    swept(plan, tmp_path)
    assert CellStore(tmp_path).samples.class_names(plan.source.images_key) == ("a", "b?", "c", "d", "e")
    assert CellStore(tmp_path).samples.class_names("0" * 64) == ()
