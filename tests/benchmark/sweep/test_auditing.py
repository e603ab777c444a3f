"""Audits of a sweep: what is stored, what is computed once, and what ends it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from audited_networks import BROKEN, checkpoint, digits
from tiny_sweeps import Ledger, official_set, swept, tiny_plan
from torch import Tensor

from robustsweep.attacks.audits.audit import AuditOutcome
from robustsweep.benchmark.plan.plan import Plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.errors import CellsFailedError, DataError
from robustsweep.results.report.writer import write_report
from robustsweep.results.stored.audit_records import read_audits
from robustsweep.results.tables.attack_tables import FINDINGS


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    folder, ledger = tmp_path_factory.mktemp("audited"), Ledger()
    swept(plan(), folder, ledger, audit=True).raise_if_failed()
    return folder, ledger


def plan(*names: str) -> Plan:
    checkpoints = [checkpoint("good"), checkpoint("masked", BROKEN["scaled"])]
    return tiny_plan(*(names or ("clean", "fgsm-linf@8/255")), data=digits(), checkpoints=checkpoints, limit=60)


def test_a_sweep_with_an_attack_stores_an_audit_per_checkpoint_and_ordered_pair(run: tuple[Path, Ledger]) -> None:
    folder, ledger = run
    records = {(r.checkpoint["name"], r.source and r.source["name"]): r for r in read_audits(folder)}
    assert set(records) == {("good", None), ("masked", None), ("good", "masked"), ("masked", "good")}
    assert records["good", None].warnings == ()
    assert {check["name"] for check in records["masked", "good"].warnings} == {"transfer"}
    assert records["good", "masked"].warnings == ()
    told = [sentence for sentence in ledger.sentences if ", audit" in sentence]
    assert len(told) == sum(len(record.warnings) for record in records.values()) > 3
    assert records["good", None].n_robust is not None
    assert {json.loads(path.read_text())["schema_version"] for path in folder.glob("audits/*/*.json")} == {2}


def test_stored_audits_are_not_computed_again_and_missing_ones_are(
    run: tuple[Path, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run[0]
    before = {path: path.read_bytes() for path in folder.glob("audits/*/*.json")}
    with monkeypatch.context() as patch:
        patch.setattr("robustsweep.benchmark.sweep.checkpoint_audits.audit", None)
        patch.setattr("robustsweep.benchmark.sweep.checkpoint_audits.transfer", None)
        swept(plan(), folder, audit=True).raise_if_failed()
    lost = next(path for path in before if json.loads(before[path])["kind"] == "transfer")
    lost.unlink()
    assert swept(plan(), folder, audit=True).audited == 1
    again, old = json.loads(lost.read_text()), json.loads(before[lost])
    assert (again["checks"], again["key"]) == (old["checks"], old["key"])


def test_an_audit_judges_the_longest_pgd_of_the_plan(tmp_path: Path) -> None:
    (short, long) = ("fgsm-linf@8/255", "pgd10-linf@8/255"), ("pgd12-linf@1/255", "pgd10-linf@2/255", "pgd20-l2@1")
    for names, steps in ((short, 10), (long, 12)):
        swept(plan(*names), tmp_path / str(steps), audit=True).raise_if_failed()
        (found,) = [r for r in read_audits(tmp_path / str(steps)) if r.checkpoint["name"] == "good" and not r.source]
        numbers = next(check["numbers"] for check in found.checks if check["name"] == "steps")
        assert set(numbers) == {"n", f"n_robust_pgd{steps}", f"n_robust_pgd{2 * steps}"}
        assert found.identity["condition"]["steps"] == 2 * steps


def test_the_report_shows_audits_and_marks_no_best_where_one_is_flagged(
    run: tuple[Path, Ledger], tmp_path: Path
) -> None:
    report = write_report([run[0]], tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert {check["name"] for record in read_audits(run[0]) for check in record.checks} == set(FINDINGS)
    assert "## Warnings and audits" in text
    assert "### Audits of the attacks" in text
    table = next(table for table in report.tables if table.slug == "robust_accuracy")
    assert "flagged by the audits: masked (gradients of zero" in table.notes[0]
    assert "good (" not in table.notes[0]
    assert table.best() == set()
    assert (tmp_path / "tables" / "audit_checks.csv").read_text().count("\n") > 18


def test_images_for_a_transfer_are_those_of_the_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustsweep.benchmark.sweep.checkpoint_audits.run_attack", None)
    swept(plan(), tmp_path, audit=True).raise_if_failed()
    assert sum(record.kind == "transfer" for record in read_audits(tmp_path)) == 2


def test_an_audit_of_other_clean_images_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustsweep.benchmark.sweep.checkpoint_audits.audit", lambda *_, **__: AuditOutcome((), None))
    data = official_set(digits(), clean=True)
    for clean in (digits(), digits(), replace(digits(), fingerprint="1" * 64)):
        images = replace(data, clean=clean)
        wanted = tiny_plan("fgsm-linf@8/255", data=images, checkpoints=[checkpoint("good")], limit=20)
        swept(wanted, tmp_path, audit=True).raise_if_failed()
    assert len(list(read_audits(tmp_path))) == 2


def test_images_that_cannot_be_read_end_an_audit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: Source, positions: object) -> Tensor:
        raise DataError("images.tar is truncated.")

    swept(plan(), tmp_path)
    monkeypatch.setattr(Source, "read_clean", unreadable)
    with pytest.raises(DataError, match="truncated"):
        swept(plan(), tmp_path, audit=True)


def test_audits_need_an_attack_and_the_wish_for_them(tmp_path: Path) -> None:
    swept(plan("clean"), tmp_path, audit=True)
    swept(plan(), tmp_path)
    assert not (tmp_path / "audits").exists()


def test_an_audit_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("robustsweep.benchmark.sweep.checkpoint_audits.audit", broken)
    summary = swept(plan(), tmp_path, audit=True)
    assert summary.failed == ("good, audit: out of memory", "masked, audit: out of memory")
    assert (summary.computed, summary.audited, summary.n_failed_audits) == (4, 0, 2)
    with pytest.raises(CellsFailedError, match=r"^2 audits failed; the others are stored\. First: good, audit"):
        summary.raise_if_failed()
    mixed = replace(summary, failed=("good, clean: broken", *summary.failed))
    with pytest.raises(
        CellsFailedError, match=r"^1 cells and 2 audits failed; the others are stored\. First: good, cle"
    ):
        mixed.raise_if_failed()


def test_a_file_that_is_no_audit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audits" / ("0" * 12) / f"{'a' * 16}.json"
    path.parent.mkdir(parents=True)
    for content in ("{", "{}", '{"schema_version": 2}'):
        path.write_text(content)
        with pytest.raises(DataError, match=r"a{16}\.json"):
            list(read_audits(tmp_path))
