"""Random Erasing: a rectangle of random area, shape and place in some images, the label unchanged.

Source: Zhong, Zheng, Kang, Li and Yang, "Random erasing data augmentation" (AAAI 2020), algorithm 1, and the authors'
code: probability 0.5, area from U(0.02, 0.4), aspect ratio in [0.3, 1 / 0.3], fully inside the image.
Differences from the authors' code: the aspect ratio is log-uniform, as in torchvision and timm, so that tall and wide
rectangles are equally likely (``aspect_distribution="uniform"``, as theirs, makes the median 1.8 times as high as
wide); the fill is the data set's mean, while theirs writes the mean of pixels in [0, 1] into normalised images; ten
attempts at a rectangle that fits, while theirs has a hundred; 1 / 0.3 while they have 3.33.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method, require
from robustsweep.augmentations.parts.image_keys import image_keys, sample_keys
from robustsweep.bounds import PositiveShare, Share
from robustsweep.draws import Draws

_ATTEMPTS = 10


@METHODS.register("random_erasing")
@dataclass(frozen=True)
class RandomErasing(Method):
    """Fills one rectangle inside an image.

    Noise as a fill is in a part of an image after its normalisation, and counts as no overlap with corruptions.

    Attributes:
        probability: Chance that an image has a rectangle, in [0, 1].
        area_low: Least share of the image's area, in [0, 1].
        area_high: Largest share, at least ``area_low``.
        aspect_low: Least height over width, in (0, 1]; the largest is its reciprocal.
        aspect_distribution: ``"log"``: the logarithm of height over width is uniform; ``"uniform"``: it
            is itself.
        fill: ``"mean"``: zero, the data set's mean; ``"normal"``: a standard normal number for each pixel and channel;
            ``"colour"``: one for each channel.
    """

    name = "random_erasing"
    probability: Share = 0.5
    area_low: Share = 0.02
    area_high: Share = 0.4
    aspect_low: PositiveShare = 0.3
    aspect_distribution: Literal["log", "uniform"] = "log"
    fill: Literal["mean", "normal", "colour"] = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.area_low <= self.area_high, self.name, "area_high", "at least area_low", self.area_high)

    def sample(self, draws: Draws) -> Tensor:
        """Draw area and aspect of each attempt, row, column and the chance, all uniform, and a key: shape (N, 25)."""
        return torch.cat([draws.uniform(2 * _ATTEMPTS + 3), sample_keys(draws)], dim=1)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Fill the rectangles; the targets are returned as they came."""
        hole = self.holes(sample, *images.shape[-2:])
        if self.fill == "mean":
            return images.masked_fill(hole, 0.0), targets
        rows, filled = hole.flatten(1).any(1).nonzero()[:, 0], images.clone()
        noise = Draws(0, "random_erasing/fill", image_keys(sample[rows, -2:]))
        shape = images.shape[1:] if self.fill == "normal" else (images.shape[1], 1, 1)
        filled[rows] = torch.where(hole[rows], noise.normal(*shape).to(images.dtype), images[rows])
        return filled, targets

    def holes(self, sample: Tensor, height: int, width: int) -> Tensor:
        """Return where the rectangles are: bool, shape (N, 1, height, width)."""
        area, tilt = sample[:, : 2 * _ATTEMPTS].view(-1, _ATTEMPTS, 2).unbind(2)
        area = height * width * (self.area_low + area * (self.area_high - self.area_low))
        widest = 1 / self.aspect_low
        aspect = self.aspect_low + tilt * (widest - self.aspect_low)
        if self.aspect_distribution == "log":
            aspect = ((2 * tilt - 1) * math.log(widest)).exp()
        heights, widths = (area * aspect).sqrt().round().long(), (area / aspect).sqrt().round().long()
        fits = (heights > 0) & (widths > 0) & (heights < height) & (widths < width)
        first = fits.byte().argmax(1, keepdim=True)
        row, column, chance = sample[:, 2 * _ATTEMPTS : 2 * _ATTEMPTS + 3].unbind(1)
        hole_height, hole_width = (one.gather(1, first).squeeze(1) for one in (heights, widths))
        in_rows = _inside(row, hole_height, height)
        in_columns = _inside(column, hole_width, width)
        is_erased = fits.any(1) & (chance < self.probability)
        return (in_rows.unsqueeze(2) & in_columns.unsqueeze(1) & is_erased.view(-1, 1, 1)).unsqueeze(1)


def _inside(place: Tensor, length: Tensor, n_pixels: int) -> Tensor:
    """Mark the pixels of a stretch that lies fully inside an axis: bool, shape (N, n_pixels)."""
    first = (place * (n_pixels - length + 1)).long().unsqueeze(1)
    pixel = torch.arange(n_pixels, device=place.device)
    return (pixel >= first) & (pixel < first + length.unsqueeze(1))
