"""AugMix: three chains of random operations, blended with each other and with the image; consistent predictions.

Source: Hendrycks et al., "AugMix: A simple data processing method to improve robustness and uncertainty" (ICLR 2020)
and the authors' code: k = 3 chains of 1 to 3 operations, weights from Dirichlet(1, 1, 1), the image's own share from
Beta(1, 1), levels from U(0.1, severity), severity 3 on CIFAR (their ImageNet script takes 1), cross-entropy of the
clean view alone, 12 times the Jensen-Shannon divergence of three views that pass the network together.
Differences: every operation draws a level and a sign, also one that uses neither; shifts are in units of the image's
own sides, while the code keeps one constant; the views are blended before the normalisation, which is affine and so
changes nothing; the divergence is computed from logits, so that certain predictions have a finite gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method, Step
from robustsweep.augmentations.parts import tones
from robustsweep.augmentations.parts.geometry import entry, rotation, transform
from robustsweep.bounds import Positive, between
from robustsweep.draws import Draws

_VIEWS, _CHAINS, _DEPTH = 2, 3, 3
# For each view the image's share and the chains' weights; for each chain its depth; for each operation which one it
# is, its level and its sign.
_OPERATION = 3
_CHAIN = 1 + _DEPTH * _OPERATION
_VIEW = 1 + _CHAINS + _CHAINS * _CHAIN


def _whole(level: Tensor, most: float) -> Tensor:
    """Turn a level in [0, 10] into a whole number up to ``most``."""
    return (level * most / 10).long()


_TONES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "autocontrast": lambda images, level: tones.autocontrast(images),
    "equalize": lambda images, level: tones.equalize(images),
    "posterize": lambda images, level: tones.posterize(images, 4 - _whole(level, 4)),
    "solarize": lambda images, level: tones.solarize(images, 256 - _whole(level, 256)),
    "mirror": lambda images, level: images.flip(3),
    "invert": lambda images, level: 255 - images,
    "color": lambda images, level: tones.saturate(images, level * 0.18 + 0.1),
    "contrast": lambda images, level: tones.contrast(images, level * 0.18 + 0.1),
    "brightness": lambda images, level: tones.brighten(images, level * 0.18 + 0.1),
    "sharpness": lambda images, level: tones.sharpen(images, level * 0.18 + 0.1),
}
# Matrices from level, sign, height and width.
_MAPS: dict[str, Callable[[Tensor, Tensor, int, int], Tensor]] = {
    "rotate": lambda level, sign, height, width: rotation(sign * _whole(level, 30), height, width),
    "shear_x": lambda level, sign, height, width: entry(0, 1, sign * level * 0.03),
    "shear_y": lambda level, sign, height, width: entry(1, 0, sign * level * 0.03),
    "translate_x": lambda level, sign, height, width: entry(0, 2, sign * _whole(level, width / 3)),
    "translate_y": lambda level, sign, height, width: entry(1, 2, sign * _whole(level, height / 3)),
}


@METHODS.register("augmix")
@dataclass(frozen=True)
class AugMix(Method):
    """Asks for equal predictions on an image and on two random blends of its distortions.

    Attributes:
        severity: Upper end of the operations' levels, in [0.1, 10].
        jsd_weight: Weight of the Jensen-Shannon divergence; positive.
        all_operations: Whether the operations that overlap the benchmark's corruptions take part; a network trained
            with them has seen what it is tested on.
        operations: Names of the operations that every training uses (class attribute).
        overlapping_operations: Names of those that ``all_operations`` adds (class attribute).
    """

    name = "augmix"
    severity: Annotated[float, between(0.1, 10)] = 3.0
    jsd_weight: Positive = 12.0
    all_operations: bool = False
    operations: ClassVar[tuple[str, ...]] = ("autocontrast", "equalize", "posterize", "solarize", *_MAPS)
    overlapping_operations: ClassVar[tuple[str, ...]] = ("color", "contrast", "brightness", "sharpness")

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of tones, if the overlapping operations take part."""
        return tones.OVERLAPPED if self.all_operations else ()

    def sample(self, draws: Draws) -> Tensor:
        """Draw uniform numbers for both views: shape (N, 68)."""
        return draws.uniform(_VIEWS * _VIEW)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Return the images and their two blends: float32 in [0, 255], shape (3 N, 3, H, W)."""
        views = sample.view(-1, _VIEWS, _VIEW).transpose(0, 1)
        chains = views[:, :, 1 + _CHAINS :].reshape(_VIEWS, -1, _CHAINS, _CHAIN).transpose(1, 2)
        distorted = self._distort(images.expand(_VIEWS, _CHAINS, *images.shape).flatten(0, 2), chains.flatten(0, 2))
        distorted = distorted.view(_VIEWS, _CHAINS, *images.shape)
        # Exponential numbers over their sum are Dirichlet(1, ..., 1).
        weights = -torch.log1p(-views[:, :, 1 : 1 + _CHAINS])
        share = views[:, :, :1]
        weights = (share * weights / weights.sum(2, keepdim=True)).float().view(_VIEWS, -1, _CHAINS, 1, 1, 1)
        clean = images.float()
        blends = (1 - share.float()).view(_VIEWS, -1, 1, 1, 1) * clean
        for chain in range(_CHAINS):
            blends += weights[:, :, chain] * distorted[:, chain]
        return torch.cat([clean, *blends])

    def _distort(self, images: Tensor, chains: Tensor) -> Tensor:
        """Pass each image through its chain; chains are uniform numbers of shape (N, 10)."""
        names = self.operations + (self.overlapping_operations if self.all_operations else ())
        depth = (chains[:, 0] * _DEPTH).long()
        for number, link in enumerate(chains[:, 1:].view(-1, _DEPTH, _OPERATION).unbind(1)):
            chosen = (link[:, 0] * len(names)).long()
            chosen[depth < number] = -1
            level = 0.1 + (self.severity - 0.1) * link[:, 1]
            sign = torch.where(link[:, 2] > 0.5, -1, 1)
            images = apply_operations(names, chosen, images, level, sign)
        return images

    def loss(self, step: Step) -> Tensor:
        """Return the clean view's loss plus the weighted divergence of the three views' predictions."""
        clean, *others = step.network(step.images).chunk(1 + _VIEWS)
        divergence = jensen_shannon(torch.stack([clean, *others]))
        return step.criterion(clean, step.targets).mean() + self.jsd_weight * divergence

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets


def apply_operations(names: tuple[str, ...], chosen: Tensor, images: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """Apply an operation to each image; all affine maps go together.

    Args:
        names: Of the operations.
        chosen: int64, shape (N,): each image's place in ``names``; negative for none.
        images: uint8, shape (N, 3, H, W).
        level: float64 in [0, 10], shape (N,).
        sign: 1 or -1, shape (N,), for rotations, shears and shifts.

    Returns:
        uint8, shape (N, 3, H, W).
    """
    height, width = images.shape[-2:]
    result, map_rows, matrices = images.clone(), [], []
    for number, name in enumerate(names):
        rows = (chosen == number).nonzero()[:, 0]
        if name in _MAPS:
            map_rows.append(rows)
            matrices.append(_MAPS[name](level[rows], sign[rows], height, width))
        elif len(rows):
            result[rows] = _TONES[name](images[rows], level[rows])
    rows = torch.cat(map_rows) if map_rows else chosen[:0]
    if len(rows):
        result[rows] = transform(images[rows], torch.cat(matrices))
    return result


def jensen_shannon(logits: Tensor) -> Tensor:
    """Compute the Jensen-Shannon divergence of several predictions, averaged over images.

    Args:
        logits: Of shape (views, N, K).

    Returns:
        A scalar in [0, log views]: the mean over views of the Kullback-Leibler divergence of a view from the views'
        mean, which is at least 1e-7 inside the logarithm.
    """
    # The logarithm of a probability that underflows would have no finite gradient.
    log_probability = logits.log_softmax(2)
    probability = log_probability.exp()
    log_mean = probability.mean(0).clamp(1e-7, 1.0).log()
    return (probability * (log_probability - log_mean)).sum(2).mean()
