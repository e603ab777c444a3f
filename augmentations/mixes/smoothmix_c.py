"""SmoothMix-C: a Gaussian ellipse of the partner.

Source: Lee, Zaheer, Astrid and Lee, "SmoothMix: A simple yet effective data augmentation to train robust classifiers"
(CVPR workshops 2020); not the method of the same name for certified robustness (NeurIPS 2021). The authors published
no code for it. What is built here follows published descriptions: centre uniform over the pixels, deviations s W and
s H with s from U(0.25, 0.5), drawn for each axis by itself, peak 1, label weight equal to the normalised mass of the
mask (public ports give that weight to the wrong label, or do not normalise it).
The partner receives the ellipse. The paper gives it to the image itself; with random partners both draw from the
same distribution of batches.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, require
from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.parts.windows import outer
from robustsweep.bounds import Positive
from robustsweep.draws import Draws

Axes = Literal["separate", "shared"]


@METHODS.register("smoothmix_c")
@dataclass(frozen=True)
class SmoothMixC(MaskMethod):
    """Blends in a Gaussian bell; no edge anywhere.

    Attributes:
        sigma_low: Smallest standard deviation as a fraction of the side; positive.
        sigma_high: Largest, at least ``sigma_low``.
        axes: ``"separate"``: a deviation for each axis, an ellipse. ``"shared"``: the first of the two for both, which
            is a circle on a square image, as public ports have it.
    """

    name = "smoothmix_c"
    sigma_low: Positive = 0.25
    sigma_high: float = 0.5
    axes: Axes = "separate"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.sigma_high >= self.sigma_low, self.name, "sigma_high", "at least sigma_low", self.sigma_high)

    def sample_shape(self, draws: Draws) -> Tensor:
        """Draw deviations and centre as fractions of height and width: shape (N, 4)."""
        return torch.cat([draws.uniform(2, low=self.sigma_low, high=self.sigma_high), draws.uniform(2)], dim=1)

    def mask(self, shape: Tensor, height: int, width: int) -> Tensor:
        """Return 1 minus the bell."""
        down, across = shape[:, 0], shape[:, 0 if self.axes == "shared" else 1]
        return 1 - outer(_bell(down, shape[:, 2], height), _bell(across, shape[:, 3], width))


def _bell(sigma: Tensor, centre: Tensor, n_pixels: int) -> Tensor:
    """Return exp(-(j - c)^2 / (2 sigma^2)) along one axis: float64, shape (N, n_pixels)."""
    pixel = torch.arange(n_pixels, device=centre.device)
    offset = pixel - (centre * n_pixels).long().unsqueeze(1)
    return torch.exp(-0.5 * (offset / (sigma * n_pixels).unsqueeze(1)) ** 2)
