"""SaliencyMix: a box of the partner around its most salient pixel, pasted at the same place.

Source: Uddin et al., "SaliencyMix: A saliency guided data augmentation strategy for better regularization" (ICLR 2021)
and the authors' code. Box sides follow CutMix.
Differences: the paper has a box for each image; the authors' code takes one, of the first pair's partner, for the
batch (``per_batch``). If a box would leave the image, it is shifted back (``border="shift"``), so that it keeps the
drawn size; the authors' code clips it (``"clip"``). Their code hands normalised pixels to a saliency for bytes, which
wraps negative ones; here they stay real numbers. They mix with probability 0.5 on CIFAR and 1 on ImageNet; here
``probability`` is 1 unless set.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from robustsweep.augmentations.method import METHODS
from robustsweep.augmentations.mixes.mixing import MixingMethod
from robustsweep.augmentations.parts.beta import symmetric_beta
from robustsweep.augmentations.parts.saliency import fine_grained_saliency
from robustsweep.augmentations.parts.windows import distance_outside, outer
from robustsweep.bounds import Positive
from robustsweep.draws import Draws

Border = Literal["shift", "clip"]


@METHODS.register("saliencymix")
@dataclass(frozen=True)
class SaliencyMix(MixingMethod):
    """Pastes a box whose sides are sqrt(1 - lambda) of the image's, centred on the partner's saliency maximum.

    Attributes:
        alpha: Positive; lambda is drawn from Beta(alpha, alpha), 1 in the paper.
        border: What happens to a box that would leave the image: ``"shift"`` or ``"clip"``.
    """

    name = "saliencymix"
    alpha: Positive = 1.0
    border: Border = "shift"

    def sample_shape(self, draws: Draws) -> Tensor:
        """Draw lambda before clipping: shape (N, 1)."""
        return symmetric_beta(draws.uniform(1), self.alpha)

    def blend(self, shape: Tensor, partners: Tensor) -> tuple[Tensor, Tensor]:
        """Return 0 in the box and 1 around it; and the partners as they came."""
        height, width = partners.shape[-2:]
        saliency = fine_grained_saliency(partners[:1] if self.per_batch else partners)
        peak = saliency.flatten(1).argmax(1).expand(len(partners))
        side = (1 - shape[:, 0]).sqrt()
        in_rows = self._covered(peak // width, (side * height).long() // 2, height)
        in_columns = self._covered(peak % width, (side * width).long() // 2, width)
        return 1 - outer(in_rows, in_columns), partners

    def _covered(self, centre_pixel: Tensor, half: Tensor, n_pixels: int) -> Tensor:
        """Return which pixels of one axis lie in the box: shape (N, n_pixels)."""
        if self.border == "shift":
            centre_pixel = centre_pixel.maximum(half).minimum(n_pixels - half)
        # The middle of the pixel, so that rounding cannot reach its neighbour.
        return distance_outside((centre_pixel + 0.5) / n_pixels, half, n_pixels) <= 0
