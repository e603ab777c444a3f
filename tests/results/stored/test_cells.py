import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_builder import resealed

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Cell, Counts, Examples, canonical_json, identity_key
from robustsweep.results.stored.files import npz_bytes, read_npz, write_atomically
from robustsweep.results.stored.json.documents import sealed
from robustsweep.results.stored.parts import Part
from robustsweep.results.stored.store import CellStore

ID = identity_key({"weights": "ab"})[:12]


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
    condition = {"name": "pgd10-linf", "kind": "attack", "attack": "pgd", "norm": "linf"}
    values: dict[str, Any] = {
        "identity": {"checkpoint": {"weights": "ab"}, "condition": condition},
        "checkpoint": {"id": ID, "name": "net", "card": {"architecture": "resnet20"}},
        "data": {"name": "shapes", "fingerprint": "f", "provenance": "generated", "images_key": "a" * 64, "classes": 9},
        "condition": condition | {"eps": ["1/255", "2/255"], "eps_value": [1 / 255, 2 / 255]},
        "counts": Counts(5, 4, 3, (4, 3), 5),
        "means": dict.fromkeys(("confidence", "nll", "brier"), float(examples(5).nll.mean(dtype=np.float64))),
        "recorded": {"device": "cpu"},
        "warnings": ("Mind the step.",),
    }
    return Cell(**(values | changes))


def clean_cell(**changes: Any) -> Cell:
    condition = {"name": "clean", "kind": "clean"}
    values = {
        "identity": {"checkpoint": {"weights": "ab"}, "condition": condition},
        "condition": condition,
        "counts": Counts(5, 4, 3),
    }
    return cell(**(values | changes))


@pytest.fixture
def store(tmp_path: Path) -> CellStore:
    return CellStore(tmp_path / "run")


def cell_file(store: CellStore) -> Path:
    return next(store.root.glob("cells/*/*/cell.json"))


@pytest.mark.parametrize("attacked", [False, True])
def test_a_cell_comes_back_as_it_was_written(store: CellStore, attacked: bool) -> None:
    written = cell()
    if not attacked:
        written = clean_cell()
    store.write(written, examples(5, attacked=attacked))
    (read,) = store.cells()
    assert read == written
    assert read.key == written.key
    assert same(store.examples(read), examples(5, attacked=attacked))
    assert store.has(ID, written.key)


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
    assert not store.has(ID, cell().key)
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
    store.write(clean_cell(), examples(5))
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
        store.write(clean_cell(), examples(5))
    stop.set()
    reader.join()
    assert broken == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"text"', "null"])
def test_an_unreadable_cell_is_named(store: CellStore, content: str) -> None:
    store.write(cell(), examples(5))
    cell_file(store).write_text(content)
    with pytest.raises(DataError, match=r"cell\.json .*delete its folder and sweep again"):
        list(store.cells())


@pytest.mark.parametrize("field", ["identity", "counts", "means", "condition"])
def test_a_cell_that_lacks_a_field_is_named(store: CellStore, field: str) -> None:
    store.write(cell(), examples(5))
    resealed(cell_file(store), lambda content: content.pop(field))
    with pytest.raises(DataError, match=field):
        list(store.cells())


