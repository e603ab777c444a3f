"""GridMask: a turned grid of squares is hidden, in more and more images as the training goes on.

Source: Chen, Liu, Zhao and Jia, "GridMask data augmentation" (arXiv 2001.04086) and the authors' code for ImageNet:
stripes of ceil(0.6 d) of every d pixels in both directions, d from 96 to 223 of 224; the squares between the stripes
are hidden; the grid is turned by any whole number of degrees; the chance rises from 0 to 0.8 over the first 240 of 300
epochs. Labels stay. What their code calls ``mode=0`` hides the stripes instead.
Differences from the authors' code: lengths are fractions of the image's shorter side; the coordinates of pixels are
turned, while theirs turns a picture of the grid; the chance rises in every step, while theirs does in every epoch.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method, Step, require
from robustsweep.bounds import PositiveShare, Share
from robustsweep.draws import Draws

_SMALLEST_PERIOD = 2
_DEGREES = 360


@METHODS.register("gridmask")
@dataclass(frozen=True)
class GridMask(Method):
    """Fills a grid of squares, or all but them, with zero, the data set's mean.

    Attributes:
        period_low: Least period of the grid as a fraction of the image's shorter side, in (0, 1].
        period_high: Fraction below which periods lie, at least ``period_low``.
        ratio: Width of the stripes as a share of the period, in [0, 1].
        delete: What is hidden: the ``"squares"`` between the stripes, or the ``"stripes"``.
        rotation: Whether grids are turned.
        probability: Chance that an image has a grid at the end of the rise, in [0, 1].
        ramp_share: Share of the training over which the chance rises from 0, in [0, 1].
    """

    name = "gridmask"
    period_low: PositiveShare = 0.43
    period_high: PositiveShare = 1.0
    ratio: Share = 0.6
    delete: Literal["squares", "stripes"] = "squares"
    rotation: bool = True
    probability: Share = 0.8
    ramp_share: Share = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.period_low <= self.period_high, self.name, "period_high", "at least period_low", self.period_high)

    def sample(self, draws: Draws) -> Tensor:
        """Draw chance, period, the grid's offsets and its angle, all uniform: shape (N, 5)."""
        return draws.uniform(5)

    def loss(self, step: Step) -> Tensor:
        """Compute the mean loss with the chance of this point of the training."""
        share = min(1.0, step.progress / self.ramp_share) if self.ramp_share else 1.0
        images = self._hidden(step.images, step.sample, self.probability * share)
        return step.criterion(step.network(images), step.targets).mean()

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Hide grids with the full chance; the targets are returned as they came."""
        return self._hidden(images, sample, self.probability), targets

    def _hidden(self, images: Tensor, sample: Tensor, chance: float) -> Tensor:
        rows = (sample[:, 0] < chance).nonzero()[:, 0]
        hidden = images.clone()
        hidden[rows] = images[rows] * self.kept(sample[rows], *images.shape[-2:]).to(images.dtype)
        return hidden

    def kept(self, sample: Tensor, height: int, width: int) -> Tensor:
        """Return where images are kept: bool, shape (N, 1, height, width)."""
        shorter = min(height, width)
        low, high = (max(_SMALLEST_PERIOD, round(end * shorter)) for end in (self.period_low, self.period_high))
        period = (low + (sample[:, 1] * (high - low)).floor()).view(-1, 1, 1)
        # Products such as 0.6 * 15 may lie a rounding above a whole number.
        stripe = (period * self.ratio - 1e-9).ceil()
        is_stripe = torch.zeros((), dtype=torch.bool, device=sample.device)
        for axis, place in enumerate(self._places(sample, height, width)):
            offset = (sample[:, 2 + axis].view(-1, 1, 1) * period).floor()
            is_stripe = is_stripe | ((place - offset).remainder(period) < stripe)
        return (is_stripe if self.delete == "squares" else ~is_stripe).unsqueeze(1)

    def _places(self, sample: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return the row and column of the unturned grid that each pixel lies on: float64, shape (N, H, W)."""
        angle = torch.deg2rad((sample[:, 4] * _DEGREES).floor() * self.rotation).view(-1, 1, 1)
        # About a whole pixel, so that a quarter turn takes pixels to pixels.
        rows = torch.arange(height, dtype=torch.float64, device=sample.device).view(1, -1, 1) - height // 2
        columns = torch.arange(width, dtype=torch.float64, device=sample.device).view(1, 1, -1) - width // 2
        down, across = rows * angle.cos() + columns * angle.sin(), columns * angle.cos() - rows * angle.sin()
        return (down + 0.5).floor(), (across + 0.5).floor()
