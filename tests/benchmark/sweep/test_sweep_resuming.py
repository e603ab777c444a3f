"""A sweep that is stopped anywhere, by anything, ends with the arrays of one that was not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from interrupted_sweep import small_plan
from tiny_sweeps import Arrays, official_set, same, stored, swept, tiny_data, tiny_plan
from torch import Tensor

from robustsweep.benchmark.data.dataset import Int64Array
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.plan import Plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.sweep.progress import Silent
from robustsweep.errors import DataError
from robustsweep.results.stored.store import CellStore

N_BLOCKS = 3


class StoppedError(Exception):
    """Stands for whatever ends a sweep from outside."""


class StopAt(Silent):
    """Raises at one event of a sweep."""

    def __init__(self, event: int) -> None:
        self.events_left = event

    def _count(self) -> None:
        self.events_left -= 1
        if self.events_left == 0:
            raise StoppedError

    def begin(self, cells: int, units: int) -> None:
        self._count()

    def working_on(self, checkpoint: str, condition: str) -> None:
        self._count()

    def advance(self, cells: int, units: int) -> None:
        self._count()


@pytest.fixture(params=["one block", "blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a sweep handle its 22 images together, or in blocks of 8, 8 and 6."""
    monkeypatch.setattr("robustsweep.benchmark.plan.blocks.IMAGES_PER_BLOCK", 8)
    return N_BLOCKS if request.param == "blocks" else 1


def run_in(blocks: int, plan: Plan, run: Path, progress: Silent | None = None) -> int:
    return swept(plan, run, progress, block_bytes=1 if blocks > 1 else 10**9).computed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    run = tmp_path_factory.mktemp("undisturbed")
    assert swept(small_plan(), run).computed == 8
    return stored(run)


def part_files(run: Path) -> list[Path]:
    return sorted(run.glob("parts/*/*/*"))


def test_blocks_give_the_arrays_of_one_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Arrays
) -> None:
    monkeypatch.setattr("robustsweep.benchmark.plan.blocks.IMAGES_PER_BLOCK", 8)
    sizes: list[int] = []
    read = Source.read_clean

    def counting(self: Source, positions: Int64Array) -> Tensor:
        sizes.append(len(positions))
        return read(self, positions)

    monkeypatch.setattr(Source, "read_clean", counting)
    assert run_in(N_BLOCKS, small_plan(), tmp_path) == 8
    assert sizes == [8, 8, 6]
    assert same(stored(tmp_path), undisturbed)
    assert part_files(tmp_path) == []


@pytest.mark.parametrize(("spare", "sizes"), [(0, [22]), (-1, [8, 8, 6])])
def test_images_that_just_fit_are_one_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spare: int, sizes: list[int]
) -> None:
    monkeypatch.setattr("robustsweep.benchmark.plan.blocks.IMAGES_PER_BLOCK", 8)
    read: list[int] = []
    images = Source.read_clean

    def counting(self: Source, positions: Int64Array) -> Tensor:
        read.append(len(positions))
        return images(self, positions)

    monkeypatch.setattr(Source, "read_clean", counting)
    swept(tiny_plan("clean", data=tiny_data(22)), tmp_path, block_bytes=22 * 3 * 32 * 32 + spare)
    assert read == sizes


@pytest.mark.parametrize("event", [*range(1, 18, 2), 30, 41])
def test_a_sweep_stopped_at_any_event_goes_on_where_it_was(
    tmp_path: Path, blocks: int, undisturbed: Arrays, event: int
) -> None:
    plan = small_plan()
    try:
        run_in(blocks, plan, tmp_path, StopAt(event))
    except StoppedError:
        pass
    else:
        assert blocks == 1, "a sweep in blocks has more events than that"
    finished = stored(tmp_path)
    assert run_in(blocks, plan, tmp_path) == 8 - len(finished)
    assert same(stored(tmp_path), undisturbed)
    assert all(same({cell: arrays}, {cell: undisturbed[cell]}) for cell, arrays in finished.items())
    assert part_files(tmp_path) == []
    assert CellStore(tmp_path).missing() == []


def test_a_sweep_stopped_again_and_again_still_ends(tmp_path: Path, blocks: int, undisturbed: Arrays) -> None:
    class StopAtTheThird(StopAt):
        def advance(self, cells: int, units: int) -> None:
            """Let what is finished already pass."""

    plan = small_plan()
    n_stops = 0
    while n_stops < 20:
        try:
            run_in(blocks, plan, tmp_path, StopAtTheThird(4))
        except StoppedError:
            n_stops += 1
        else:
            break
    # Two of the cells, or of their blocks, are finished before each stop.
    assert n_stops == 8 * blocks // 2 - 1
    assert same(stored(tmp_path), undisturbed)


