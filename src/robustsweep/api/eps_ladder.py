"""Attacks at one eps after another: only images that are still classified correctly go on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from robustsweep.attacks import (
    ATTACKS,
    AttackOutcome,
    AttackSpec,
    Foreign,
    format_eps,
    run_attack,
    run_foreign,
)
from robustsweep.attacks.protocols import WORST_ITERATE


@dataclass(frozen=True, slots=True, eq=False)
class AttackResult:
    """What an attack did at one eps; tensors lie on the device of the images.

    Attributes:
        name: The attack as conditions of a sweep are called, such as ``"pgd10-linf@8/255"``.
        eps: The budget as text, such as ``"8/255"``; ``"none"`` for an attack without one.
        images: float32 (N, ...) in [0, 1]: the first image that fools the network; the last iterate if none does;
            the clean image if the network is wrong already.
        predictions: int64 (N,), the network's classes of these images.
        is_correct: bool (N,), which images are still classified correctly; clean mistakes are not.
        warnings: Sentences that belong beside the numbers.
    """

    name: str
    eps: str
    images: Tensor
    predictions: Tensor
    is_correct: Tensor
    warnings: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """Share of images that are still classified correctly, in [0, 1]."""
        return float(self.is_correct.double().mean())


def _is_nested(spec: AttackSpec | Foreign) -> bool:
    """Say whether a larger eps may go on with the images that a smaller one has not fooled."""
    if isinstance(spec, Foreign):
        return False
    return spec.protocol == WORST_ITERATE and not ATTACKS[spec.rule].single_step


@dataclass(frozen=True, slots=True)
class Ladder:
    """A network, and the images on which it is attacked."""

    model: nn.Module
    images: Tensor
    labels: Tensor
    ids: Tensor
    seed: int
    batch_size: int

    def results(self, specs: Sequence[AttackSpec | Foreign]) -> Iterator[AttackResult]:
        """Attack at one eps after another, the smallest first."""
        so_far: AttackResult | None = None
        rows = torch.arange(len(self.images))
        for spec in specs:
            found = self._result(spec, rows) if len(rows) else None
            if so_far is not None and len(rows) < len(self.images):
                found = _joined(so_far, found, spec, rows)
            assert found is not None  # there are images at the first eps
            so_far = found
            yield found
            if _is_nested(spec):
                rows = found.is_correct.cpu().nonzero()[:, 0]

    def _result(self, spec: AttackSpec | Foreign, rows: Tensor) -> AttackResult:
        images, labels, ids = (values[rows.to(values.device)] for values in (self.images, self.labels, self.ids))
        outcome = self._outcome(spec, images, labels, ids)
        assert outcome.images is not None  # asked for
        device, last = images.device, 1
        predictions, is_correct = outcome.logits.argmax(1).to(device), (outcome.eps_level == last).to(device)
        return AttackResult(spec.name, _eps(spec), outcome.images, predictions, is_correct, outcome.warnings)

    def _outcome(self, spec: AttackSpec | Foreign, images: Tensor, labels: Tensor, ids: Tensor) -> AttackOutcome:
        if isinstance(spec, Foreign):
            return run_foreign(self.model, images, labels, spec, seed=self.seed, ids=ids, keep_images=True)
        return run_attack(
            self.model, images, labels, spec, seed=self.seed, ids=ids, batch_size=self.batch_size, keep_images=True
        )


def _eps(spec: AttackSpec | Foreign) -> str:
    eps = spec.eps[0] if isinstance(spec, AttackSpec) else spec.eps
    return "none" if eps is None else format_eps(eps, spec.norm)


def _joined(
    smaller: AttackResult, found: AttackResult | None, spec: AttackSpec | Foreign, rows: Tensor
) -> AttackResult:
    """Put what happened to the images that went on beside what a smaller eps did to the others."""
    if found is None:
        return replace(smaller, name=spec.name, eps=_eps(spec), warnings=())
    merged = {}
    for name in ("images", "predictions", "is_correct"):
        merged[name] = getattr(smaller, name).clone()
        merged[name][rows.to(merged[name].device)] = getattr(found, name)
    return replace(found, **merged)
