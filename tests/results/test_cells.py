import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustsweep.errors import DataError
from robustsweep.results.cells import Cell, Counts, Examples, canonical_json, identity_key
from robustsweep.results.files import write_atomically
from robustsweep.results.store import CellStore


def examples(n: int, first: int = 0, attacked: bool = False) -> Examples:
    rows = np.arange(first, first + n)
    scores = (rows / 100).astype(np.float32)
    attack = {"rung": rows.astype(np.int8), "restart": rows.astype(np.int16), "step": rows.astype(np.int16)}
    return Examples(rows.astype(np.int32), rows % 2 == 0, scores, scores, scores, **(attack if attacked else {}))


def same(a: Examples, b: Examples) -> bool:
    left, right = a.arrays(), b.arrays()
    return left.keys() == right.keys() and all(
        left[k].dtype == right[k].dtype and np.array_equal(left[k], right[k]) for k in left
    )


def cell(**changes: Any) -> Cell:
    values: dict[str, Any] = {
        "identity": {"weights": "ab", "condition": {"name": "pgd10-linf"}},
        "checkpoint": {"id": "0123456789ab", "name": "net", "card": {"architecture": "resnet20"}},
        "data": {"name": "shapes"},
        "condition": {"name": "pgd10-linf", "kind": "attack"},
        "counts": Counts(5, 4, 5, (3, 1), 4),
        "means": {"confidence": 0.5, "nll": 1.0, "brier": 0.25},
        "recorded": {"device": "cpu"},
        "warnings": ("Mind the step.",),
    }
    return Cell(**(values | changes))


@pytest.fixture
def store(tmp_path: Path) -> CellStore:
    return CellStore(tmp_path / "run")


def cell_file(store: CellStore) -> Path:
    return next(store.root.glob("cells/*/*/cell.json"))


@pytest.mark.parametrize("attacked", [False, True])
def test_a_cell_comes_back_as_it_was_written(store: CellStore, attacked: bool) -> None:
    written = cell()
    store.write(written, examples(5, attacked=attacked))
    (read,) = store.cells()
    assert read == written
    assert read.key == written.key
    assert same(store.examples(read), examples(5, attacked=attacked))
    assert store.has("0123456789ab", written.key)


def test_an_identity_in_another_order_has_the_same_key() -> None:
    assert identity_key({"a": 1, "b": [1, 2]}) == identity_key({"b": [1, 2], "a": 1})
    assert identity_key({"a": 1}) != identity_key({"a": 1.5})
    assert canonical_json({"b": 1, "a": None}) == '{"a":null,"b":1}'


def test_an_identity_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        identity_key({"eps": float("nan")})


