"""The losses that attacks climb, one value per image: the larger, the nearer the image is to being misclassified."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from robustsweep.errors import UsageError
from robustsweep.registry import Registry

# What keeps three equal logits from a division by zero; lost in rounding for all others.
_TIE = 1e-12


def _above_zero(loss: Tensor, growth: Tensor) -> Tensor:
    return loss + growth > 0


def _against_the_odds(cross_entropy: Tensor, growth: Tensor) -> Tensor:
    # Of two classes the label's log-odds are the difference of the logits, which is far straighter along a gradient
    # than the cross-entropy of a confident network.
    return growth / -torch.expm1(-cross_entropy) > -torch.expm1(cross_entropy).log()


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss.

    Attributes:
        formula: Maps logits, float32 (n, K), and labels, int64 (n,), to float32 (n,); one with ``targeted`` takes the
            target classes, int64 (n,), as well.
        classes: The fewest classes, K, it is defined for.
        targeted: Whether it leads to one given wrong class per image.
        later: What starts after the first climb instead; None: the same.
        forecast: Maps the losses of images that are classified correctly and their growth along the gradient, both
            float32 (n,), to whether the images will probably be misclassified, bool (n,).
    """

    formula: Callable[..., Tensor]
    classes: int = 2
    targeted: bool = False
    later: Callable[..., Tensor] | None = None
    forecast: Callable[[Tensor, Tensor], Tensor] = _above_zero

    def at_start(self, number: int) -> "Loss":
        """Return what start ``number``, counted from 0, climbs."""
        return self if self.later is None or number == 0 else replace(self, formula=self.later)

    def __call__(self, logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
        """Compute the loss of each image; ``targets`` are used by a targeted loss alone.

        Raises:
            UsageError: If there are too few classes, or a targeted loss has no targets.
        """
        self.check_classes(logits.shape[1])
        if not self.targeted:
            return self.formula(logits, labels)
        if targets is None:
            raise UsageError("A targeted loss needs one target class per image, got none.")
        return self.formula(logits, labels, targets)

    def check_classes(self, classes: int) -> None:
        """Refuse a model with fewer classes than the loss needs.

        Raises:
            UsageError: Saying how many it needs.
        """
        if classes < self.classes:
            name = self.formula.__name__.replace("_", " ")
            raise UsageError(
                f"The {name} needs at least {self.classes} classes, the model has {classes}; "
                "choose an attack on the cross-entropy or the margin."
            )


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the softmax, in nats.

    In float32 the gradient is exactly zero if the true logit leads by more than about 104; the engine warns then.

    Args:
        logits: float32 (n, K).
        labels: int64 (n,).

    Returns:
        float32 (n,).
    """
    return F.cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Largest wrong logit minus the true one: above zero exactly if the image is misclassified.

    It never saturates, but scales with the logits. Arguments and result as for ``cross_entropy``.

    Source: Carlini and Wagner, "Towards evaluating the robustness of neural networks" (IEEE S&P 2017), section V-A,
    f6 without its floor.
    """
    others = logits.scatter(1, labels.unsqueeze(1), -float("inf"))
    return others.max(1).values - _at(logits, labels)


def difference_of_logits_ratio(logits: Tensor, labels: Tensor) -> Tensor:
    """Margin divided by the distance of the largest from the third largest logit.

    It neither saturates nor depends on the scale or offset of the logits, and is 1 at most. Arguments and result as
    for ``cross_entropy``.

    Source: Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
    attacks" (ICML 2020), equation 6; 1e-12 is added to the divisor as in the authors' code.
    """
    top = logits.topk(3, dim=1).values
    return margin(logits, labels) / (top[:, 0] - top[:, 2] + _TIE)


def targeted_difference_of_logits_ratio(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """Target logit minus the true one, divided by the largest logit minus the mean of the third and the fourth.

    Args:
        logits: float32 (n, K).
        labels: int64 (n,).
        targets: int64 (n,), wrong classes.

    Returns:
        float32 (n,).

    Source: as for ``difference_of_logits_ratio``, equation 7.
    """
    top = logits.topk(4, dim=1).values
    return (_at(logits, targets) - _at(logits, labels)) / (top[:, 0] - (top[:, 2] + top[:, 3]) / 2 + _TIE)


def _at(logits: Tensor, classes: Tensor) -> Tensor:
    return logits.gather(1, classes.unsqueeze(1)).squeeze(1)


LOSSES: Registry[Loss] = Registry("loss", Loss)
LOSSES.add("ce", Loss(cross_entropy, forecast=_against_the_odds))
LOSSES.add("margin", Loss(margin))
LOSSES.add("margin-ce", Loss(margin, later=cross_entropy))
LOSSES.add("dlr", Loss(difference_of_logits_ratio, classes=3))
LOSSES.add("dlr-targeted", Loss(targeted_difference_of_logits_ratio, classes=4, targeted=True))
