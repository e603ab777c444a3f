"""RegMixup: the loss of a batch plus the loss of its Mixup, both in one forward pass.

Source: Pinto, Yang, Lim, Torr and Dokania, "Using Mixup as a regularizer can surprisingly improve accuracy and out
distribution robustness" (NeurIPS 2022) and the authors' code: the network sees the batch and its mixed copy side by
side, so that both share the statistics of batch normalisation; alpha is 20 on CIFAR-10 and 10 on CIFAR-100.
The code averages the loss over all rows, which halves the sum of the two losses; ``average`` is that reading. A sum of
the same two terms has twice the gradient at the same learning rate.
Difference from the authors' code, which ``per_batch`` takes back: a weight for each image, not one for the batch.
Each step costs two forward and backward passes of a batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Step
from robustsweep.augmentations.mixes.mixup import Mixup
from robustsweep.bounds import NotNegative, Positive


@METHODS.register("regmixup")
@dataclass(frozen=True)
class RegMixup(Mixup):
    """Trains on the images as they are and on their Mixup, whose weights lie near one half.

    Attributes:
        alpha: Positive; weights are drawn from Beta(alpha, alpha).
        mix_weight: Weight of the mixed images' loss, at least 0; that of the plain images has weight 1.
        average: Whether the sum of the two is divided by the sum of their weights, as in the authors' code.
    """

    name = "regmixup"
    alpha: Positive = 10.0
    mix_weight: NotNegative = 1.0
    average: bool = True

    def loss(self, step: Step) -> Tensor:
        """Compute the mean loss of the images, plus the weighted one of the mixed images."""
        images, targets = self.apply(step.images, step.targets, step.sample)
        plain, mixed = step.network(torch.cat([step.images, images])).chunk(2)
        loss = step.criterion(plain, step.targets).mean() + self.mix_weight * step.criterion(mixed, targets).mean()
        return loss / (1 + self.mix_weight) if self.average else loss
