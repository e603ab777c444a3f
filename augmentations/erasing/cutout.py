"""Cutout: a square hole in every image, the label unchanged.

Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with Cutout" (arXiv 1708.04552),
section 3.2; lengths from section 4: 16 of 32 pixels for CIFAR-10, 8 of 32 for CIFAR-100.
Difference: the length is a fraction of the image's shorter side, so that it means the same at every size.
"""

from dataclasses import dataclass

from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method
from robustsweep.augmentations.parts.windows import distance_outside
from robustsweep.bounds import Share
from robustsweep.draws import Draws


@METHODS.register("cutout")
@dataclass(frozen=True)
class Cutout(Method):
    """Fills one square with zero, which is the data set's mean because images are normalised.

    The hole's centre is uniform over the pixels, so the border clips holes near it; its side is twice the half
    length, rounded down, so that an odd length loses a pixel.

    Attributes:
        length: Side of the hole as a fraction of the image's shorter side, in [0, 1].
    """

    name = "cutout"
    length: Share = 0.5

    def sample(self, draws: Draws) -> Tensor:
        """Draw the hole's centre as fractions of height and width: shape (N, 2)."""
        return draws.uniform(2)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Cut one hole in each image; the targets are returned as they came."""
        height, width = images.shape[-2:]
        half = sample.new_tensor(round(self.length * min(height, width)) // 2).long()
        in_rows = distance_outside(sample[:, 0], half, height) <= 0
        in_columns = distance_outside(sample[:, 1], half, width) <= 0
        hole = (in_rows.unsqueeze(2) & in_columns.unsqueeze(1)).unsqueeze(1)
        return images.masked_fill(hole, 0.0), targets
