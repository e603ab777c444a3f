"""The audit of one model: every check, in an order in which later ones use earlier attacks."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robustsweep.attacks.audits import gradients, strength
from robustsweep.attacks.audits.check import FEWEST_STEPS, Check, Subject, robust, tolerance
from robustsweep.attacks.target import check_attackable, check_labels, evaluation_context
from robustsweep.errors import NoGradientError


def longer_attack(steps: int) -> str:
    """Name the attack with twice the steps that an audit compares with, and whose images it lends."""
    return f"pgd{2 * steps}-linf@{strength.EPS}"


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What an audit found.

    Attributes:
        checks: In a fixed order.
        n_robust: Images that withstood the longer PGD at 8/255; None if the model has no gradient.
        images: What that PGD made of the images, float32 (N, ...), on their device, for ``transfer``; None likewise.
    """

    checks: tuple[Check, ...]
    n_robust: int | None
    images: Tensor | None = None


def audit(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    ids: Tensor,
    seed: int,
    batch_size: int = 128,
    may_be_adversarially_trained: bool = False,
    steps: int = FEWEST_STEPS,
) -> AuditOutcome:
    """Look for signs that the robustness of a model is overstated. Two hundred images are enough.

    Args:
        model: On images in [0, 1], in evaluation mode, on the images' device.
        images: float32 (N, ...), in [0, 1].
        labels: int64 (N,).
        ids: int64 (N,), what random numbers belong to.
        seed: The run's seed.
        batch_size: Images per forward pass.
        may_be_adversarially_trained: Whether to leave out the check that asks for a low robust accuracy.
        steps: Steps of the PGD that is judged, by one with twice as many among others; at 8/255, steps of eps/4.

    Raises:
        RobustsweepError: As ``run_attack``, but for a model without a gradient, which is a finding.
    """
    check_attackable(model, images, labels, ids)
    subject = Subject(model, images, labels, ids, seed, batch_size, steps)
    with evaluation_context():
        check_labels(labels, subject.logits)
        return _outcome(subject, may_be_adversarially_trained)


def _outcome(subject: Subject, may_be_adversarially_trained: bool) -> AuditOutcome:
    checks = [gradients.zero_gradients(subject), gradients.gradient_sanity(subject)]
    try:
        longer_name = longer_attack(subject.steps)
        pgd = robust(subject.attack(f"pgd{subject.steps}-linf@{strength.EPS}"))
        outcome = subject.attack(longer_name, keep_images=True)
        longer = robust(outcome)
        attacked = [
            strength.large_eps(subject),
            strength.beats_single_step(subject, pgd),
            strength.beats_noise(subject, pgd),
            strength.converged(subject, pgd, longer),
            gradients.saturation(subject, longer_name, longer),
        ]
    except NoGradientError as error:
        return AuditOutcome((*checks, *_without_gradient(subject, str(error))), None)
    checks += [
        *attacked,
        strength.black_box(subject, longer, f"images that withstand PGD-{2 * subject.steps} at {strength.EPS}"),
    ]
    if may_be_adversarially_trained:
        checks.append(Check.not_applicable("plausible", "The training may have been adversarial."))
    else:
        checks.append(strength.plausible(subject, longer))
    return AuditOutcome(tuple(checks), int(longer.sum()), outcome.images)


def _without_gradient(subject: Subject, reason: str) -> list[Check]:
    names = ("large-eps", "pgd-against-fgsm", "pgd-against-noise", "steps", "saturated-loss", "plausible")
    queried = strength.black_box(subject, subject.right.cpu(), "right images on which no gradient attack could run")
    return [Check.not_applicable(name, reason) for name in names] + [queried]


def transfer(images: Tensor, model: nn.Module, labels: Tensor, n_robust: int, *, batch_size: int) -> Check:
    """Judge another model's adversarial images: they must not fool more than an attack on the model itself.

    Args:
        images: float32 (N, ...), the images that the longer PGD at 8/255 made of N images against another model.
        model: The model that they are shown to.
        labels: int64 (N,).
        n_robust: How many of the N images withstood the longer PGD at 8/255 on this model.
        batch_size: Images per forward pass.
    """
    with evaluation_context(), torch.no_grad():
        answers = torch.cat([model(batch).argmax(1) for batch in torch.split(images, batch_size)])
    n_right, n = int((answers == labels).sum()), len(labels)
    warns = n_robust - n_right > tolerance(n)
    return Check.of(
        "transfer",
        {"n": n, "n_right": n_right, "n_robust": n_robust},
        f"{n_right} of {n} images stay right under the other model's adversarial images, {n_robust} under the attack "
        f"on the model itself{': the borrowed attack is stronger, so the gradient is masked' if warns else ''}.",
        warns=warns,
    )
