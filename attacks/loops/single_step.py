"""Single-step attacks of several eps: their steps differ in length alone, so one gradient serves them all."""

from collections.abc import Sequence

import torch

from robustsweep.attacks.loops.checked_steps import Stepper
from robustsweep.attacks.loops.pool import Pool
from robustsweep.attacks.outcome import Ledger
from robustsweep.attacks.protocols import WORST_ITERATE
from robustsweep.attacks.spec import AttackSpec
from robustsweep.attacks.steps.catalogue import ATTACKS
from robustsweep.attacks.target import Target
from robustsweep.values import require_kind


def gradient_key(spec: AttackSpec) -> tuple[str, str, str] | None:
    """Return what must be equal for single-step attacks to share their gradient; None for any other attack."""
    require_kind(spec, AttackSpec, "An attack must be an AttackSpec", hint="parse_attack makes one of its name")
    if not ATTACKS[spec.rule].single_step or spec.protocol != WORST_ITERATE:
        return None
    return spec.rule, spec.norm, spec.loss


def take_single_steps(
    target: Target, specs: Sequence[AttackSpec], pool: Pool, ledgers: Sequence[Ledger], batch_size: int
) -> None:
    """Judge, for every attack by itself, the one iterate of each image.

    Args:
        target: The model under attack.
        specs: Attacks of one ``gradient_key``.
        pool: Images that the model gets right.
        ledgers: Where the verdicts of each attack are noted.
        batch_size: Images per forward pass.
    """
    for batch in pool.batches(batch_size):
        rows, clean, labels = pool.rows[batch.cpu()], pool.clean[batch], pool.labels[batch]
        leaf, logits = target.differentiable(clean)
        gradient, loss = target.gradient(leaf, logits, labels, None, torch.ones_like(labels, dtype=torch.bool))
        del leaf, logits  # and the graph
        for spec, ledger in zip(specs, ledgers, strict=True):
            stepper = Stepper(spec, seed=0)  # draws nothing
            ball = stepper.ball(clean)
            state = stepper.step(stepper.start(ball, pool.ids[batch]), gradient, loss, ball, 1)
            answer = target.verdict(state.images)
            ledger.passed(rows, forward=2, backward=1)
            ledger.flat(rows, gradient)
            ledger.judged(rows, state.images, answer, answer.argmax(1) == labels, (0, 0, 1))
