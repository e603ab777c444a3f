"""Frames of noise: the image itself, then noise that is drawn anew for each frame."""

from collections.abc import Iterator

from torch import Tensor

from robustsweep.corruptions import noise
from robustsweep.corruptions.corruption import Corruption
from robustsweep.corruptions.sequences.perturbation import Perturbation
from robustsweep.draws import Draws

_SOURCE = "Hendrycks and Dietterich (ICLR 2019), sec. 5"


def _gaussian(images: Tensor, draws: Draws) -> Iterator[Tensor]:
    yield from _noisy(noise.GAUSSIAN_NOISE, 0.02, images, draws)


def _shot(images: Tensor, draws: Draws) -> Iterator[Tensor]:
    yield from _noisy(noise.SHOT_NOISE, 700.0, images, draws)


def _noisy(corruption: Corruption, strength: float, images: Tensor, draws: Draws) -> Iterator[Tensor]:
    yield images
    _, channels, height, width = images.shape
    for _ in range(30):
        fields = corruption.sample(draws, (channels, height, width), (strength,))
        yield corruption.apply(images, (strength,), fields)


GAUSSIAN_NOISE = Perturbation("gaussian_noise", _gaussian, 31, f"{_SOURCE}; standard deviation 0.02")
SHOT_NOISE = Perturbation("shot_noise", _shot, 31, f"{_SOURCE}; 700 photons")
