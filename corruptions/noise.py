"""Gaussian, shot, impulse and speckle noise: each colour value is changed on its own."""

from functools import lru_cache

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws

_SOURCE = "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions (ICLR 2019), sec. 3"


def _sample_normal(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return (draws.normal(*shape),)


def _added(images: Tensor, noise: Tensor, std: float) -> Tensor:
    return truncate(noise.mul(255.0 * std).add_(images))


def _add_gaussian(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    return _added(images, fields[0], parameters[0])


def _multiplied(images: Tensor, noise: Tensor, std: float) -> Tensor:
    return truncate(noise.mul(std).add_(1.0).mul_(images))


def _add_speckle(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    return _multiplied(images, fields[0], parameters[0])


def _sample_words(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return (draws.words(*shape),)


def poisson_law(photons: int) -> Tensor:
    """Tabulate how shot noise spreads each grey level over the grey levels.

    Returns:
        float64 tensor (256, 256): row k is the distribution of the clipped and truncated level of ``count / photons``,
        the count being Poisson with mean ``k / 255 * photons``.
    """
    rate = torch.arange(256, dtype=torch.float64).unsqueeze(1) / 255.0 * photons
    count = torch.arange(photons, dtype=torch.float64)
    probability = (torch.special.xlogy(count, rate) - rate - torch.lgamma(count + 1.0)).exp()
    level = (count / photons * 255.0).to(torch.int64)
    law = torch.zeros((256, 256), dtype=torch.float64).index_add_(1, level, probability)
    # All counts from ``photons`` upwards clip to white.
    law[:, 255] += (1.0 - law.sum(1)).clamp_(min=0.0)
    return law


@lru_cache(maxsize=20)
def alias_tables(photons: int, device: torch.device) -> Tensor:
    """Write the distributions of shot noise as alias tables.

    A uniform column j of 256 is kept with the entry's probability and else replaced by the entry's alias.
    Source: Walker, "An efficient method for generating discrete random variables with general distributions" (1977);
    the distributions are met to 2**-32.

    Returns:
        int32 tensor (65536,): entry 256 * level + j holds the probability in its upper 24 bits, as unsigned
        multiple of 2**-24, and the alias in its lower 8.
    """
    entries = torch.empty((256, 256), dtype=torch.int64)
    for level, law in enumerate((poisson_law(photons) * 256.0).tolist()):
        small = [j for j in range(256) if law[j] < 1.0]
        large = [j for j in range(256) if law[j] >= 1.0]
        kept, alias = [1.0] * 256, list(range(256))
        while small and large:
            poor, rich = small.pop(), large[-1]
            kept[poor], alias[poor] = law[poor], rich
            law[rich] -= 1.0 - law[poor]
            if law[rich] < 1.0:
                small.append(large.pop())
        for j in range(256):
            entries[level, j] = min(round(kept[j] * 2**24), 2**24 - 1) << 8 | alias[j]
    return entries.flatten().to(torch.int32).to(device)


def _looked_up(images: Tensor, words: Tensor, tables: Tensor) -> Tensor:
    """Draw from each grey level's distribution with one word, int32 (N, 3, H, W), per value."""
    column = (words >> 24).bitwise_and_(255)
    index = images.to(torch.int32).bitwise_left_shift_(8).bitwise_or_(column)
    entry = tables.index_select(0, index.view(-1)).view(index.shape)
    alias = entry & 255
    # All ones where the entry's probability is above the rest of the word, so that the column is kept.
    kept = (words & 0xFFFFFF).sub_(entry.bitwise_right_shift_(8).bitwise_and_(0xFFFFFF)).bitwise_right_shift_(31)
    return column.bitwise_xor_(alias).bitwise_and_(kept).bitwise_xor_(alias).to(torch.uint8)


def _replaced(images: Tensor, words: Tensor, limits: Tensor) -> Tensor:
    """Whiten values whose word, halved, is below the first limit, and blacken those below the second; all int32."""
    # Halved, words and limits can be subtracted; the sign of the difference then fills all bits.
    words = (words >> 1).bitwise_and_(2**31 - 1)
    pepper = (words - limits[1]).bitwise_right_shift_(31)
    salt = words.sub_(limits[0]).bitwise_right_shift_(31)
    return pepper.bitwise_not_().bitwise_and_(images).bitwise_or_(salt).to(torch.uint8)


def _shoot(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    tables = alias_tables(int(parameters[0]), images.device)
    return _looked_up(images, fields[0].view(torch.int32), tables)


def _salt_and_pepper(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (amount,) = parameters
    limits = torch.tensor([amount / 2.0, amount], dtype=torch.float64).mul_(2.0**31).round_().to(torch.int32)
    return _replaced(images, fields[0].view(torch.int32), limits.to(images.device))


GAUSSIAN_NOISE = Corruption(
    name="gaussian_noise",
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
    sample=_sample_words,
    apply=_shoot,
    # photons that make white
    severities=severities(
        cifar=(500, 250, 100, 75, 50),
        tiny=(250, 100, 50, 30, 15),
        imagenet=(60, 25, 12, 5, 3),
        inception=(50, 20, 10, 5, 3),
    ),
    source=f"{_SOURCE}; the clipped levels by alias tables, probabilities off by at most 2**-32",
)

IMPULSE_NOISE = Corruption(
    name="impulse_noise",
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
)
