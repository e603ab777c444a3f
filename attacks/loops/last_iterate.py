"""The torchattacks protocol: every image takes every step, and the last iterate is judged."""

import torch

from robustsweep.attacks.loops.checked_steps import Stepper
from robustsweep.attacks.loops.pool import Pool
from robustsweep.attacks.outcome import Ledger
from robustsweep.attacks.target import Target


def judge_last_iterates(target: Target, stepper: Stepper, pool: Pool, ledger: Ledger, batch_size: int) -> None:
    """Attack all images of a pool to the end, the model's clean mistakes too.

    Args:
        target: The model under attack, which searches itself and differentiates the mean loss.
        stepper: The attack.
        pool: The images.
        ledger: Where verdicts are noted.
        batch_size: Images per forward pass, and in the mean of the loss.
    """
    for batch in pool.batches(batch_size):
        rows, labels, ball = pool.rows[batch.cpu()], pool.labels[batch], stepper.ball(pool.clean[batch])
        everyone = torch.ones_like(labels, dtype=torch.bool)
        state = stepper.start(ball, pool.ids[batch])
        for number in range(1, stepper.spec.steps + 1):
            leaf, logits = target.differentiable(state.images)
            gradient, loss = target.gradient(leaf, logits, labels, None, everyone)
            ledger.passed(rows, forward=1, backward=1)
            ledger.flat(rows, gradient)
            state = stepper.step(state, gradient, loss, ball, number)
        answer = target.verdict(state.images)
        ledger.passed(rows, forward=1)
        where = (stepper.eps_level, stepper.restart, stepper.spec.steps)
        ledger.judged(rows, state.images, answer, answer.argmax(1) == labels, where)
