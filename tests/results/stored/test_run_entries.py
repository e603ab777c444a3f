"""Entries of a run are plain files and folders: links, pipes and foreign names are refused, nothing outside changes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from answered_runs import put
from run_builder import RunBuilder

from robustsweep.errors import DataError
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.report.writer import write_report
from robustsweep.results.stored.compact.writer import compact_checkpoint
from robustsweep.results.stored.parts import Part

CLEAN = {"name": "clean", "kind": "clean"}


@pytest.fixture
def run(builder: RunBuilder) -> RunBuilder:
    builder.n = 20
    cell = put(builder, "net", CLEAN, np.arange(20) < 5)
    builder.store.write_checkpoint({"id": cell.checkpoint["id"], "name": "net", "card": cell.checkpoint["card"]})
    builder.store.write_plan([])
    return builder


def outside(run: RunBuilder, *names: str) -> Path:
    """Move an entry out of the run and leave a link to it."""
    path, target = run.root.joinpath(*names), run.root.parent / "outside"
    path.rename(target)
    path.symlink_to(target)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("entry", ["cells", "compact", "checkpoints", "plans", "images"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_link_is_not_followed(run: RunBuilder, entry: str, deep: bool) -> None:
    (cell,) = run.store.cells()
    compact_checkpoint(run.store, cell.checkpoint["id"])
    names = (entry, next(iter(os.listdir(run.root / entry)))) if deep else (entry,)
    outside(run, *names)
    with pytest.raises(DataError, match=f"{entry}.* is a link; such folders hold plain files and folders alone"):
        load_frame([run.root])


def test_the_run_itself_may_be_a_link(run: RunBuilder) -> None:
    link = run.root.with_name("link")
    link.symlink_to(run.root)
    assert len(load_frame([link])) == 1


@pytest.mark.parametrize("names", [("report",), ("report", "tables"), ("report", "tables", "cells.csv")])
def test_a_report_is_not_written_through_a_link(run: RunBuilder, names: tuple[str, ...]) -> None:
    write_report([run.root], formats=["csv"])
    target = outside(run, *names)
    before = contents(target.parent / "outside")
    with pytest.raises(DataError, match=f"{names[-1]} is a link"):
        write_report([run.root], formats=["csv"])
    assert contents(target.parent / "outside") == before


def test_a_report_may_go_to_a_folder_that_is_a_link(run: RunBuilder, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    write_report([run.root], tmp_path / "link", ["csv"])
    assert (tmp_path / "there" / "tables" / "cells.csv").is_file()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_parts_of_a_finished_cell_are_not_removed_elsewhere(run: RunBuilder, depth: int) -> None:
    (cell,) = run.store.cells()
    examples = run.store.examples(cell)
    notes = {"seconds": 1.0, "warnings": [], "inspected": {}}
    run.store.parts.write(cell.checkpoint["id"], cell.key, 0, Part(examples, notes))
    target = outside(run, *("parts", cell.checkpoint["id"], cell.key[:16])[:depth])
    before = contents(target)
    with pytest.raises(DataError, match="is a link"):
        run.store.write(cell, examples)
    with pytest.raises(DataError, match="is a link"):
        run.store.parts.write(cell.checkpoint["id"], cell.key, 1, Part(examples, notes))
    assert contents(target) == before != {}


@pytest.mark.parametrize("folder", ["compact", "plans", "checkpoints"])
def test_nothing_is_written_through_a_linked_folder(run: RunBuilder, tmp_path: Path, folder: str) -> None:
    (tmp_path / "outside").mkdir()
    shutil.rmtree(run.root / folder, ignore_errors=True)
    (run.root / folder).symlink_to(tmp_path / "outside")
    writes: dict[str, Callable[[], object]] = {
        "compact": lambda: run.store.write_compacted("0" * 12, b""),
        "plans": lambda: run.store.write_plan([]),
        "checkpoints": lambda: run.store.write_checkpoint({"id": "0" * 12, "name": "n", "card": {}}),
    }
    with pytest.raises(DataError, match=f"{folder} is a link"):
        writes[folder]()
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("pattern", ["cells/*/*/cell.json", "images/*.npz", "plans/*.json", "checkpoints/*.json"])
def test_a_pipe_is_refused_without_waiting_for_a_writer(run: RunBuilder, pattern: str) -> None:
    (path,) = run.root.glob(pattern)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match=f"{path.name} is neither a file nor a folder"):
        load_frame([run.root])


@pytest.mark.parametrize("name", ["cells/backup", "cells/ID/old", "compact/copy.npz", "plans/copy.json"])
def test_names_that_are_no_ids_are_refused(run: RunBuilder, name: str) -> None:
    (cell,) = run.store.cells()
    path = run.root / name.replace("ID", cell.checkpoint["id"])
    if path.suffix:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    else:
        path.mkdir()
    with pytest.raises(DataError, match=f"{path.name} is not a name of a run's own"):
        load_frame([run.root])


def test_hidden_files_and_files_among_folders_are_nobodys(run: RunBuilder) -> None:
    (run.root / "cells" / ".DS_Store").write_bytes(b"")
    (run.root / "cells" / "notes.txt").write_bytes(b"")
    (run.root / "plans" / ".x.json.123").write_bytes(b"")
    assert len(load_frame([run.root])) == 1
