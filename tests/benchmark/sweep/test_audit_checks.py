"""The checks of an audit name what masks a gradient, and leave a healthy network alone."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from audited_networks import BROKEN, After, Before, digits, healthy, tinted
from torch import Tensor, nn

from robustsweep.attacks import AttackOutcome, run_attack
from robustsweep.attacks.audits.audit import AuditOutcome, audit, transfer
from robustsweep.attacks.audits.check import Check, Subject
from robustsweep.attacks.audits.gradients import Tempered, saturation
from robustsweep.attacks.audits.strength import large_eps
from robustsweep.errors import AttackError, DataError, UsageError

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


def test_as_many_steps_are_judged_as_are_asked_for() -> None:
    data = digits()
    images, labels = data.images(np.arange(40)) / 255.0, torch.from_numpy(data.labels[:40])
    model = healthy().eval().requires_grad_(False)
    found = audit(model, images, labels, ids=torch.arange(40), seed=0, steps=3)
    check = next(check for check in found.checks if check.name == "steps")
    counted = [
        int(
            (
                run_attack(model, images, labels, f"pgd{steps}-linf@8/255", seed=0, ids=torch.arange(40)).eps_level == 1
            ).sum()
        )
        for steps in (3, 6)
    ]
    assert [check.numbers[name] for name in ("n_robust_pgd3", "n_robust_pgd6")] == counted
    assert found.n_robust == counted[1]
    assert counted[0] > counted[1]
    assert check.sentence.startswith(f"PGD-3 leaves {counted[0]} and PGD-6 {counted[1]} of 40 images right at 8/255")


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
    assert "right images on which no gradient attack could run" in checks["black-box"].sentence


def test_a_gradient_that_is_not_finite_is_a_finding_and_its_numbers_are_finite() -> None:
    checks = audited("rooted")
    assert {"zero-gradient", "gradient-sanity"} <= warned("rooted")
    assert checks["zero-gradient"].numbers["n_not_finite"] == checks["zero-gradient"].numbers["n"] > 100
    assert checks["gradient-sanity"].numbers["n_not_finite"] == checks["gradient-sanity"].numbers["n"] == 16
    assert "an operation in the model has no derivative there" in checks["zero-gradient"].sentence
    assert all(math.isfinite(number) for check in checks.values() for number in check.numbers.values())
    assert checks["steps"].status == "not-applicable"
    assert "gradient that is not finite" in checks["steps"].sentence


def test_an_attack_that_fails_otherwise_is_not_taken_for_a_missing_gradient() -> None:
    model = After(healthy(), lambda logits: logits * float("nan") if torch.is_grad_enabled() else logits)
    with pytest.raises(AttackError, match="logits that are not finite"):
        outcome_of(model.eval())


def test_a_model_in_training_mode_is_refused_before_it_changes() -> None:
    model = healthy().train()
    remembered = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UsageError, match="in training mode"):
        outcome_of(model)
    assert all(torch.equal(value, remembered[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("images", "label", "message"),
    [(torch.full((3, 3, 8, 8), 2.0), 0, r"\[0, 1\]"), (torch.rand(3, 3, 8, 8), 10, "10")],
)
def test_images_and_labels_that_do_not_fit_are_refused(images: torch.Tensor, label: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        audit(healthy().eval(), images, torch.full((3,), label), ids=torch.arange(3), seed=0)


def test_every_pass_of_an_audit_is_in_full_precision() -> None:
    seen: set[bool] = set()

    def looking(logits: torch.Tensor) -> torch.Tensor:
        seen.add(torch.backends.cudnn.allow_tf32)
        return logits

    model = After(healthy(), looking).eval()
    outcome = outcome_of(model)
    assert outcome.images is not None
    transfer(outcome.images, model, torch.zeros(N, dtype=torch.int64), 0, batch_size=50)
    assert seen == {False}


def test_an_audit_hands_on_the_images_of_its_longest_attack_and_keeps_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[Tensor | None] = []

    def noting(*arguments: Any, **options: Any) -> AttackOutcome:
        outcome = run_attack(*arguments, **options)
        kept.extend([] if outcome.images is None else [outcome.images])
        return outcome

    monkeypatch.setattr("robustsweep.attacks.audits.check.run_attack", noting)
    outcome = outcome_of(healthy().eval())
    assert len(kept) == 1
    assert outcome.images is kept[0]


def subject(logits: Tensor, survivors: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Subject, list[object]]:
    """Make a subject of images that are their own logits, each right, whose attacks leave so many standing."""
    attacked: list[object] = []

    def attack(self: Subject, name: str, model: nn.Module | None = None) -> AttackOutcome:
        attacked.append(model)
        eps_level = (torch.arange(self.n) < survivors).to(torch.int8)
        return AttackOutcome(eps_level, eps_level, eps_level, self.logits)

    monkeypatch.setattr(Subject, "attack", attack)
    n = len(logits)
    return Subject(nn.Identity(), logits, logits.argmax(1), torch.arange(n), seed=0, batch_size=n), attacked


def test_the_temperature_comes_from_the_saturated_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    leads = torch.tensor([5.0] * 95 + [30.0, 40.0, 40.0, 40.0, 50.0])
    audited, attacked = subject(torch.stack((leads, torch.zeros(100)), 1), 90, monkeypatch)
    check = saturation(audited, "pgd20-linf@8/255", torch.ones(100, dtype=torch.bool))
    assert check.numbers["temperature"] == 4.0
    assert isinstance(attacked[0], Tempered)
    assert attacked[0].temperature == 4.0


@pytest.mark.parametrize(("survivors", "status"), [(2, "ok"), (3, "warning")])
def test_many_classes_do_not_turn_one_survivor_of_a_large_eps_into_a_warning(
    survivors: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    audited, _ = subject(torch.eye(1000)[:200], survivors, monkeypatch)  # guessing leaves a fifth of an image
    assert large_eps(audited).status == status


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
