"""Gaussian, shot, impulse and speckle noise: each colour value is changed on its own."""

from functools import lru_cache

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import grey_levels
from robustsweep.draws import Draws

_SOURCE = "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions (ICLR 2019), sec. 3"


def _sample_normal(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return (draws.normal(*shape),)


def _add_gaussian(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (std,) = parameters
    return images + fields[0] * std


def _add_speckle(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (std,) = parameters
    return images + images * fields[0] * std


def _sample_words(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return (draws.words(*shape),)


@lru_cache(maxsize=5)
def poisson_thresholds(photons: int) -> Tensor:
    """Tabulate the Poisson distribution functions of all grey levels.

    Counts beyond ``photons`` all clip to white, so that each level needs ``photons`` thresholds only.

    Returns:
        Sorted int64 tensor of 256 * photons entries: for level k, ``k * 2**33 + round(2**32 * P(count <= j))`` with
        j = 0 .. photons - 1 and rate k / 255 * photons.
    """
    level = torch.arange(256, dtype=torch.float64).unsqueeze(1)
    rate = level / 255.0 * photons
    count = torch.arange(photons, dtype=torch.float64)
    log_probability: Tensor = torch.special.xlogy(count, rate) - rate - torch.lgamma(count + 1.0)
    cumulative = log_probability.exp().cumsum(1).clamp_(max=1.0)
    return (level.to(torch.int64) * 2**33 + (cumulative * 2.0**32).round().to(torch.int64)).flatten()


def _shoot(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    photons = int(parameters[0])
    thresholds = poisson_thresholds(photons).to(images.device)
    level = grey_levels(images).to(torch.int64)
    count = torch.searchsorted(thresholds, (level << 33) + fields[0], right=True) - level * photons
    brightness = (torch.arange(photons + 1, dtype=torch.float64) / photons).to(torch.float32)
    return brightness.to(images.device)[count]


def _salt_and_pepper(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (amount,) = parameters
    changed = round(amount * 2**32)
    noisy = images.masked_fill(fields[0] < changed, 0.0)
    return noisy.masked_fill_(fields[0] < changed // 2, 1.0)


GAUSSIAN_NOISE = Corruption(
    name="gaussian_noise",
    group="noise",
    sample=_sample_normal,
    apply=_add_gaussian,
    # standard deviation
    severities=severities(
        cifar=(0.04, 0.06, 0.08, 0.09, 0.10),
        tiny=(0.04, 0.08, 0.12, 0.15, 0.18),
        imagenet=(0.08, 0.12, 0.18, 0.26, 0.38),
        inception=(0.09, 0.13, 0.19, 0.27, 0.40),
    ),
    source=_SOURCE,
)

SHOT_NOISE = Corruption(
    name="shot_noise",
    group="noise",
    sample=_sample_words,
    apply=_shoot,
    # photons that make white
    severities=severities(
        cifar=(500, 250, 100, 75, 50),
        tiny=(250, 100, 50, 30, 15),
        imagenet=(60, 25, 12, 5, 3),
        inception=(50, 20, 10, 5, 3),
    ),
    source=f"{_SOURCE}; the Poisson counts by inversion of tabulated distribution functions, off by at most 2**-33",
)

IMPULSE_NOISE = Corruption(
    name="impulse_noise",
    group="noise",
    sample=_sample_words,
    apply=_salt_and_pepper,
    # fraction of colour values (not of pixels) that turn white or black
    severities=severities(
        cifar=(0.01, 0.02, 0.03, 0.05, 0.07),
        tiny=(0.01, 0.02, 0.05, 0.08, 0.14),
        imagenet=(0.03, 0.06, 0.09, 0.17, 0.27),
        inception=(0.04, 0.07, 0.10, 0.18, 0.28),
    ),
    source=f"{_SOURCE}; one uniform number per value instead of two, the same distribution",
)

SPECKLE_NOISE = Corruption(
    name="speckle_noise",
    group="noise",
    sample=_sample_normal,
    apply=_add_speckle,
    # standard deviation for white
    severities=severities(
        cifar=(0.06, 0.1, 0.12, 0.16, 0.2),
        tiny=(0.15, 0.2, 0.25, 0.3, 0.35),
        imagenet=(0.15, 0.2, 0.35, 0.45, 0.6),
        inception=(0.16, 0.21, 0.36, 0.46, 0.61),
    ),
    source=_SOURCE,
    extra=True,
)