def test_finished_blocks_are_neither_read_nor_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Arrays
) -> None:
    monkeypatch.setattr("robustsweep.benchmark.plan.blocks.IMAGES_PER_BLOCK", 8)
    plan = small_plan()
    calls: list[tuple[str, int]] = []
    read, generate = Source.read_clean, Source.generate

    def reading(self: Source, positions: Int64Array) -> Tensor:
        calls.append(("read", int(positions[0])))
        return read(self, positions)

    def generating(self: Source, condition: Corrupted, clean: Tensor, ids: Tensor) -> Tensor:
        calls.append((condition.name, int(ids[0])))
        return generate(self, condition, clean, ids)

    monkeypatch.setattr(Source, "read_clean", reading)
    monkeypatch.setattr(Source, "generate", generating)
    # A block has two events for each of its eight cells, after the one at the beginning.
    with pytest.raises(StoppedError):
        run_in(N_BLOCKS, plan, tmp_path, StopAt(1 + 2 * 8 + 2))
    assert len([path for path in part_files(tmp_path) if path.suffix == ".npz"]) == 8 + 1
    first, calls[:] = calls.copy(), []
    assert first == [("read", 0), ("gaussian_noise@3", 0), ("read", 8)]
    run_in(N_BLOCKS, plan, tmp_path)
    assert calls == [("read", 8), ("gaussian_noise@3", 8), ("read", 16), ("gaussian_noise@3", 16)]
    assert same(stored(tmp_path), undisturbed)


def test_the_next_sweep_removes_blocks_of_cells_that_were_finished_when_it_was_killed(tmp_path: Path) -> None:
    plan, run = small_plan(), tmp_path / "run"
    swept(plan, run)
    (finished, *_), outside = run.glob("cells/*/*"), tmp_path / "outside"
    left = run / "parts" / finished.parent.name / finished.name
    unfinished = left.with_name("0" * 16)
    behind_link = outside / finished.name
    for folder in (left, unfinished, behind_link):
        folder.mkdir(parents=True)
        (folder / "0.npz").write_bytes(b"")
    (run / "plans" / ".a.json.robustsweep-0123456789abcdef").write_text("")
    swept(plan, run)
    assert part_files(run) == [unfinished / "0.npz"]
    assert not list(run.glob("plans/.*"))
    (run / "parts" / finished.parent.name).rename(tmp_path / "moved")
    (run / "parts" / finished.parent.name).symlink_to(outside)
    with pytest.raises(DataError, match="is a link"):
        swept(plan, run)
    assert list(behind_link.iterdir()) == [behind_link / "0.npz"]


def test_clean_images_are_not_read_where_official_ones_alone_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Source, "read_clean", None)
    plan = tiny_plan("fog@1", "contrast@2", data=official_set(tiny_data(6), clean=True))
    assert swept(plan, tmp_path).computed == 2


def test_a_cell_that_fails_in_one_block_fails_once_and_is_no_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Arrays
) -> None:
    monkeypatch.setattr("robustsweep.benchmark.plan.blocks.IMAGES_PER_BLOCK", 8)
    generate = Source.generate

    def failing(self: Source, condition: Corrupted, clean: Tensor, ids: Tensor) -> Tensor:
        if int(ids[0]) == 8:
            raise RuntimeError("out of memory")
        return generate(self, condition, clean, ids)

    class Units(Silent):
        left = 0

        def begin(self, cells: int, units: int) -> None:
            self.left = units

        def advance(self, cells: int, units: int) -> None:
            self.left -= units

    plan, units = small_plan(), Units()
    with monkeypatch.context() as patch:
        patch.setattr(Source, "generate", failing)
        summary = swept(plan, tmp_path, units, block_bytes=1)
    assert summary.failed == tuple(f"{name}, gaussian_noise@3: out of memory" for name in ("a", "b"))
    assert units.left == 0
    assert len(stored(tmp_path)) == 6
    assert swept(plan, tmp_path, block_bytes=1).computed == 2
    assert same(stored(tmp_path), undisturbed)
    assert part_files(tmp_path) == []


@pytest.mark.parametrize("event", [1, 2, 3, 10, 17, 18, 19, 34, 40, 48])
def test_a_sweep_that_is_overtaken_by_another_of_the_same_run_ends_well(
    tmp_path: Path, blocks: int, undisturbed: Arrays, event: int
) -> None:
    plan = small_plan()

    class Overtaken(StopAt):
        def _count(self) -> None:
            self.events_left -= 1
            if self.events_left == 0:
                run_in(blocks, plan, tmp_path)

    computed = run_in(blocks, plan, tmp_path, Overtaken(event))
    assert event > 1 or computed == 0
    assert same(stored(tmp_path), undisturbed)


def in_processes(way: str, run: Path) -> None:
    helpers = Path(__file__).parents[1]
    folders = [str(helpers), *sys.path]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, folders))}
    command = [sys.executable, str(helpers / "interrupted_sweep.py"), way, str(run)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are made by fork")
def test_a_sweep_that_is_killed_while_it_writes_goes_on_where_it_was(tmp_path: Path, undisturbed: Arrays) -> None:
    in_processes("killed", tmp_path)
    assert same(stored(tmp_path), undisturbed)
    assert part_files(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are made by fork")
def test_two_processes_that_write_one_run_at_once_leave_it_whole(tmp_path: Path, undisturbed: Arrays) -> None:
    in_processes("at-once", tmp_path)
    assert same(stored(tmp_path), undisturbed)
    assert CellStore(tmp_path).missing() == []


def test_arrays_without_their_document_are_no_cell(tmp_path: Path) -> None:
    plan = tiny_plan("clean", data=tiny_data(6))
    swept(plan, tmp_path)
    (document,) = tmp_path.glob("cells/*/*/cell.json")
    document.unlink()
    assert swept(plan, tmp_path).computed == 1
    assert document.is_file()
