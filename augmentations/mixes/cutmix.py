"""CutMix: a hard-edged box of the partner, pasted into the image.

Source: Yun et al., "CutMix: Regularization strategy to train strong classifiers with localizable features" (ICCV 2019),
section 3.1 and the authors' code for rounding: the side is cut to whole pixels, then halved with the rest dropped.
Difference from the authors' code, which ``per_batch`` takes back: a box for each image, not one for the batch. Their
code mixes a batch with probability 0.5 on CIFAR and 1 on ImageNet; here ``probability`` is 1 unless set.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS
from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.parts.beta import symmetric_beta
from robustsweep.augmentations.parts.windows import distance_outside, outer
from robustsweep.bounds import Positive
from robustsweep.draws import Draws


@METHODS.register("cutmix")
@dataclass(frozen=True)
class CutMix(MaskMethod):
    """Pastes a box whose sides are sqrt(1 - lambda) of the image's, lambda drawn from Beta(alpha, alpha).

    The box's centre is uniform over the pixels; the border clips the box, and the label follows what is left of it.

    Attributes:
        alpha: Positive; 1 in the paper.
    """

    name = "cutmix"
    alpha: Positive = 1.0

    def sample_shape(self, draws: Draws) -> Tensor:
        """Draw lambda before clipping, and the centre as fractions of height and width: shape (N, 3)."""
        return torch.cat([symmetric_beta(draws.uniform(1), self.alpha), draws.uniform(2)], dim=1)

    def mask(self, shape: Tensor, height: int, width: int) -> Tensor:
        """Return 0 in the box and 1 around it."""
        side = (1 - shape[:, 0]).sqrt()
        in_rows = distance_outside(shape[:, 1], (side * height).long() // 2, height) <= 0
        in_columns = distance_outside(shape[:, 2], (side * width).long() // 2, width) <= 0
        return 1 - outer(in_rows, in_columns)
