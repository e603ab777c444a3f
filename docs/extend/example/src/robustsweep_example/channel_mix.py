"""A training method: one colour channel of each image is taken from another image, and its label in proportion."""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations import Method
from robustsweep.bounds import Share
from robustsweep.draws import Draws


@dataclass(frozen=True)
class ChannelMix(Method):
    """Replaces one channel by that of the next image of the batch.

    Attributes:
        probability: Share of images that are changed, in [0, 1].
    """

    name = "channelmix"
    probability: Share = 0.5

    def sample(self, draws: Draws) -> Tensor:
        """Draw for each image whether it is changed, and which channel: shape (N, 2)."""
        return draws.uniform(2)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Mix channels and labels; the weight of a label is its share of the pixels."""
        n, channels = images.shape[:2]
        chosen = (sample[:, 1] * channels).long().clamp(max=channels - 1)
        taken = torch.zeros(n, channels, dtype=torch.bool, device=images.device)
        taken[torch.arange(n, device=images.device), chosen] = sample[:, 0] < self.probability
        share = taken.to(targets.dtype).mean(1, keepdim=True)
        mixed = torch.where(taken[:, :, None, None], images.roll(-1, 0), images)
        return mixed, (1 - share) * targets + share * targets.roll(-1, 0)
