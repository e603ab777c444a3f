"""One check of an audit, and the model and images that checks look at."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from robustsweep.attacks.engine import run_attack
from robustsweep.attacks.outcome import AttackOutcome
from robustsweep.attacks.spec import parse_attack
from robustsweep.attacks.target import evaluation_context

Numbers = dict[str, int | float]

FEWEST_STEPS = 10
"""Steps of PGD that an audit judges unless more are asked for."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Attributes:
        name: Such as ``"large-eps"``.
        status: ``"ok"``, ``"warning"`` or ``"not-applicable"``.
        numbers: The counts and other figures behind it, by name.
        sentence: What was found, for people.
    """

    name: str
    status: Literal["ok", "warning", "not-applicable"]
    numbers: Numbers
    sentence: str

    @classmethod
    def of(cls, name: str, numbers: Numbers, sentence: str, *, warns: bool) -> "Check":
        """Make a check that warns or is ok."""
        return cls(name, "warning" if warns else "ok", numbers, sentence)

    @classmethod
    def not_applicable(cls, name: str, sentence: str) -> "Check":
        """Make a check that could not be made; the sentence says why."""
        return cls(name, "not-applicable", {}, sentence)


@dataclass(frozen=True)
class Subject:
    """A model with the images that it is audited on.

    Attributes:
        model: float32 (n, ...) in [0, 1] to logits (n, K), in evaluation mode, on the images' device.
        images: float32 (n, ...), in [0, 1].
        labels: int64 (n,).
        ids: int64 (n,).
        seed: The run's seed.
        batch_size: Images per forward pass.
        steps: Steps of the PGD that is judged, see ``audit``.
    """

    model: nn.Module
    images: Tensor
    labels: Tensor
    ids: Tensor
    seed: int
    batch_size: int
    steps: int = FEWEST_STEPS

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def tolerance(self) -> float:
        """How many images a stronger attack may lose by chance: two, or half a point if that is more."""
        return tolerance(self.n)

    @cached_property
    def logits(self) -> Tensor:
        """The outputs for the images, float32 (n, K)."""
        return self.answers(self.images)

    @cached_property
    def right(self) -> Tensor:
        """Which clean images are right, bool (n,)."""
        return self.logits.argmax(1) == self.labels

    def answers(self, images: Tensor) -> Tensor:
        """Answer any images, float32 (m, ...), in batches."""
        with torch.no_grad():
            return torch.cat([self.model(batch).float() for batch in torch.split(images, self.batch_size)])

    def attack(self, name: str, model: nn.Module | None = None, *, keep_images: bool = False) -> AttackOutcome:
        """Run the attack of that name on the model, or on a stand-in for it.

        Raises:
            NoGradientError: If there is no gradient, or it is not finite.
        """
        return run_attack(
            model or self.model,
            self.images,
            self.labels,
            parse_attack(name),
            seed=self.seed,
            ids=self.ids,
            batch_size=self.batch_size,
            keep_images=keep_images,
        )

    def gradients(self, loss: Callable[[Tensor, Tensor], Tensor], rows: Tensor) -> Tensor:
        """Differentiate ``loss(logits, labels)``, one value per image, at the images at ``rows`` (int64).

        Returns:
            float32 (len(rows), ...); zero if the loss has no gradient at all.
        """
        found = []
        with evaluation_context():
            for batch in torch.split(rows, self.batch_size):
                leaf = self.images[batch].detach().requires_grad_()
                values = loss(self.model(leaf).float(), self.labels[batch])
                gradient = None
                if values.requires_grad:
                    (gradient,) = torch.autograd.grad(values.sum(), leaf, allow_unused=True)
                found.append(torch.zeros_like(leaf) if gradient is None else gradient)
        return torch.cat(found).detach()


def tolerance(n: int) -> float:
    """How many of ``n`` images a stronger attack may lose by chance: two, or half a point if that is more."""
    return max(2.0, 0.005 * n)


def robust(outcome: AttackOutcome) -> Tensor:
    """Say which images withstood an attack at one eps, bool (n,) on the CPU."""
    return outcome.eps_level == 1
