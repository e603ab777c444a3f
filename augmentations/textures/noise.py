"""Noise on pixels: on whole images or in a square of each, Gaussian unless told otherwise.

Sources: Lopes, Yin, Poole, Gilmer and Cubuk, "Improving robustness without sacrificing accuracy with Patch Gaussian
augmentation" (arXiv 1906.02611): one square about a centre anywhere, cut by the border, here ``patch=0.8,
sigma_high=1``; Rusak et al., "A simple way to make neural networks robust against diverse image corruptions" (ECCV
2020): Gaussian noise on half of the images, here ``sigma_low=0.5, sigma_high=0.5, probability=0.5``.
Differences: every image draws its deviation, chance and place; noise is neither cut to whole grey levels, as
torchvision's GaussianNoise does with bytes, nor rounded; a square is a fraction of the image's shorter side.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method, require
from robustsweep.augmentations.parts.image_keys import image_keys, sample_keys
from robustsweep.bounds import NotNegative, Share
from robustsweep.draws import Draws

_WHITE = 255.0


@METHODS.register("noise")
@dataclass(frozen=True)
class Noise(Method):
    """Adds noise to the pixels of an image or of a patch; the labels stay.

    Pixels are in [0, 255] and cut to that range, not rounded. No form of it leaves the benchmark's noises unseen.

    Attributes:
        distribution: Of what is added to each pixel and channel: ``"gaussian"`` and ``"uniform"`` with deviation
            sigma; ``"speckle"``: Gaussian times the pixel; ``"impulse"``: with chance sigma it becomes black or white.
        sigma_low: Least sigma, as a share of the range of pixels, not negative.
        sigma_high: Largest sigma, at least ``sigma_low``; each image draws its own, uniformly. At most 1 for impulses.
        probability: Chance that an image has noise, in [0, 1].
        patch: Side of the square that has noise as a fraction of the image's shorter side; 0: the whole image has.
        sparsity: Chance of each pixel and channel to be left as it is, in [0, 1].
    """

    name = "noise"
    distribution: Literal["gaussian", "uniform", "impulse", "speckle"] = "gaussian"
    sigma_low: NotNegative = 0.0
    sigma_high: NotNegative = 0.1
    probability: Share = 1.0
    patch: NotNegative = 0.0
    sparsity: Share = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.sigma_low <= self.sigma_high, self.name, "sigma_high", "at least sigma_low", self.sigma_high)
        if self.distribution == "impulse":
            require(self.sigma_high <= 1, self.name, "sigma_high", "at most 1 for impulses", self.sigma_high)

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """All noises."""
        return "gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"

    def sample(self, draws: Draws) -> Tensor:
        """Draw chance, sigma and the square's centre, all uniform, and a key: shape (N, 6)."""
        return torch.cat([draws.uniform(4), sample_keys(draws)], dim=1)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Add each image's noise: float32 in [0, 255]."""
        noisy, rows = images.float(), (sample[:, 0] < self.probability).nonzero()[:, 0]
        if not len(rows):
            return noisy
        clean, drawn = noisy[rows], sample[rows]
        draws = Draws(0, "noise/pixels", image_keys(drawn[:, 4:]))
        sigma = self.sigma_low + drawn[:, 1] * (self.sigma_high - self.sigma_low)
        changed = self._changed(clean, sigma.float().view(-1, 1, 1, 1), draws).clamp_(0, _WHITE)
        if self.patch:
            changed = torch.where(self.patches(drawn, *images.shape[-2:]), changed, clean)
        if self.sparsity:
            is_left = draws.uniform(*images.shape[1:], dtype=torch.float32) < self.sparsity
            changed = torch.where(is_left, clean, changed)
        noisy[rows] = changed
        return noisy

    def _changed(self, images: Tensor, sigma: Tensor, draws: Draws) -> Tensor:
        shape = images.shape[1:]
        if self.distribution in ("gaussian", "speckle"):
            scale = images if self.distribution == "speckle" else _WHITE
            return images + scale * sigma * draws.normal(*shape)
        uniform = draws.uniform(*shape, dtype=torch.float32)
        if self.distribution == "uniform":
            return images + _WHITE * sigma * math.sqrt(12) * (uniform - 0.5)
        return torch.where(uniform < sigma, torch.where(uniform < sigma / 2, 0.0, _WHITE), images)

    def patches(self, sample: Tensor, height: int, width: int) -> Tensor:
        """Return where the squares are: bool, shape (N, 1, height, width).

        The centre is uniform over pixels if the side is odd, and over the corners of pixels if it is even.
        """
        side = round(self.patch * min(height, width))
        in_rows, in_columns = (_covered(sample[:, 2 + axis], side, n) for axis, n in enumerate((height, width)))
        return (in_rows.unsqueeze(2) & in_columns.unsqueeze(1)).unsqueeze(1)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets


def _covered(place: Tensor, side: int, n_pixels: int) -> Tensor:
    """Mark the pixels of an axis that a square covers: bool, shape (N, n_pixels)."""
    first = (place * (n_pixels + 1 - side % 2)).long().unsqueeze(1) - side // 2
    pixel = torch.arange(n_pixels, device=place.device)
    return (pixel >= first) & (pixel < first + side)