def test_a_cell_without_its_json_is_not_finished(store: CellStore) -> None:
    store.write(cell(), examples(5))
    cell_file(store).unlink()
    assert not store.has("0123456789ab", cell().key)
    assert list(store.cells()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_never_see_half_a_cell_while_others_write(store: CellStore) -> None:
    store.write(cell(), examples(5))
    stop, broken = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                (found,) = store.cells()
                store.examples(found)
            except Exception as error:  # noqa: BLE001
                broken.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(60):
        store.write(cell(), examples(5))
    stop.set()
    reader.join()
    assert broken == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"text"', "null"])
def test_an_unreadable_cell_is_named(store: CellStore, content: str) -> None:
    store.write(cell(), examples(5))
    cell_file(store).write_text(content)
    with pytest.raises(DataError, match=r"cell\.json is not a cell .* sweep again"):
        list(store.cells())


@pytest.mark.parametrize("field", ["identity", "counts", "means", "condition"])
def test_a_cell_that_lacks_a_field_is_named(store: CellStore, field: str) -> None:
    store.write(cell(), examples(5))
    document = json.loads(cell_file(store).read_text())
    del document[field]
    cell_file(store).write_text(json.dumps(document))
    with pytest.raises(DataError, match=field):
        list(store.cells())


def test_a_foreign_schema_is_refused_with_both_versions(store: CellStore) -> None:
    store.write(cell(), examples(5))
    document = json.loads(cell_file(store).read_text())
    cell_file(store).write_text(json.dumps(document | {"schema_version": 99}))
    with pytest.raises(DataError, match="schema version 99; this robustsweep reads 1"):
        list(store.cells())


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 cut short"])
def test_unreadable_examples_are_named(store: CellStore, content: bytes) -> None:
    store.write(cell(), examples(5))
    (cell_file(store).parent / "examples.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"examples\.npz cannot be read"):
        store.examples(cell())


def test_pickled_examples_are_not_loaded(store: CellStore) -> None:
    store.write(cell(), examples(5))
    path = cell_file(store).parent / "examples.npz"
    np.savez(path, prediction=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(DataError, match="cannot be read"):
        store.examples(cell())


def test_parts_join_in_order_and_go_when_the_cell_is_finished(store: CellStore) -> None:
    written = cell()
    for block in (1, 0):
        store.write_part("0123456789ab", written.key, block, examples(3, first=3 * block, attacked=True))
    assert store.has_part("0123456789ab", written.key, 1)
    assert not store.has_part("0123456789ab", written.key, 2)
    joined = store.read_parts("0123456789ab", written.key, 2)
    assert same(joined, examples(6, attacked=True))
    store.write_part_notes("0123456789ab", written.key, 1, {"seconds": 0.25})
    assert store.part_notes("0123456789ab", written.key, 1) == {"seconds": 0.25}
    with pytest.raises(DataError, match=r"0\.json cannot be read .* sweep again"):
        store.part_notes("0123456789ab", written.key, 0)
    assert not store.has("0123456789ab", written.key)
    store.write(written, joined)
    assert not store.has_part("0123456789ab", written.key, 0)


def test_ids_and_labels_are_stored_once(store: CellStore) -> None:
    ids, labels = np.array([-5, 7]), np.array([1, 0])
    store.write_images("a" * 64, ids, labels)
    store.write_images("a" * 64, ids + 1, labels)
    read_ids, read_labels = store.images("a" * 64)
    assert read_ids.tolist() == [-5, 7]
    assert read_labels.tolist() == [1, 0]


def test_missing_lists_what_was_planned_and_is_not_finished(store: CellStore) -> None:
    done, open_ = cell(), cell(identity={"weights": "cd"})
    entry = {"checkpoint_id": "0123456789ab", "checkpoint": "net", "condition": "clean"}
    store.write_plan([entry | {"key": done.key}])
    store.write_plan([entry | {"key": done.key}, entry | {"key": open_.key}])
    store.write(done, examples(5))
    assert store.missing() == [entry | {"key": open_.key}]


def test_an_empty_run_has_neither_cells_nor_missing_ones(store: CellStore) -> None:
    assert list(store.cells()) == []
    assert store.missing() == []


def test_an_unreadable_plan_is_named(store: CellStore) -> None:
    store.write_plan([])
    (plan,) = store.root.glob("plans/*.json")
    plan.write_text('{"wanted": [{}]}')
    with pytest.raises(DataError, match="is not a plan"):
        store.missing()


def test_a_checkpoint_renamed_by_a_later_sweep_is_shown_under_its_new_name(store: CellStore) -> None:
    store.write(cell(), examples(5))
    before = next(store.cells())
    store.write_checkpoint({"id": before.checkpoint["id"], "name": "renamed", "card": {"method": "cutmix"}})
    after = next(store.cells())
    assert (after.checkpoint["name"], after.checkpoint["card"]["method"]) == ("renamed", "cutmix")
    assert after.key == before.key


def test_arrays_of_another_cell_are_not_taken_for_this_one(store: CellStore) -> None:
    store.write(cell(), examples(5))
    other = CellStore(store.root.parent / "other")
    other.write(cell(), examples(5, first=1))
    arrays = "cells/*/*/examples.npz"
    next(store.root.glob(arrays)).write_bytes(next(other.root.glob(arrays)).read_bytes())
    with pytest.raises(DataError, match="does not belong"):
        store.examples(cell())


def test_files_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_atomically(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode
