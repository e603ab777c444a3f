"""Checks of the gradient that attacks follow: whether there is one, whether it is right, whether the loss is saturated.

Source: the zero-gradient flag of AutoAttack (fra31/auto-attack, file flags_doc.md). It looks at the DLR loss alone;
here the cross-entropy and the margin are looked at, the numerator of the DLR loss.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.attacks.audits.check import Check, Numbers, Subject, robust
from robustsweep.attacks.losses import cross_entropy, margin
from robustsweep.draws import Draws

_ZERO_SHARE = 0.01
_N_PROBED, _N_DIRECTIONS, _PROBE_EPS = 16, 24, 1 / 255
_COSINE = 0.5
_SATURATED_GAP, _TARGET_GAP = 20.0, 10.0


def zero_gradients(subject: Subject) -> Check:
    """Count the right images at which every entry of a loss's gradient is zero; more than 1 % is a warning."""
    rows = subject.right.nonzero().squeeze(1)
    if not len(rows):
        return Check.not_applicable("zero-gradient", "No image is right, so there is no gradient to look at.")
    losses = {"cross_entropy": cross_entropy, "margin": margin}
    zero = {
        name: int((subject.gradients(loss, rows).flatten(1).abs().amax(1) == 0).sum()) for name, loss in losses.items()
    }
    n, n_ce, n_margin = len(rows), zero["cross_entropy"], zero["margin"]
    numbers: Numbers = {"n": n, "n_zero_cross_entropy": n_ce, "n_zero_margin": n_margin}
    if n_margin > _ZERO_SHARE * n:
        reason = "the model hides it (a rounded or thresholded input, no differentiable path); white-box attacks fail"
    elif n_ce > _ZERO_SHARE * n:
        reason = "the cross-entropy is saturated; climb the margin, or divide the logits by a temperature"
    else:
        reason = "attacks can see where to go"
    return Check.of(
        "zero-gradient",
        numbers,
        f"The gradient is zero everywhere at {n_ce} (cross-entropy) and {n_margin} (margin) of {n} images: {reason}.",
        warns=max(n_ce, n_margin) > _ZERO_SHARE * n,
    )


def gradient_sanity(subject: Subject) -> Check:
    """Compare the margin's gradient with central differences along random directions.

    At up to 16 right images, 24 directions of plus and minus 1/255 per pixel: one grey level each way, at which
    a rounded input moves too. The cosine between the slopes that the gradient promises and those that are found is 1
    for a linear model, and 0 for a gradient that is unrelated or zero; a median below 0.5 is a warning.
    """
    rows = subject.right.nonzero().squeeze(1)[:_N_PROBED]
    if not len(rows):
        return Check.not_applicable("gradient-sanity", "No image is right, so there is no gradient to look at.")
    images, labels = subject.images[rows], subject.labels[rows]
    gradient = subject.gradients(margin, rows).flatten(1)
    draws = Draws(subject.seed, "audit/gradient-sanity", subject.ids[rows])
    promised, found = [], []
    for _ in range(_N_DIRECTIONS):
        signs = (draws.integers(0, 2, *images.shape[1:]) * 2 - 1).to(images.dtype)
        ahead, behind = (margin(subject.answers(images + s * _PROBE_EPS * signs), labels) for s in (1, -1))
        found.append(ahead - behind)
        promised.append((gradient * signs.flatten(1)).sum(1))
    cosines = F.cosine_similarity(torch.stack(promised, 1).double(), torch.stack(found, 1).double(), dim=1)
    cosine = float(cosines.median())
    return Check.of(
        "gradient-sanity",
        {"n": len(rows), "median_cosine": cosine},
        f"Slopes from the gradient and from finite differences have a median cosine of {cosine:.2f} over {len(rows)} "
        f"images{'; the gradient does not describe the model' if cosine < _COSINE else ''}.",
        warns=cosine < _COSINE,
    )


class Tempered(nn.Module):
    """A model whose logits are divided by a temperature: the same predictions, another cross-entropy."""

    def __init__(self, model: nn.Module, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature
        self.training = False

    def forward(self, images: Tensor) -> Tensor:
        """Return the tempered logits, (n, K)."""
        logits: Tensor = self.model(images)
        return logits / self.temperature


def saturation(subject: Subject, attack: str, withstood: Tensor) -> Check:
    """Where the label leads by more than 20, attack again with logits divided so that the median lead is 10.

    Args:
        subject: What is audited.
        attack: Name of an attack on the cross-entropy.
        withstood: bool (n,), the images that withstood it.

    Returns:
        A warning where the second attack leaves fewer standing by more than the tolerance.
    """
    rows = subject.right.nonzero().squeeze(1)
    gaps = -margin(subject.logits[rows], subject.labels[rows])
    n_zero = int((cross_entropy(subject.logits[rows], subject.labels[rows]) == 0).sum())
    n_wide, n = int((gaps > _SATURATED_GAP).sum()), len(rows)
    numbers: Numbers = {"n": n, "n_gap_above_20": n_wide, "n_loss_exactly_0": n_zero}
    said = f"The cross-entropy is exactly 0 at {n_zero} and the lead of the label above 20 at {n_wide} of {n} images"
    if n_wide <= _ZERO_SHARE * n:
        return Check.of("saturated-loss", numbers, f"{said}: it is not saturated.", warns=False)
    temperature = max(1.0, float(gaps.median()) / _TARGET_GAP)
    before = int(withstood.sum())
    after = int(robust(subject.attack(attack, Tempered(subject.model, temperature))).sum())
    numbers |= {"temperature": temperature, "n_robust": before, "n_robust_tempered": after}
    warns = before - after > subject.tolerance
    verdict = (
        f"after dividing the logits by {temperature:.3g}, {attack} leaves {after} images standing instead of {before}"
    )
    advice = "; the cross-entropy attacks overstate the robustness, climb the margin instead" if warns else ""
    return Check.of("saturated-loss", numbers, f"{said}; {verdict}{advice}.", warns=warns)
