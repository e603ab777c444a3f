"""PixMix: sums and products of an image with a picture of a mixing set and with distortions of itself.

Source: Hendrycks et al., "PixMix: Dreamlike pictures comprehensively improve safety measures" (CVPR 2022) and the
authors' code: a picture for each image and epoch, the same in all rounds; an operation of AugMix first, with chance
one half; then 0 to 4 rounds, each with a fresh operation of the original image or with the picture, added or
multiplied; clipped after each. The label stays.
Differences from the authors' code: their mixing set, whose licence is not stated, is replaced by fractals drawn here
(``fractals``), so that results are not those of the paper; a folder of theirs can be named. Their released networks
use the four operations that overlap the corruptions (``all_operations``), here left out unless asked for. Pictures are
an eighth larger than the images, as theirs on CIFAR, at any size. Operations are AugMix's (see there); the rounds
take place before the normalisation and in float32.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS
from robustsweep.augmentations.policies.augmix import AugMix, apply_operations
from robustsweep.augmentations.textures.arithmetic import added, multiplied, weights
from robustsweep.augmentations.textures.texture_method import TextureMethod
from robustsweep.bounds import between
from robustsweep.draws import Draws

# Which picture and where; whether an operation comes first, and which, its level and its sign; how many rounds.
_START = 3 + 4 + 1
# Whether its own operation is mixed in, and which, its level and its sign; sum or product; the two weights.
_ROUND = 4 + 1 + 3


@METHODS.register("pixmix")
@dataclass(frozen=True)
class PixMix(TextureMethod):
    """Mixes each image a few times with a texture or with a distortion of itself; the labels stay.

    See ``TextureMethod`` for what it has in common with others.

    Attributes:
        rounds: Most mixes of an image, at most 100; 4 in the paper.
    """

    name = "pixmix"
    rounds: Annotated[int, between(0, 100)] = 4
    operations = AugMix.operations
    overlapping_operations = AugMix.overlapping_operations

    def sample(self, draws: Draws) -> Tensor:
        """Draw uniform numbers: shape (N, 8 + 8 rounds)."""
        return draws.uniform(_START + _ROUND * self.rounds)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Mix: float32 in [0, 255], shape (N, 3, H, W)."""
        start, rounds = sample[:, :_START], sample[:, _START:].view(len(sample), self.rounds, _ROUND)
        n_rounds = (start[:, 7] * (self.rounds + 1)).long()
        operations = torch.cat([start[:, None, 3:7], rounds[:, :, :4]], dim=1)
        is_own = operations[:, :, 0] < 0.5
        is_own[:, 1:] &= torch.arange(self.rounds, device=sample.device) < n_rounds.unsqueeze(1)
        # Every operation starts from the original: those of all rounds go together.
        row, place = is_own.nonzero(as_tuple=True)
        distorted = self._distorted(images[row], operations[row, place, 1:]).float()
        pictures = self.mixing_set(images).parts(start[:, :3], *images.shape[-2:])
        mixed = images.float()
        mixed[row[place == 0]] = distorted[place == 0]
        for number, drawn in enumerate(rounds.unbind(1)):
            rows = (n_rounds > number).nonzero()[:, 0]
            others = pictures.float()
            others[row[place == number + 1]] = distorted[place == number + 1]
            mixed[rows] = self._mixed(mixed[rows], others[rows], drawn[rows, 4:])
        return mixed

    def _distorted(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Apply an operation to each image; which, its level and its sign are uniform numbers (N, 3)."""
        chosen = (drawn[:, 0] * len(self.operation_names)).long()
        level = 0.1 + (self.severity - 0.1) * drawn[:, 1]
        return apply_operations(self.operation_names, chosen, images, level, torch.where(drawn[:, 2] > 0.5, -1, 1))

    def _mixed(self, images: Tensor, others: Tensor, drawn: Tensor) -> Tensor:
        """Add to or multiply each image by another; drawn are uniform numbers (N, 4)."""
        weight = weights(drawn[:, 1], drawn[:, 2:], self.beta)
        is_sum = drawn[:, 0] < 0.5
        mixed = torch.empty_like(images)
        mixed[is_sum] = added(images[is_sum], others[is_sum], weight[is_sum])
        mixed[~is_sum] = multiplied(images[~is_sum], others[~is_sum], weight[~is_sum])
        return mixed
