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
    """Count the right images at which a loss's gradient is zero everywhere, or not finite; over 1% is a warning."""
    rows = subject.right.nonzero().squeeze(1)
    if not len(rows):
        return Check.not_applicable("zero-gradient", "No image is right, so there is no gradient to look at.")
    losses = {"cross_entropy": cross_entropy, "margin": margin}
    found = {name: subject.gradients(loss, rows).flatten(1) for name, loss in losses.items()}
    n = len(rows)
    n_ce, n_margin = (int((found[name] == 0).all(1).sum()) for name in losses)
    n_broken = int((~torch.cat(list(found.values()), 1).isfinite().all(1)).sum())
    numbers: Numbers = {"n": n, "n_zero_cross_entropy": n_ce, "n_zero_margin": n_margin, "n_not_finite": n_broken}
    broken = f", and not finite at {n_broken}," if n_broken else ""
    if n_broken > _ZERO_SHARE * n:
        reason = "an operation in the model has no derivative there, such as a root or a norm of zero; attacks fail"
    elif n_margin > _ZERO_SHARE * n:
        reason = "the model hides it (a rounded or thresholded input, no differentiable path); white-box attacks fail"
    elif n_ce > _ZERO_SHARE * n:
        reason = "the cross-entropy is saturated; climb the margin, or divide the logits by a temperature"
    else:
        reason = "attacks can see where to go"
    return Check.of(
        "zero-gradient",
        numbers,
        f"The gradient is zero everywhere at {n_ce} (cross-entropy) and {n_margin} (margin){broken} of {n} images: "
        f"{reason}.",
        warns=max(n_ce, n_margin, n_broken) > _ZERO_SHARE * n,
    )


def gradient_sanity(subject: Subject) -> Check:
    """Compare the margin's gradient with central differences along random directions.

    At up to 16 right images, 24 directions of plus and minus 1/255 per pixel: one grey level each way, at which
    a rounded input moves too. The cosine between the slopes that the gradient promises and those that are found is 1
    for a linear model, and 0 for a gradient that is unrelated or zero, or counted as that if it is not finite; a
    median below 0.5 is a warning.
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
    n_broken = int((~cosines.isfinite()).sum())
    cosine = float(cosines.nan_to_num(nan=0.0).median())
    warns = not cosine >= _COSINE
    return Check.of(
        "gradient-sanity",
        {"n": len(rows), "n_not_finite": n_broken, "median_cosine": cosine},
        f"Slopes from the gradient and from finite differences have a median cosine of {cosine:.2f} over {len(rows)} "
        f"images{f', {n_broken} of them without finite slopes' if n_broken else ''}"
        f"{'; the gradient does not describe the model' if warns else ''}.",
        warns=warns,
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
    """If the label leads by more than 20, attack again with logits divided so that the median of such leads is 10.

    Args:
        subject: What is audited.
        attack: Name of an attack on the cross-entropy.
        withstood: bool (n,), the images that withstood it.

    Returns:
        A warning if the second attack leaves fewer right by more than the tolerance.
    """
    rows = subject.right.nonzero().squeeze(1)
    gaps = -margin(subject.logits[rows], subject.labels[rows])
    n_zero = int((cross_entropy(subject.logits[rows], subject.labels[rows]) == 0).sum())
    n_wide, n = int((gaps > _SATURATED_GAP).sum()), len(rows)
    numbers: Numbers = {"n": n, "n_gap_above_20": n_wide, "n_loss_exactly_0": n_zero}
    said = f"The cross-entropy is exactly 0 at {n_zero} and the lead of the label above 20 at {n_wide} of {n} images"
    if n_wide <= _ZERO_SHARE * n:
        return Check.of("saturated-loss", numbers, f"{said}: it is not saturated.", warns=False)
    temperature = float(gaps[gaps > _SATURATED_GAP].median()) / _TARGET_GAP
    before = int(withstood.sum())
    after = int(robust(subject.attack(attack, Tempered(subject.model, temperature))).sum())
    numbers |= {"temperature": temperature, "n_robust": before, "n_robust_tempered": after}
    warns = before - after > subject.tolerance
    verdict = (
        f"after dividing the logits by {temperature:.3g}, {attack} leaves {after} images right instead of {before}"
    )
    advice = "; the cross-entropy attacks overstate the robustness, climb the margin instead" if warns else ""
    return Check.of("saturated-loss", numbers, f"{said}; {verdict}{advice}.", warns=warns)
