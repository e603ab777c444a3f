"""Soft cutout: SmoothMix's mask as dropout of pixels, nothing mixed in and the label unchanged.

Source: Lee, Zaheer, Astrid and Lee, "SmoothMix: A simple yet effective data augmentation to train robust classifiers"
(CVPR workshops 2020) for the masks, DeVries and Taylor, "Improved regularization of convolutional neural networks with
Cutout" (arXiv 1708.04552) for what is done with them. Neither paper evaluates the two together: it is an ablation that
keeps SmoothMix's soft edges without its labels, as Cutout keeps CutMix's hard ones.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method, require
from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.mixes.smoothmix_c import SmoothMixC
from robustsweep.augmentations.mixes.smoothmix_s import SmoothMixS
from robustsweep.bounds import NotNegative, Positive
from robustsweep.draws import Draws

Edge = Literal["gaussian", "linear"]
# What the mask of the other edge would take; here, nothing would read it.
_OTHERS: dict[str, dict[str, float]] = {
    "gaussian": {"border_ratio": 0.2},
    "linear": {"sigma_low": 0.25, "sigma_high": 0.5},
}


@METHODS.register("soft_cutout")
@dataclass(frozen=True)
class SoftCutout(Method):
    """Fades one region to zero, which is the data set's mean because images are normalised.

    Attributes:
        edge: ``"gaussian"`` for the ellipse of ``smoothmix_c``, ``"linear"`` for the square of ``smoothmix_s``.
        border_ratio: k of the square, not negative.
        sigma_low: Smallest standard deviation of the ellipse as a fraction of the side; positive.
        sigma_high: Largest, at least ``sigma_low``.
    """

    name = "soft_cutout"
    edge: Edge = "gaussian"
    border_ratio: NotNegative = 0.2
    sigma_low: Positive = 0.25
    sigma_high: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.sigma_high >= self.sigma_low, self.name, "sigma_high", "at least sigma_low", self.sigma_high)
        for key, value in _OTHERS[self.edge].items():
            given = getattr(self, key)
            require(given == value, self.name, key, f"left alone with edge={self.edge!r}, which has none", given)

    @property
    def _shape(self) -> MaskMethod:
        """The method whose mask is taken."""
        if self.edge == "gaussian":
            return SmoothMixC(sigma_low=self.sigma_low, sigma_high=self.sigma_high)
        return SmoothMixS(border_ratio=self.border_ratio)

    def sample(self, draws: Draws) -> Tensor:
        """Draw the mask's shape as the SmoothMix of that edge does."""
        return self._shape.sample_shape(draws)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply each image by its mask; the targets are returned as they came."""
        return images * self._shape.mask(sample, *images.shape[-2:]).to(images.dtype), targets