def test_a_foreign_schema_is_refused_with_both_versions(store: CellStore) -> None:
    store.write(cell(), examples(5))
    document = json.loads(cell_file(store).read_text())
    cell_file(store).write_text(json.dumps(document | {"schema_version": 99}))
    with pytest.raises(DataError, match="schema version 99; this robustsweep reads 2"):
        list(store.cells())


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 cut short"])
def test_unreadable_examples_are_named(store: CellStore, content: bytes) -> None:
    store.write(cell(), examples(5))
    (cell_file(store).parent / "examples.npz").write_bytes(content)
    for message in (r"examples\.npz does not belong to its cell\.json", r"examples\.npz cannot be read"):
        with pytest.raises(DataError, match=message):
            store.examples(cell())
        resealed(cell_file(store), lambda text: text.update(examples_sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(DataError, match=r"examples\.npz cannot be read"):
        store.examples(cell())


def test_pickled_examples_are_not_loaded(store: CellStore) -> None:
    store.write(cell(), examples(5))
    path = cell_file(store).parent / "examples.npz"
    np.savez(path, prediction=np.array([{"an": "object"}], dtype=object))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    resealed(cell_file(store), lambda text: text.update(examples_sha256=digest))
    with pytest.raises(DataError, match="cannot be read"):
        store.examples(cell())


def part(first: int) -> Part:
    return Part(examples(3, first=first, attacked=True), {"seconds": 0.25, "warnings": [], "inspected": {}})


def test_parts_come_back_and_go_when_the_cell_is_finished(store: CellStore) -> None:
    written = cell()
    for block in (1, 0):
        store.parts.write(ID, written.key, block, part(3 * block))
    assert store.parts.has(ID, written.key, 1)
    assert not store.parts.has(ID, written.key, 2)
    read = store.parts.read(ID, written.key, 1)
    assert same(read.examples, part(3).examples)
    assert read.notes == part(3).notes
    with pytest.raises(DataError, match=r"2\.npz cannot be read"):
        store.parts.read(ID, written.key, 2)
    assert not store.has(ID, written.key)
    store.write(written, examples(5, attacked=True))
    assert not store.parts.has(ID, written.key, 0)


def test_a_damaged_part_is_not_there(store: CellStore) -> None:
    store.parts.write(ID, cell().key, 0, part(0))
    (path,) = store.root.glob("parts/*/*/0.npz")
    arrays = read_npz(path)
    arrays["prediction"][0] += 1
    path.write_bytes(npz_bytes(arrays))
    assert not store.parts.has(ID, cell().key, 0)


def test_ids_and_labels_are_stored_once_and_others_of_the_same_key_refused(store: CellStore) -> None:
    ids, labels = np.array([-5, 7]), np.array([1, 0])
    store.write_images("a" * 64, ids, labels)
    store.write_images("a" * 64, ids, labels)
    with pytest.raises(DataError, match=r"images/a+\.npz holds other images or labels"):
        store.write_images("a" * 64, ids + 1, labels)
    read_ids, read_labels = store.images("a" * 64)
    assert read_ids.tolist() == [-5, 7]
    assert read_labels.tolist() == [1, 0]


def test_missing_lists_what_was_planned_and_is_not_finished(store: CellStore) -> None:
    done, open_ = cell(), cell(identity={**cell().identity, "protocol": 2})
    entry = {"checkpoint_id": ID, "checkpoint": "net", "condition": "clean"}
    store.write_plan([entry | {"key": done.key}])
    store.write_plan([entry | {"key": done.key}, entry | {"key": open_.key}])
    store.write(done, examples(5))
    assert store.missing() == [entry | {"key": open_.key}]


def test_an_empty_run_has_neither_cells_nor_missing_ones(store: CellStore) -> None:
    assert list(store.cells()) == []
    assert store.missing() == []


def test_a_plan_of_an_earlier_version_has_the_name_and_the_cells_that_it_has_today(store: CellStore) -> None:
    entries = [
        {"key": f"{number:064x}", "checkpoint_id": ID[::-1] if number > 2 else ID, "checkpoint": "net", "condition": c}
        for number, c in enumerate(("clean", "clean", "fog@1", "clean"))
    ]
    name = store.write_plan(entries, compare={"methods": ["cutmix"], "metrics": [], "reference": None})
    (today,) = store.plans().values()
    assert today.wanted == entries
    path = store.root / f"plans/{name}.json"
    others = {"audits": [], "compare": today.compare}
    path.write_bytes(sealed({"wanted": entries, **others}))
    assert store.plans() == {name: today}
    group = {"checkpoint_id": ID, "checkpoint": "net", "conditions": ["clean", "fog@1"], "keys": [entries[0]["key"]]}
    path.write_bytes(sealed({"checkpoints": [group], **others}))
    with pytest.raises(DataError, match="other numbers of conditions and keys"):
        store.plans()
    path.write_bytes(sealed(others))
    with pytest.raises(DataError, match="needs either wanted or checkpoints"):
        store.plans()


def test_an_unreadable_plan_is_named(store: CellStore) -> None:
    store.write_plan([])
    (plan,) = store.root.glob("plans/*.json")
    plan.write_text('{"wanted": [{}]}')
    with pytest.raises(DataError, match=r"plans/.* is not a plan \(wanted lacks"):
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
