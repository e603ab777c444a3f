"""Published spreads over training seeds: to plan with, before a run has its own.

Source of the seeds' standard deviations: the results of Siedel et al. in the repository
Georgsiedel/soft_label_random_augmentation at 115a648, WRN-28-4, five seeds of each of 23 (CIFAR-10), 88 (CIFAR-100) and
32 (Tiny-ImageNet) configurations, pooled over these.

Image noise is taken cautiously, as twice the standard deviation over images of the difference of two networks that were
trained alike, ResNets of 20 and 32 layers (akamaster/pytorch_resnet_cifar10), measured with this package on 600 images
of CIFAR-10 with the corruptions of CIFAR-10-C (single corruptions: the median of the 15). Twice, since methods differ
by more than seeds, and since errors are more frequent with more classes. Averaging over seeds makes it smaller.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from robustsweep.results.statistics.spreads import Spread

NETWORK = "WRN-28-4"
SOURCE = "Georgsiedel/soft_label_random_augmentation at 115a648"


@dataclass(frozen=True, slots=True)
class PublishedSpreads:
    """Spreads of one data set.

    Attributes:
        title: The data set.
        classes: Its classes.
        configurations: Configurations with five seeds each.
        seeds: Standard deviation over training seeds by name of the score, in percentage points.
    """

    title: str
    classes: int
    configurations: int
    seeds: Mapping[str, float]

    def spread(self, score: str) -> Spread | None:
        """Return the spread of a score by its name, with cautious image noise; None if none is stored."""
        if score not in self.seeds:
            return None
        images = _AT_MOST * _IMAGES.get(score, _IMAGES_OF_ONE_CORRUPTION)
        return Spread((self.seeds[score] / 100) ** 2, 0.0, images**2)


_IMAGES = {"clean_error": 0.220, "mean_corruption_error": 0.116}
_IMAGES_OF_ONE_CORRUPTION = 0.229
_AT_MOST = 2
_SCORES = ("clean", "mean_corruption", "gaussian_noise", "impulse_noise", "pixelate", "brightness")


def _published(title: str, classes: int, configurations: int, *seeds: float) -> PublishedSpreads:
    named = {f"{name}_error": sd for name, sd in zip(_SCORES, seeds, strict=True)}
    return PublishedSpreads(title, classes, configurations, named)


PUBLISHED = (
    _published("CIFAR-10", 10, 23, 0.13, 0.50, 1.74, 1.11, 1.69, 0.15),
    _published("CIFAR-100", 100, 88, 0.32, 0.54, 1.15, 2.37, 1.62, 0.35),
    _published("Tiny-ImageNet", 200, 32, 0.44, 1.36, 1.12, 1.02, 1.52, 1.55),
)


def nearest_published(classes: int) -> PublishedSpreads:
    """Return the spreads of the data set whose number of classes is nearest, by ratio."""
    return min(PUBLISHED, key=lambda one: abs(math.log(max(1, classes) / one.classes)))
