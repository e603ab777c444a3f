"""A sweep leaves one small file per finished checkpoint, which stands in for the folders of its cells."""

import shutil
from pathlib import Path

import pytest
from tiny_sweeps import Ledger, cells, swept, tiny_checkpoint, tiny_data, tiny_plan

from robustsweep.benchmark.plan.shard import Shard
from robustsweep.errors import DataError
from robustsweep.results.stored.store import CellStore


def files(run: Path) -> set[str]:
    return {path.stem for path in run.glob("compact/*.npz")}


def test_a_finished_checkpoint_is_compacted_and_never_computed_again(tmp_path: Path) -> None:
    plan = tiny_plan(checkpoints=[tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)])
    computed = swept(plan, tmp_path, models_at_once=1).computed
    assert files(tmp_path) == {checkpoint.id for checkpoint in plan.checkpoints}
    before = list(CellStore(tmp_path).cells())
    shutil.rmtree(tmp_path / "cells")
    assert list(CellStore(tmp_path).cells()) == before
    summary = swept(plan, tmp_path)
    assert (summary.computed, summary.reused) == (0, computed)
    assert not (tmp_path / "cells").exists()


def test_shards_compact_a_checkpoint_once_the_last_of_them_has_finished_it(tmp_path: Path) -> None:
    plan = tiny_plan()
    swept(plan, tmp_path, shard=Shard(2, 2))
    assert files(tmp_path) == set()
    swept(plan, tmp_path, shard=Shard(1, 2))
    assert files(tmp_path) == {plan.checkpoints[0].id}


def test_a_run_of_an_older_version_is_compacted_by_the_same_sweep_again(tmp_path: Path) -> None:
    plan = tiny_plan("clean", "gaussian_noise@1")
    swept(plan, tmp_path)
    shutil.rmtree(tmp_path / "compact")
    assert swept(plan, tmp_path).computed == 0
    assert files(tmp_path) == {plan.checkpoints[0].id}


def test_a_suite_swept_after_the_folders_are_gone_joins_the_file(tmp_path: Path) -> None:
    data = tiny_data(6)
    swept(tiny_plan("clean", data=data), tmp_path)
    shutil.rmtree(tmp_path / "cells")
    assert swept(tiny_plan("clean", "fog@1", data=data), tmp_path).computed == 1
    shutil.rmtree(tmp_path / "cells")
    assert set(cells(tmp_path)) == {"clean", "fog@1"}


def test_a_cell_that_cannot_be_read_leaves_its_checkpoint_as_it_is_and_the_sweep_whole(tmp_path: Path) -> None:
    data, ledger = tiny_data(6), Ledger()
    swept(tiny_plan("clean", data=data), tmp_path)
    shutil.rmtree(tmp_path / "compact")
    (path,) = tmp_path.glob("cells/*/*/examples.npz")
    path.write_bytes(b"")
    assert swept(tiny_plan("fog@1", data=data), tmp_path, ledger).computed == 1
    assert files(tmp_path) == set()
    (sentence,) = ledger.sentences[-1:]
    assert "is not compacted" in sentence
    assert "examples.npz does not belong to its cell.json" in sentence


@pytest.mark.parametrize("damaged", ["examples.npz", "cell.json"])
def test_a_damaged_cell_does_not_pass_for_a_finished_one(tmp_path: Path, damaged: str) -> None:
    data = tiny_data(6)
    swept(tiny_plan("clean", data=data), tmp_path)
    shutil.rmtree(tmp_path / "compact")
    (path,) = tmp_path.glob(f"cells/*/*/{damaged}")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=damaged):
        swept(tiny_plan("clean", "fog@1", data=data), tmp_path)


def test_a_sweep_of_a_finished_run_writes_nothing(tmp_path: Path) -> None:
    data = tiny_data(6)
    swept(tiny_plan("clean", "pgd3-linf@4/255", data=data), tmp_path, audit=True)
    before = _written(tmp_path)
    assert swept(tiny_plan("clean", "pgd3-linf@4/255", data=data), tmp_path, audit=True).computed == 0
    assert _written(tmp_path) == before


def _written(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Say which file lies where and when it was written; when it was read does not count."""
    found = {path: path.stat() for path in sorted(folder.rglob("*"))}
    return {path: (state.st_ino, state.st_size, state.st_mtime_ns) for path, state in found.items()}


@pytest.mark.parametrize("name", ["clean", "fog@2"])
def test_a_sweep_that_is_not_finished_compacts_nothing(tmp_path: Path, name: str) -> None:
    swept(tiny_plan("clean", "fog@2"), tmp_path, shard=Shard(1 if name == "clean" else 2, 2))
    assert set(cells(tmp_path)) == {name}
    assert files(tmp_path) == set()
