"""One start and its steps: images climb in lockstep, and leave as soon as the model is fooled.

If the search runs on a copy of the model, the copy only raises suspicion: the model itself judges the suspects of a
step, packed into full batches, and those that it gets right after all go on climbing. An image is a suspect before the
copy has seen it if its loss, followed along the gradient to where the step leads, is one that fools. The last iterates
are judged by the model alone.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from robustsweep.attacks.loops.checked_steps import Stepper
from robustsweep.attacks.loops.pool import Pool, batches
from robustsweep.attacks.outcome import Ledger
from robustsweep.attacks.steps.rules import State
from robustsweep.attacks.target import Target


@dataclass(slots=True)
class Climb:
    """One start of a pool at one eps.

    Attributes:
        target: The model under attack.
        stepper: The attack at this eps, from this start.
        pool: The images, at least one.
        ledger: Where verdicts are noted.
        batch_size: Images per forward pass.
    """

    target: Target
    stepper: Stepper
    pool: Pool
    ledger: Ledger
    batch_size: int
    _state: State = field(init=False)
    _is_expected: Tensor = field(init=False)

    def run(self) -> Tensor:
        """Climb to the last step; return the positions (int64) in the pool of the images that were never fooled."""
        self._start()
        active = torch.arange(len(self.pool.rows), device=self.pool.clean.device)
        self._is_expected = torch.zeros_like(active, dtype=torch.bool)
        for step in range(self.stepper.spec.steps):
            active = self._advance(active, step)
        return self._end(active)

    def _start(self) -> None:
        for number, batch in enumerate(self.pool.batches(self.batch_size)):
            state = self.stepper.start(self.stepper.ball(self.pool.clean[batch]), self.pool.ids[batch])
            if number == 0:
                self._state = state.room_for(len(self.pool.rows))
            self._state.write_rows(batch, state)

    def _advance(self, active: Tensor, step: int) -> Tensor:
        """Judge the iterates of ``active`` (int64), drop the fooled and make the others' next step."""
        expected = self._is_expected[active]
        survivors, suspects, active = [active[:0]], [active[expected]], active[~expected]
        while len(active):
            batch, active = active[: self.batch_size], active[self.batch_size :]
            state = self._state.rows(batch)
            leaf, logits = self.target.differentiable(state.images)
            self._passed(batch, forward=1)
            if step == 0 and not self.stepper.spec.random_start:  # the clean images, judged already
                right = torch.ones_like(batch, dtype=torch.bool)
            elif self.target.searches_itself:
                right = self._judge(batch, state, logits.detach(), step)
            else:
                right = logits.argmax(1) == self.pool.labels[batch]
                suspects.append(batch[~right])
            kept = batch[right]
            if 2 * len(kept) < len(batch):
                # Most of a backward pass would go to images that are done with: let the few left join the next batch,
                # or make a small one.
                active = torch.cat((kept, active))
            elif len(kept):
                gradient, loss = self._gradient(leaf, logits, batch, right)
                self._passed(batch, backward=1)
                self._step(kept, state.rows(right), gradient, loss, step + 1)
                survivors.append(kept)
        return torch.cat((*survivors, self._cleared(torch.cat(suspects), step)))

    def _cleared(self, suspects: Tensor, step: int) -> Tensor:
        """Let the model itself judge those that are thought to be fooled; make the next step of those that are not."""
        cleared = [suspects[:0]]
        for batch in batches(suspects, self.batch_size):
            state = self._state.rows(batch)
            right = self._judge(batch, state, self._verdict(batch, state), step)
            kept = batch[right]
            if len(kept):
                state = state.rows(right)
                leaf, logits = self.target.differentiable(state.images)
                gradient, loss = self._gradient(leaf, logits, kept, right[right])
                self._passed(kept, forward=1, backward=1)
                self._step(kept, state, gradient, loss, step + 1)
                cleared.append(kept)
        return torch.cat(cleared)

    def _gradient(self, leaf: Tensor, logits: Tensor, batch: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        targets = self.pool.rivals[batch, self.stepper.restart] if self.pool.rivals.shape[1] else None
        return self.target.gradient(leaf, logits, self.pool.labels[batch], targets, wanted)

    def _end(self, active: Tensor) -> Tensor:
        """Judge the last iterates of ``active`` (int64); return those that stand."""
        standing = [active[:0]]
        for batch in batches(active, self.batch_size):
            state, last = self._state.rows(batch), self.stepper.spec.steps
            standing.append(batch[self._judge(batch, state, self._verdict(batch, state), last)])
        return torch.cat(standing)

    def _verdict(self, batch: Tensor, state: State) -> Tensor:
        self._passed(batch, forward=1)
        return self.target.verdict(state.images)

    def _passed(self, batch: Tensor, *, forward: int = 0, backward: int = 0) -> None:
        self.ledger.passed(self.pool.rows[batch.cpu()], forward=forward, backward=backward)

    def _judge(self, batch: Tensor, state: State, logits: Tensor, step: int) -> Tensor:
        """Note who is fooled; return who is not, bool (n,)."""
        right = logits.argmax(1) == self.pool.labels[batch]
        where = (self.stepper.eps_level, self.stepper.restart, step)
        self.ledger.judged(self.pool.rows[batch.cpu()], state.images, logits, right, where)
        return right

    def _step(self, batch: Tensor, state: State, gradient: Tensor, loss: Tensor, number: int) -> None:
        self.ledger.flat(self.pool.rows[batch.cpu()], gradient)
        ball = self.stepper.ball(self.pool.clean[batch])
        following = self.stepper.step(state, gradient, loss, ball, number)
        self._state.write_rows(batch, following)
        if not self.target.searches_itself:
            growth = (gradient * (following.images - state.images)).flatten(1).sum(1)
            self._is_expected[batch] = self.target.loss.forecast(loss, growth)
