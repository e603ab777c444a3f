"""Frames that change what lies on the lens, or the light: water that runs down, and brightness that rises."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from robustsweep.corruptions.blur.gaussian import gaussian_blur
from robustsweep.corruptions.digital.colour import BRIGHTNESS as BRIGHTER
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.sequences.perturbation import Perturbation
from robustsweep.corruptions.weather.spatter import WATER, water_mask
from robustsweep.draws import Draws

_MEAN, _STD, _SIGMA, _THRESHOLD, _STRENGTH = 0.6, 0.265, 1.75, 0.7, 0.6
_RUNS_DOWN = 0.8


def _spatter(images: Tensor, draws: Draws) -> Iterator[Tensor]:
    liquid = gaussian_blur(draws.normal(*images.shape[2:]), _SIGMA).mul_(_STD).add_(_MEAN)
    liquid = functional.threshold(liquid, _THRESHOLD, 0.0)
    water = torch.tensor(WATER, dtype=torch.float32, device=images.device).view(1, 3, 1, 1) * _STRENGTH
    for _ in range(31):
        levels = liquid.mul(255.0).to(torch.int32).to(torch.uint8).cpu().numpy()
        mask = torch.from_numpy(np.stack([water_mask(level) for level in levels])).unsqueeze(1).to(images.device)
        yield truncate((mask * water).add_(images))
        above = functional.pad(liquid, (0, 0, 1, 0))[:, :-1]
        liquid = liquid.mul(1 - _RUNS_DOWN).add_(above, alpha=_RUNS_DOWN)


def _brightness(images: Tensor, draws: Draws) -> Iterator[Tensor]:
    for k in range(31):
        yield BRIGHTER.apply(images, ((k - 15) * 0.015,), ())


SPATTER = Perturbation(
    "spatter", _spatter, 31, "Hendrycks and Dietterich (ICLR 2019), sec. 5; the mask by OpenCV on the CPU", ("opencv",)
)
BRIGHTNESS = Perturbation("brightness", _brightness, 31, "Hendrycks and Dietterich (ICLR 2019), sec. 5")
