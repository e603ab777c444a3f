"""The batch that an adapter is given, and the result that it gives back."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

LIBRARY_NORMS = {"linf": "Linf", "l2": "L2"}
"""How torchattacks and AutoAttack spell the norms."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch for another library, and the settings that its attack has here.

    Attributes:
        model: Maps float32 images in [0, 1] to logits; ignores ``train`` and ``eval``, and has no gradients of its own.
        images: float32 (n, C, H, W) in [0, 1], contiguous, all of them classified rightly.
        labels: int64 (n,), on the same device.
        attack: The attack's name in its library.
        norm: ``"linf"`` or ``"l2"``; ``"none"`` for an attack without a budget.
        eps: The budget in units of the pixel range; None without one.
        classes: Number of logits.
        seed: From 0 to 2**32 - 1; the global generators have been seeded with it.
    """

    model: nn.Module
    images: Tensor
    labels: Tensor
    attack: str
    norm: str
    eps: float | None
    classes: int
    seed: int


Adapter = Callable[[Batch], tuple[Tensor, tuple[str, ...]]]
"""Attacks a batch; returns images (n, C, H, W), and what the library warned of."""
