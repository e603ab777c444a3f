"""Documents of a run: a checksum over all that they say, types field by field, and sense."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answered_runs import put, put_ladder, put_sweep
from run_builder import RunBuilder, resealed

from robustsweep.errors import DataError
from robustsweep.results.comparable.frame import load_frame, read_runs
from robustsweep.results.compare.comparison import compare
from robustsweep.results.gate.outcome import run_gate
from robustsweep.results.report.document import build_report
from robustsweep.results.stored.audit_records import AuditRecord, read_audits, write_audit
from robustsweep.results.stored.cells import identity_key
from robustsweep.results.stored.compact.writer import compact_checkpoint
from robustsweep.results.stored.images import images_key
from robustsweep.results.stored.store import CellStore

Change = Callable[[dict[str, Any]], None]
CLEAN = {"name": "clean", "kind": "clean"}


@pytest.fixture
def run(builder: RunBuilder) -> RunBuilder:
    builder.n = 20
    put(builder, "net", CLEAN, np.arange(20) < 5)
    return builder


def cell_file(run: RunBuilder) -> Path:
    (path,) = run.root.glob("cells/*/*/cell.json")
    return path


def as_version_1(path: Path, change: Change) -> None:
    """Rewrite a document as earlier versions wrote it: without a checksum."""
    document = json.loads(path.read_text())
    del document["sha256"]
    document["schema_version"] = 1
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("means", "nll"), 9.03),
        (("counts", "n_top5_right"), 7),
        (("condition", "name"), "fog@1"),
        (("data", "subset"), {"limit": 3, "of": 9}),
        (("checkpoint", "card", "method"), "cutmix"),
        (("recorded", "device"), "cuda"),
        (("warnings",), ["Another."]),
        (("status",), "failed"),
    ],
)
def test_a_change_of_any_entry_is_noticed(run: RunBuilder, place: tuple[str, ...], value: object) -> None:
    path = cell_file(run)
    document = json.loads(path.read_text())
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"cell\.json was damaged or changed: its checksum is not that"):
        load_frame([run.root])


def test_a_document_whose_checksum_was_taken_away_is_no_old_one(run: RunBuilder) -> None:
    path = cell_file(run)
    document = json.loads(path.read_text())
    del document["sha256"]
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"cell\.json was damaged"):
        load_frame([run.root])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(condition=None), "condition is None, expected an object"),
        (lambda c: c["counts"].update(n=0), "counts.n is 0"),
        (lambda c: c["counts"].update(n_right=21), "it counts 21 of 20"),
        (lambda c: c["counts"].update(n_robust=[3]), "not of clean images"),
        (lambda c: c["counts"].update(n=True), "counts.n is True, expected int"),
        (lambda c: c["means"].update(confidence=1.5), "means.confidence is 1.5"),
        (lambda c: c["checkpoint"].update(id="../../outside"), "id is '../../outside'"),
        (lambda c: c["checkpoint"].update(id="0" * 12), "identity is not that of the checkpoint"),
        (lambda c: c["checkpoint"]["card"].update(seed="one"), "checkpoint.card.seed is 'one'"),
        (lambda c: c["condition"].update(name="dirty"), "condition.name is not that of its identity"),
        (lambda c: c["condition"].update(kind="corruption"), "condition.kind is not that of its identity"),
        (lambda c: c["data"].update(provenance="official"), "data.provenance is not that of its identity"),
        (lambda c: c["data"].update(images_key="../" * 22), "images_key"),
        (lambda c: c.update(status="failed"), "status is 'failed'"),
        (lambda c: c.update(key="0" * 64), "calls itself 0000000000000000"),
        (lambda c: c["identity"].update(protocol=99), "is the document of cell"),
        (lambda c: c["identity"].pop("checkpoint"), "identity lacks 'checkpoint'"),
        (lambda c: c.update(warnings=[3]), "warnings is 3|warnings"),
    ],
)
def test_entries_that_make_no_sense_are_named_whatever_their_checksum(
    run: RunBuilder, change: Change, message: str
) -> None:
    for rewritten in (as_version_1, resealed):
        shutil.copytree(run.root, run.root.with_name(rewritten.__name__))
        (path,) = run.root.with_name(rewritten.__name__).glob("cells/*/*/cell.json")
        rewritten(path, change)
        with pytest.raises(DataError, match=message) as caught:
            load_frame([run.root.with_name(rewritten.__name__)])
        assert "cell.json" in str(caught.value)


def test_a_cell_in_another_cells_folder_is_refused(run: RunBuilder) -> None:
    path = cell_file(run)
    path.parent.rename(path.parent.with_name("0" * 16))
    with pytest.raises(DataError, match="its folder is .*/0000000000000000"):
        load_frame([run.root])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["means"].update(nll=9.03), "says a mean nll of 9.03, the predictions stored for it give"),
        (lambda c: c["means"].update(brier=0.1), "says a mean brier"),
        (lambda c: c["counts"].update(n_top5_right=17), "says n_top5_right 17"),
        (lambda c: c["counts"].update(n_right=16), "says n_right 16"),
    ],
)
def test_documents_without_a_checksum_are_recounted(run: RunBuilder, change: Change, message: str) -> None:
    as_version_1(cell_file(run), change)
    for read in (build_report, load_frame):
        with pytest.raises(DataError, match=message):
            read([run.root])


def test_a_forged_count_never_reaches_a_table(run: RunBuilder) -> None:
    resealed(cell_file(run), lambda c: c["means"].update(nll=9.03))
    with pytest.raises(DataError, match="says a mean nll of 9.03"):
        build_report([run.root])


def test_report_compare_and_gate_say_that_there_are_no_checksums(run: RunBuilder) -> None:
    put(run, "other", CLEAN, np.arange(20) < 6)
    for path in run.root.glob("cells/*/*/cell.json"):
        as_version_1(path, lambda document: None)
    sentences = [
        build_report([run.root]).sections[0].unit.notes,
        compare([run.root], "net", "other")[0].notes,
        run_gate(run.root, run.root).notes,
    ]
    for notes in sentences:
        (note,) = [note for note in notes if "checksum" in note]
        assert "2 file(s) without a checksum" in note
        assert str(run.root) in note


def test_a_ladder_is_recounted_at_every_eps(builder: RunBuilder) -> None:
    builder.n = 20
    put_ladder(builder, "net", [-1] * 4 + [0] * 6 + [1] * 5 + [2] * 5, ["1/255", "8/255"])
    resealed(cell_file(builder), lambda c: c["counts"].update(n_robust=[11, 5]))
    with pytest.raises(DataError, match="says n_robust 11, 5, the predictions stored for it give 10, 5"):
        CellStore(builder.root).examples(next(CellStore(builder.root).cells()))


def unnamed(content: dict[str, Any]) -> None:
    """Leave the numbers of eps out of the identity, as attacks of a sweep do, whose strings say it all."""
    del content["identity"]["condition"]["eps_value"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: (c["condition"].update(eps_value=[0.5, 8 / 255]), unnamed(c)), "the eps '1/255' is said to be 0.5"),
        (
            lambda c: (c["condition"].update(eps=["2/255"], eps_value=[2 / 255]), unnamed(c)),
            "an attack of 1 eps with 2",
        ),
        (lambda c: (c["condition"].update(eps=["1", "2"], eps_value=[1, 2]), unnamed(c)), "eps is not that"),
        (lambda c: c["condition"].update(norm="l2"), "condition.norm is not that"),
        (lambda c: c["condition"].update(steps=20), "condition.steps is not that"),
    ],
)
def test_an_attack_is_the_one_of_its_identity(builder: RunBuilder, change: Change, message: str) -> None:
    builder.n = 4
    put_ladder(builder, "net", [-1, 0, 1, 2], ["1/255", "8/255"])
    resealed(cell_file(builder), change)
    with pytest.raises(DataError, match=message):
        load_frame([builder.root])


def test_a_compacted_checkpoint_answers_under_its_own_name_alone(make_builder: Callable[..., RunBuilder]) -> None:
    builder = make_builder(n=20)
    for name in ("a", "b"):
        put_sweep(builder, name, 0.3, ord(name), ("fog",))
    ids = sorted({cell.checkpoint["id"] for cell in builder.store.cells()})
    for identifier in ids:
        compact_checkpoint(builder.store, identifier)
    shutil.rmtree(builder.root / "cells")
    first, second = (builder.root / "compact" / f"{identifier}.npz" for identifier in ids)
    shutil.copy(first, second)
    with pytest.raises(DataError, match=f"{ids[1]}.npz is not a compacted checkpoint .it is the file of .*{ids[0]}"):
        load_frame([builder.root])


def test_images_belong_to_their_key(run: RunBuilder) -> None:
    (path,) = run.root.glob("images/*.npz")
    other = run.root.parent / "other"
    CellStore(other).write_images("b" * 64, np.arange(20)[::-1].copy(), np.ones(20, np.int64))
    shutil.copy(next(other.glob("images/*.npz")), path)
    with pytest.raises(DataError, match="holds the images of another key than its name"):
        load_frame([run.root])


def test_images_without_a_checksum_are_those_that_their_key_was_made_from(
    make_builder: Callable[..., RunBuilder],
) -> None:
    key = images_key("f" * 64, "none", np.arange(20))
    builder = make_builder(n=20, images_key=key)
    put(builder, "net", CLEAN, np.arange(20) < 5)
    (path,) = builder.root.glob("images/*.npz")
    np.savez(path, ids=np.arange(20), labels=np.ones(20, np.int64))
    assert "1 file(s) without a checksum" in read_runs([builder.root]).notes[0]
    np.savez(path, ids=np.arange(20)[::-1], labels=np.ones(20, np.int64))
    with pytest.raises(DataError, match="holds other images than those of its key"):
        load_frame([builder.root])


def audit_record() -> AuditRecord:
    data = {"name": "d", "fingerprint": "f", "provenance": "generated", "images_key": "a" * 64, "classes": 3}
    check = {"name": "steps", "status": "ok", "numbers": {}, "sentence": ""}
    checkpoint = {"id": identity_key({"weights": "ab"})[:12], "name": "net"}
    return AuditRecord("model", {"checkpoint": {"weights": "ab"}}, checkpoint, None, data, (check,), 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["checkpoint"].update(id="0" * 12), "is the audit"),
        (lambda c: c["checks"][0].update(status="fine"), "checks.status is 'fine'|checks"),
        (lambda c: c["identity"].update(n=3), "is the audit"),
        (lambda c: c.update(kind="transfer"), "transfer, 3 robust"),
        (lambda c: c["data"].update(fingerprint=3), "data.fingerprint is 3"),
    ],
)
def test_audits_are_held_against_their_name_and_types(tmp_path: Path, change: Change, message: str) -> None:
    write_audit(tmp_path, audit_record())
    (path,) = tmp_path.glob("audits/*/*.json")
    assert list(read_audits(tmp_path)) == [audit_record()]
    resealed(path, change)
    with pytest.raises(DataError, match=message):
        list(read_audits(tmp_path))


def test_a_plan_that_is_gone_is_named_by_the_cells_that_it_asked_for(builder: RunBuilder) -> None:
    name = builder.store.write_plan([])
    builder.clean("net", 900, recorded={"device": "cpu", "plan": name})
    assert read_runs([builder.root]).notes == ()
    (builder.root / "plans" / f"{name}.json").unlink()
    (note,) = build_report([builder.root]).sections[0].unit.notes
    assert f"plans/{name}.json is gone, for which 1 cells were computed" in note


def test_a_plan_under_another_name_is_refused(builder: RunBuilder) -> None:
    name = builder.store.write_plan([])
    path = builder.root / "plans" / f"{name}.json"
    path.rename(path.with_stem("0" * 16))
    with pytest.raises(DataError, match="is not the plan that its name says"):
        builder.store.missing()


def test_audits_that_were_planned_and_are_gone_are_missing(builder: RunBuilder) -> None:
    record = audit_record()
    write_audit(builder.root, record)
    entry = {"key": record.key, "checkpoint_id": record.checkpoint["id"], "checkpoint": "net"}
    builder.store.write_plan([], [entry])
    builder.clean("net", 900)
    assert build_report([builder.root]).missing is None
    shutil.rmtree(builder.root / "audits")
    missing = build_report([builder.root]).missing
    assert missing is not None
    assert missing.rows == (("net", 1, "audit"),)


def test_the_table_of_missing_cells_is_bounded_whatever_a_plan_asks_for(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    builder.store.write_plan(
        [
            {"key": f"{n:064x}", "checkpoint_id": f"{n % 300:012x}", "checkpoint": f"n{n % 300}", "condition": f"c{n}"}
            for n in range(60_000)
        ]
    )
    report = build_report([builder.root])
    assert report.missing is not None
    assert report.n_missing == 60_000
    assert len(report.missing.rows) == 101
    assert report.missing.rows[-1] == ("200 more checkpoints", 40_000, "not listed")
    assert str(report.missing.rows[0][2]).endswith("and 80 more")
