"""Frames that blur the image: motion blur whose direction turns, and a zoom that goes on."""

from collections.abc import Iterator

import torch
from torch import Tensor

from robustsweep.corruptions.blur.motion import motion_blur
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.sequences.perturbation import Perturbation
from robustsweep.corruptions.sequences.warps import affine
from robustsweep.draws import Draws

_RADIUS, _SIGMA = 6, 1.8
_ZOOM_STEP = 0.004


def _turning(images: Tensor, draws: Draws) -> Iterator[Tensor]:
    for k in range(21):
        degrees = torch.full((len(images),), (k - 20) * 9.0, dtype=torch.float64, device=images.device)
        yield motion_blur(images, degrees, _RADIUS, _SIGMA)


def _zooming(images: Tensor, draws: Draws) -> Iterator[Tensor]:
    total = images.to(torch.int32)
    yield images
    for k in range(1, 31):
        total += truncate(affine(scale=1 + _ZOOM_STEP * k).values(images))
        yield (total // (k + 1)).to(torch.uint8)


MOTION_BLUR = Perturbation(
    "motion_blur", _turning, 21, "Hendrycks and Dietterich (ICLR 2019), sec. 5; ImageMagick's MotionBlurImage"
)
ZOOM_BLUR = Perturbation(
    "zoom_blur", _zooming, 31, "Hendrycks and Dietterich (ICLR 2019), sec. 5; the mean of all zooms so far, truncated"
)
