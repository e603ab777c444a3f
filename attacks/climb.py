"""One start and its steps: images climb in lockstep, and leave as soon as the model is fooled."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from robustsweep.attacks.ball import Ball
from robustsweep.attacks.catalogue import ATTACKS
from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.outcome import Ledger
from robustsweep.attacks.rules import Probe, State
from robustsweep.attacks.spec import AttackSpec
from robustsweep.attacks.target import Target
from robustsweep.draws import Draws
from robustsweep.errors import AttackError

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Pool:
    """Images that wait together on the model's device.

    Attributes:
        rows: int64 (n,) on the CPU, their positions in the whole input.
        clean: float32 (n, ...), in [0, 1].
        labels: int64 (n,).
        ids: int64 (n,).
        rivals: int64 (n, R), what a targeted loss leads to: wrong classes, the likeliest on the clean image first, one
            for each start; R = 0 for other losses.
    """

    rows: Tensor
    clean: Tensor
    labels: Tensor
    ids: Tensor
    rivals: Tensor

    def keep(self, index: Tensor) -> "Pool":
        """Return the images at ``index`` (int64)."""
        if len(index) == len(self.rows):
            return self
        return Pool(self.rows[index.cpu()], self.clean[index], self.labels[index], self.ids[index], self.rivals[index])

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield the positions of at most ``size`` images at a time, int64 on the model's device."""
        positions = torch.arange(len(self.rows), device=self.clean.device)
        yield from torch.split(positions, size)


@dataclass(slots=True)
class Climb:
    """One start of a pool at one eps.

    Attributes:
        target: The model under attack.
        spec: The attack.
        pool: The images, at least one.
        ledger: Where verdicts are noted.
        seed: The run's seed.
        batch_size: Images per forward pass.
        rung: Which of the attack's eps.
        restart: Which of its starts.
    """

    target: Target
    spec: AttackSpec
    pool: Pool
    ledger: Ledger
    seed: int
    batch_size: int
    rung: int
    restart: int
    _state: State = field(init=False)

    def run(self) -> Tensor:
        """Climb to the last step; return the positions (int64) in the pool of the images that were never fooled."""
        self._start()
        active = torch.arange(len(self.pool.rows), device=self.pool.clean.device)
        for step in range(self.spec.steps + 1):
            active = self._advance(active, step)
        return active

    def _start(self) -> None:
        stream = f"attack/{self.spec.rule}-{self.spec.norm}@{self.spec.eps[self.rung]}/{self.restart}"
        for number, batch in enumerate(self.pool.batches(self.batch_size)):
            ball, noise = self._ball(batch), None
            if self.spec.random_start:
                draws = Draws(self.seed, stream, self.pool.ids[batch])
                noise = ball.norm.sample(draws, tuple(ball.centre.shape[1:]))
            state = self._checked(ATTACKS[self.spec.rule].start(ball, noise), ball)
            if number == 0:
                self._state = state.room_for(len(self.pool.rows))
            self._state.write_rows(batch, state)

    def _advance(self, active: Tensor, step: int) -> Tensor:
        """Judge the iterates of ``active`` (int64), drop the fooled and make the others' next step, if there is one."""
        survivors = [active[:0]]
        while len(active):
            batch, active = active[: self.batch_size], active[self.batch_size :]
            state = self._state.rows(batch)
            if step == self.spec.steps:
                right = self._judge(batch, state, self.target.verdict(state.images), step)
                survivors.append(batch[right])
                continue
            leaf, logits = self.target.differentiable(state.images)
            right = self._judge(batch, state, logits.detach(), step)
            kept = batch[right]
            if len(active) and 2 * len(kept) < len(batch):
                # Most of a backward pass would go to images that are done with: let the few left join the next batch.
                active = torch.cat((kept, active))
            elif len(kept):
                targets = self.pool.rivals[batch, self.restart] if self.pool.rivals.shape[1] else None
                gradient, loss = self.target.gradient(leaf, logits, self.pool.labels[batch], targets, right)
                self._step(kept, state.rows(right), gradient, loss, step + 1)
                survivors.append(kept)
        return torch.cat(survivors)

    def _judge(self, batch: Tensor, state: State, logits: Tensor, step: int) -> Tensor:
        """Note who is fooled; return who is not, bool (n,)."""
        if step == 0 and not self.spec.random_start:  # the clean images, judged already
            return torch.ones_like(batch, dtype=torch.bool)
        right = logits.argmax(1) == self.pool.labels[batch]
        told = torch.ones_like(right) if step == self.spec.steps else ~right
        self.ledger.answered(self.pool.rows[batch[told].cpu()], state.images[told], logits[told])
        self.ledger.fooled(self.pool.rows[batch[~right].cpu()], self.rung, self.restart, step)
        return right

    def _step(self, batch: Tensor, state: State, gradient: Tensor, loss: Tensor, step: int) -> None:
        flat = gradient.flatten(1).abs().amax(1) == 0
        self.ledger.flat(self.pool.rows[batch[flat].cpu()])
        ball = self._ball(batch)
        step_size = float(self.spec.eps[self.rung] * self.spec.step_ratio)
        probe = Probe(gradient, loss, step, self.spec.steps, step_size)
        self._state.write_rows(batch, self._checked(ATTACKS[self.spec.rule].step(state, probe, ball), ball))

    def _ball(self, batch: Tensor) -> Ball:
        return Ball(find_norm(self.spec.norm), float(self.spec.eps[self.rung]), self.pool.clean[batch])

    def _checked(self, state: State, ball: Ball) -> State:
        """Return the state with its images clipped exactly, or refuse it."""
        if not state.images.isfinite().all():
            raise AttackError(f"{self.spec.name}: the step rule made pixels that are not finite (NaN or infinity).")
        excess = float(ball.excess(state.images).max())
        if excess > _TOLERANCE:
            raise AttackError(
                f"{self.spec.name}: the step rule left its budget (eps {ball.eps:.6g}, pixels in [0, 1]) "
                f"by {excess:.3g}; it must end with ball.project."
            )
        return replace(state, images=ball.project(state.images))
