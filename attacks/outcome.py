"""The outcome of an attack for each image."""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.spec import AttackSpec
from robustsweep.attacks.steps.catalogue import ATTACKS

# A distance may be beyond its eps by what rounding does to a perturbation, as everywhere.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """Per-image verdicts; all tensors lie on the CPU but ``images``.

    Attributes:
        eps_level: int8 (N,). -1: wrong before any attack; k: first fooled at ``spec.eps[k]``; ``len(spec.eps)``: never
            fooled. In the torchattacks protocol, which attacks clean mistakes like the others, 0: the last iterate is
            wrong; 1: it is right.
        restart: int16 (N,), the restart that fooled it, -1 if none did.
        step: int16 (N,), the step that fooled it, 0 being the random start; -1 if none did. In the torchattacks
            protocol the last step, the only one that is judged.
        logits: float32 (N, K), the model's output for the image that the verdict is about: the fooling image; the clean
            image for clean mistakes; the last iterate at the largest eps for survivors, or their clean image if the
            attack looks for the nearest one. Their largest entry is not the label's exactly if
            ``eps_level < len(spec.eps)``.
        images: float32 (N, ...) on the given images' device: those images, or the first ones of them; None unless
            asked for.
        warnings: Sentences that belong beside the numbers.
        l2: float32 (N,), the distance from the clean image to the one that the verdict is about, if the attack has
            no budget, and to the nearest image that fools, whatever the eps, for a minimum-norm attack: infinity if
            none was found. None if the attack has a budget.
        linf: Likewise.
        forward_passes: int32 (N,), how often a network was shown this image or one made of it, for verdicts and for
            gradients, also if the pass was thrown away. None if another library's code does it.
        backward_passes: int32 (N,), how often a gradient was taken there, also if this image's was not used.
    """

    eps_level: Tensor
    restart: Tensor
    step: Tensor
    logits: Tensor
    images: Tensor | None = None
    warnings: tuple[str, ...] = ()
    l2: Tensor | None = None
    linf: Tensor | None = None
    forward_passes: Tensor | None = None
    backward_passes: Tensor | None = None

    @property
    def passes(self) -> Tensor | None:
        """Forward and backward passes of each image, int32 (N,); None if they are not counted."""
        if self.forward_passes is None or self.backward_passes is None:
            return None
        return self.forward_passes + self.backward_passes


class Ledger:
    """The verdicts as they fall; ``rows`` are positions in the input, int64 on the CPU.

    Args:
        spec: The attack.
        images: The clean images, (N, ...).
        n_kept: How many of the images that the verdicts are about to keep, from the first row on.
    """

    def __init__(self, spec: AttackSpec, images: Tensor, n_kept: int) -> None:
        n = len(images)
        self._spec = spec
        self._eps_level = torch.full((n,), len(spec.eps), dtype=torch.int8)
        self._restart = torch.full((n,), -1, dtype=torch.int16)
        self._step = torch.full((n,), -1, dtype=torch.int16)
        self._logits = torch.empty((n, 0))
        self._images = images[:n_kept].clamp(0.0, 1.0) if n_kept else None
        self._flat = torch.zeros(n, dtype=torch.bool)
        self._forward, self._backward = torch.zeros(n, dtype=torch.int32), torch.zeros(n, dtype=torch.int32)
        self._distances: dict[str, Tensor] = {}
        if ATTACKS[spec.rule].minimum_norm:
            self._distances = {norm: torch.zeros(n) for norm in ("l2", "linf")}
        self._warnings: list[str] = []

    def clean(self, rows: Tensor, logits: Tensor, wrong: Tensor) -> None:
        """Note the model's outputs (n, K) for the clean images at ``rows`` and which are wrong (bool (n,))."""
        self._make_room(logits)
        self._logits[rows] = logits.cpu()
        self._eps_level[rows[wrong.cpu()]] = -1

    def judged(self, rows: Tensor, images: Tensor, logits: Tensor, right: Tensor, where: tuple[int, int, int]) -> None:
        """Note what the model said of iterates, and who is fooled.

        Args:
            rows: int64 (n,).
            images: float32 (n, ...), the iterates; kept for those that are fooled, and at the last step for all.
            logits: float32 (n, K).
            right: bool (n,), who is not fooled.
            where: Rung, restart and step.
        """
        eps_level, restart, step = where
        if step < self._spec.steps:
            rows, images, logits, right = rows[~right.cpu()], images[~right], logits[~right], right[~right]
        self._keep(rows, images, logits)
        fooled = rows[~right.cpu()]
        self._eps_level[fooled], self._restart[fooled], self._step[fooled] = eps_level, restart, step

    def nearest(
        self, rows: Tensor, clean: Tensor, images: Tensor, logits: Tensor, where: tuple[Tensor, Tensor]
    ) -> None:
        """Note the nearest images that fool, and by them who falls at which eps.

        Args:
            rows: int64 (n,).
            clean: float32 (n, ...), the clean images.
            images: float32 (n, ...), the nearest ones; the clean ones where none fools.
            logits: float32 (n, K).
            where: int16 (n,) each, the start and the step after which each was met; -1 where none fools.
        """
        restart, step = (each.cpu() for each in where)
        found = where[1] >= 0
        for norm, distances in self._distances.items():
            distances[rows] = torch.where(found, find_norm(norm).length(images - clean), torch.inf).cpu().float()
        eps = torch.tensor([float(each) for each in self._spec.eps]) + _ROUNDING
        level = torch.bucketize(self._distances[self._spec.norm][rows], eps)
        falls = level < len(eps)
        self._eps_level[rows] = level.to(torch.int8)
        fallen, here = rows[falls], falls.to(images.device)
        self._restart[fallen], self._step[fallen] = restart[falls], step[falls]
        self._keep(fallen, images[here], logits[here])

    def passed(self, rows: Tensor, *, forward: int = 0, backward: int = 0) -> None:
        """Count passes of a network over the images at ``rows``."""
        self._forward[rows] += forward
        self._backward[rows] += backward

    def flat(self, rows: Tensor, gradient: Tensor) -> None:
        """Note which images met a gradient (n, ...) of nothing but zeros."""
        self._flat[rows[(gradient.flatten(1).abs().amax(1) == 0).cpu()]] = True

    def warn(self, sentence: str) -> None:
        """Note a sentence that belongs beside the numbers."""
        self._warnings.append(f"{self._spec.name}: {sentence}")

    def outcome(self) -> AttackOutcome:
        """Close the books."""
        n_attacked, n_flat = int((self._eps_level >= 0).sum()), int(self._flat.sum())
        if n_flat * 100 > n_attacked:
            self.warn(
                f"{n_flat} of {n_attacked} attacked images met a gradient that is zero everywhere, so the loss is "
                "saturated or the gradient masked there; their robustness may be overstated."
            )
        return AttackOutcome(
            self._eps_level,
            self._restart,
            self._step,
            self._logits,
            self._images,
            tuple(self._warnings),
            self._distances.get("l2"),
            self._distances.get("linf"),
            self._forward,
            self._backward,
        )

    def _keep(self, rows: Tensor, images: Tensor, logits: Tensor) -> None:
        """Keep what verdicts are about."""
        self._make_room(logits)
        self._logits[rows] = logits.cpu()
        if self._images is not None:
            is_kept, device = rows < len(self._images), self._images.device
            self._images[rows[is_kept].to(device)] = images[is_kept.to(images.device)].to(device)

    def _make_room(self, logits: Tensor) -> None:
        if self._logits.shape[1] == 0:
            self._logits = torch.empty((len(self._eps_level), logits.shape[1]))
