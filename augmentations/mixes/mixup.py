"""Mixup: the weighted sum of two images and of their labels.

Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization" (ICLR 2018), equation 1.
Difference from the authors' code, which ``per_batch`` takes back: a weight for each image, not one for the batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS
from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.parts.beta import symmetric_beta
from robustsweep.bounds import Positive
from robustsweep.draws import Draws


@METHODS.register("mixup")
@dataclass(frozen=True)
class Mixup(MaskMethod):
    """Mixes with a constant mask drawn from Beta(alpha, alpha).

    Attributes:
        alpha: Positive; 1 on CIFAR in the paper's code.
    """

    name = "mixup"
    alpha: Positive = 1.0

    def sample_shape(self, draws: Draws) -> Tensor:
        """Draw the image's own weight: shape (N, 1)."""
        return symmetric_beta(draws.uniform(1), self.alpha)

    def mask(self, shape: Tensor, height: int, width: int) -> Tensor:
        """Spread each weight over its image."""
        return shape.to(torch.float32).view(-1, 1, 1, 1).expand(-1, 1, height, width)
