"""Soft cutout: SmoothMix's mask as dropout of pixels, nothing mixed in and the label unchanged.

Source: Lee, Zaheer, Astrid and Lee, "SmoothMix: A simple yet effective data augmentation to train robust classifiers"
(CVPR workshops 2020) for the masks, DeVries and Taylor, "Improved regularization of convolutional neural networks with
Cutout" (arXiv 1708.04552) for what is done with them. Neither paper evaluates the two together: it is an ablation that
keeps SmoothMix's soft edges without its labels, as Cutout keeps CutMix's hard ones.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method
from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.mixes.smoothmix_c import SmoothMixC
from robustsweep.augmentations.mixes.smoothmix_s import SmoothMixS
from robustsweep.draws import Draws

Edge = Literal["gaussian", "linear"]
_MASKS: dict[str, MaskMethod] = {"gaussian": SmoothMixC(), "linear": SmoothMixS()}


@METHODS.register("soft_cutout")
@dataclass(frozen=True)
class SoftCutout(Method):
    """Fades one region to zero, which is the data set's mean because images are normalised.

    Attributes:
        edge: ``"gaussian"`` for the ellipse of ``smoothmix_c``, ``"linear"`` for the square of ``smoothmix_s``, each
            with its default parameters.
    """

    name = "soft_cutout"
    edge: Edge = "gaussian"

    def sample(self, draws: Draws) -> Tensor:
        """Draw the mask's shape as the SmoothMix of that edge does."""
        return _MASKS[self.edge].sample_shape(draws)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply each image by its mask; the targets are returned as they came."""
        return images * _MASKS[self.edge].mask(sample, *images.shape[-2:]).to(images.dtype), targets
