"""Audits name what masks a gradient, leave a healthy network alone, and are computed once."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from audited_networks import BROKEN, Before, checkpoint, digits, healthy, tinted
from tiny_sweeps import Ledger, swept, tiny_plan
from torch import nn

from robustsweep.attacks.audits.auditing import AuditOutcome, audit, transfer
from robustsweep.attacks.audits.check import Check
from robustsweep.benchmark.plan import Plan
from robustsweep.errors import DataError
from robustsweep.results.audits import read_audits
from robustsweep.results.report import write_report

BUILD = {"healthy": healthy, **BROKEN, "stepped": lambda: Before(healthy(), lambda images: (images > 0.5).float())}
N = 120


@cache
def audited(name: str, *, colour: bool = False) -> dict[str, Check]:
    outcome = outcome_of(BUILD[name]().eval().requires_grad_(False), colour=colour)
    return {check.name: check for check in outcome.checks}


def outcome_of(model: nn.Module, *, colour: bool = False, may_be_adversarially_trained: bool = False) -> AuditOutcome:
    data = digits()
    positions = np.arange(0, 3 * N, 3)
    images = data.images(positions)
    labels, ids = torch.from_numpy(data.labels[positions]), torch.from_numpy(data.ids[positions])
    shown = (tinted(images) if colour else images) / 255.0
    return audit(model, shown, labels, ids=ids, seed=0, may_be_adversarially_trained=may_be_adversarially_trained)


def warned(name: str, **options: bool) -> set[str]:
    return {check.name for check in audited(name, **options).values() if check.status == "warning"}


def test_a_healthy_network_is_not_flagged() -> None:
    assert warned("healthy") == set()
    assert audited("healthy")["large-eps"].numbers["n_robust"] == 0
    assert audited("healthy")["gradient-sanity"].numbers["median_cosine"] > 0.95


def test_logits_times_ten_thousand_are_named_as_a_saturated_loss_with_its_remedy() -> None:
    checks = audited("scaled")
    assert {"zero-gradient", "saturated-loss", "large-eps"} <= warned("scaled")
    assert "the cross-entropy is saturated" in checks["zero-gradient"].sentence
    numbers = checks["saturated-loss"].numbers
    # The temperature does not make it the healthy network's very loss.
    assert numbers["n_robust_tempered"] == pytest.approx(audited("healthy")["steps"].numbers["n_robust_pgd20"], abs=2)
    assert numbers["n_robust"] == numbers["n"]
    assert "climb the margin instead" in checks["saturated-loss"].sentence


def test_a_quantised_input_is_named_as_a_hidden_gradient() -> None:
    assert {"zero-gradient", "gradient-sanity", "large-eps"} <= warned("quantised")
    assert "a rounded or thresholded input" in audited("quantised")["zero-gradient"].sentence
    assert "black-box" in warned("quantised")  # Square asks for no gradient
    assert audited("quantised")["gradient-sanity"].numbers["median_cosine"] == 0


def test_noise_at_inference_is_noticed_by_its_gradient() -> None:
    assert "gradient-sanity" in warned("noisy")


def test_a_network_without_any_gradient_is_a_finding_and_no_error() -> None:
    checks = audited("stepped")
    assert "zero-gradient" in warned("stepped")
    assert checks["large-eps"].status == "not-applicable"
    assert "no gradient with respect to the image" in checks["large-eps"].sentence


def test_robustness_of_photographs_without_adversarial_training_is_implausible() -> None:
    assert audited("scaled")["plausible"].status == "not-applicable"  # grey images
    assert "plausible" in warned("scaled", colour=True)
    outcome = outcome_of(BUILD["scaled"]().eval(), colour=True, may_be_adversarially_trained=True)
    assert {check.name: check.status for check in outcome.checks}["plausible"] == "not-applicable"


def test_images_that_are_all_wrong_leave_nothing_to_flag() -> None:
    class Constant(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1)[:, :10] * 0 - torch.arange(10.0) + 100 * (torch.arange(10) == 11)

    data = digits()
    rows = np.flatnonzero(data.labels > 0)[:20]
    images, labels = data.images(rows) / 255.0, torch.from_numpy(data.labels[rows])
    outcome = audit(Constant(), images, labels, ids=torch.arange(20), seed=0)
    assert outcome.n_robust == 0
    assert not [check for check in outcome.checks if check.status == "warning"]


def test_borrowed_images_that_fool_more_than_the_attack_are_a_warning() -> None:
    images, labels = torch.rand(100, 3, 4, 4), torch.zeros(100, dtype=torch.int64)
    always_one = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    always_one[1].weight.data.zero_()
    always_one[1].bias.data = torch.tensor([0.0, 1.0])
    statuses = [transfer(images, always_one, labels, n_robust, batch_size=30).status for n_robust in (0, 2, 3)]
    assert statuses == ["ok", "ok", "warning"]


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
    assert {json.loads(path.read_text())["schema_version"] for path in folder.glob("audits/*/*.json")} == {1}


def test_stored_audits_are_not_computed_again_and_missing_ones_are(
    run: tuple[Path, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run[0]
    before = {path: path.read_bytes() for path in folder.glob("audits/*/*.json")}
    with monkeypatch.context() as patch:
        patch.setattr("robustsweep.benchmark.auditing.audit", None)
        patch.setattr("robustsweep.benchmark.auditing.transfer", None)
        swept(plan(), folder, audit=True).raise_if_failed()
    lost = next(path for path in before if json.loads(before[path])["kind"] == "transfer")
    lost.unlink()
    swept(plan(), folder, audit=True).raise_if_failed()
    again, old = json.loads(lost.read_text()), json.loads(before[lost])
    assert (again["checks"], again["key"]) == (old["checks"], old["key"])


def test_the_report_shows_audits_and_marks_no_best_where_one_is_flagged(
    run: tuple[Path, Ledger], tmp_path: Path
) -> None:
    report = write_report([run[0]], tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "## Warnings and audits" in text
    assert "### Audits of the attacks" in text
    table = next(table for table in report.tables if table.slug == "robust_accuracy")
    assert "flagged by their audits: masked (zero-gradient" in table.notes[0]
    assert "good (" not in table.notes[0]
    assert table.best() == set()
    assert (tmp_path / "tables" / "audit_checks.csv").read_text().count("\n") > 18


def test_audits_need_an_attack_and_the_wish_for_them(tmp_path: Path) -> None:
    swept(plan("clean"), tmp_path, audit=True)
    swept(plan(), tmp_path)
    assert not (tmp_path / "audits").exists()


def test_an_audit_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("robustsweep.benchmark.auditing.audit", broken)
    summary = swept(plan(), tmp_path, audit=True)
    assert summary.failed == ("good, audit: out of memory", "masked, audit: out of memory")


def test_a_file_that_is_no_audit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audits" / ("0" * 12) / "a.json"
    path.parent.mkdir(parents=True)
    for content in ("{", "{}", '{"schema_version": 2}'):
        path.write_text(content)
        with pytest.raises(DataError, match=r"a\.json"):
            list(read_audits(tmp_path))
