"""What an attack did to each image."""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.attacks.spec import AttackSpec


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """Per-image verdicts; all tensors lie on the CPU but ``images``.

    Attributes:
        rung: int8 (N,). -1: wrong before any attack; k: first fooled at ``spec.eps[k]``; ``len(spec.eps)``: never
            fooled.
        restart: int16 (N,), the restart that fooled it, -1 where none did.
        step: int16 (N,), the step that fooled it, 0 being the random start; -1 where none did.
        logits: float32 (N, K), the model's answer to the image that the verdict is about: the fooling image; the clean
            image for clean mistakes; the last iterate at the largest eps for survivors. Their largest entry is not the
            label's exactly where ``rung < len(spec.eps)``.
        images: float32 (N, ...) on the given images' device: those images; None unless asked for.
        warnings: Sentences that belong beside the numbers.
        l2: float32 (N,), the distance from the clean image to the one that the verdict is about, where the attack has
            no budget; None where it has one.
        linf: Likewise.
    """

    rung: Tensor
    restart: Tensor
    step: Tensor
    logits: Tensor
    images: Tensor | None = None
    warnings: tuple[str, ...] = ()
    l2: Tensor | None = None
    linf: Tensor | None = None


class Ledger:
    """The verdicts as they fall; ``rows`` are positions in the input, int64 on the CPU.

    Args:
        spec: The attack.
        images: The clean images, (N, ...).
        keep_images: Whether to keep the images that the verdicts are about.
    """

    def __init__(self, spec: AttackSpec, images: Tensor, keep_images: bool) -> None:
        n = len(images)
        self._spec = spec
        self._rung = torch.full((n,), len(spec.eps), dtype=torch.int8)
        self._restart = torch.full((n,), -1, dtype=torch.int16)
        self._step = torch.full((n,), -1, dtype=torch.int16)
        self._logits = torch.empty((n, 0))
        self._images = images.clamp(0.0, 1.0) if keep_images else None
        self._flat = torch.zeros(n, dtype=torch.bool)

    def clean(self, rows: Tensor, logits: Tensor, wrong: Tensor) -> None:
        """Note the model's answers (n, K) to the clean images at ``rows`` and which are wrong (bool (n,))."""
        if self._logits.shape[1] == 0:
            self._logits = torch.empty((len(self._rung), logits.shape[1]))
        self._logits[rows] = logits.cpu()
        self._rung[rows[wrong.cpu()]] = -1

    def answered(self, rows: Tensor, images: Tensor, logits: Tensor) -> None:
        """Note the images and logits that stand for ``rows`` until others replace them."""
        self._logits[rows] = logits.cpu()
        if self._images is not None:
            self._images[rows.to(self._images.device)] = images.to(self._images.device)

    def fooled(self, rows: Tensor, rung: int, restart: int, step: int) -> None:
        """Note where the images at ``rows`` were fooled; ``answered`` has been told of them."""
        self._rung[rows], self._restart[rows], self._step[rows] = rung, restart, step

    def flat(self, rows: Tensor) -> None:
        """Note images that met a gradient of nothing but zeros."""
        self._flat[rows] = True

    def outcome(self) -> AttackOutcome:
        """Close the books."""
        n_attacked, n_flat = int((self._rung >= 0).sum()), int(self._flat.sum())
        warnings: tuple[str, ...] = ()
        if n_flat * 100 > n_attacked:
            warnings = (
                f"{self._spec.name}: {n_flat} of {n_attacked} attacked images met a gradient that is zero everywhere, "
                "so the loss is saturated or the gradient masked there; their robustness may be overstated.",
            )
        return AttackOutcome(self._rung, self._restart, self._step, self._logits, self._images, warnings)
