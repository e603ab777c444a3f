"""Blends of chains of random distortions with each other and with the image, as AugMix makes them.

Source: Hendrycks et al., "AugMix: A simple data processing method to improve robustness and uncertainty" (ICLR 2020):
weights of three chains from Dirichlet(1, 1, 1), the blend's share from Beta(1, 1), cross-entropy of the clean view and
the weighted Jensen-Shannon divergence of the predictions for it and for two blends.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations.method import Method, Step
from robustsweep.augmentations.parts.image_keys import image_keys, sample_keys
from robustsweep.augmentations.policies.augmix import jensen_shannon
from robustsweep.bounds import NotNegative
from robustsweep.draws import Draws

CHAINS = 3


@dataclass(frozen=True)
class BlendedChains(Method):
    """A method whose views of an image are blends of three chains.

    Attributes:
        jsd_weight: Weight of the Jensen-Shannon divergence, at least 0. With 0 the network sees one blend and nothing
            else; otherwise the image and two blends, at three times the cost.
    """

    jsd_weight: NotNegative = 12.0

    @abstractmethod
    def distorted(self, images: Tensor, keys: Tensor, group: Tensor) -> Tensor:
        """Pass images through a chain each.

        Args:
            images: uint8, shape (R, 3, H, W).
            keys: int64, shape (R,): of the chains; ``Draws`` takes them for ids.
            group: int64, shape (R,): the key of the image that a chain starts from.

        Returns:
            float32 in [0, 255], shape (R, 3, H, W).
        """

    def sample(self, draws: Draws) -> Tensor:
        """Draw the two halves of each image's key, from which ``pixels`` draws all else: shape (N, 2)."""
        return sample_keys(draws)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Return one blend, (N, 3, H, W), or images and two blends, (3 N, 3, H, W): float32 in [0, 255]."""
        views, group = 2 if self.jsd_weight else 1, image_keys(sample)
        draws = Draws(0, f"{self.name}/blend", group)
        share = draws.uniform(views, 1)
        # Exponential numbers over their sum are Dirichlet(1, ..., 1).
        weights = -torch.log1p(-draws.uniform(views, CHAINS))
        weights = share * weights / weights.sum(2, keepdim=True)
        keys = image_keys(draws.uniform(views * CHAINS, 2).flatten(0, 1))
        per_image = views * CHAINS
        chains = self.distorted(images.repeat_interleave(per_image, 0), keys, group.repeat_interleave(per_image)).view(
            len(images), views, CHAINS, *images.shape[1:]
        )
        clean = images.float()
        blends = torch.einsum("nvk,nvkchw->vnchw", weights.float(), chains)
        blends += (1 - share.float()).view(-1, views, 1, 1, 1).transpose(0, 1) * clean
        return torch.cat([clean, *blends]) if self.jsd_weight else blends[0]

    def loss(self, step: Step) -> Tensor:
        """Return the blend's loss, or the clean view's plus the weighted divergence of the three predictions."""
        if not self.jsd_weight:
            return step.criterion(step.network(step.images), step.targets).mean()
        views = torch.stack(step.network(step.images).chunk(3))
        return step.criterion(views[0], step.targets).mean() + self.jsd_weight * jensen_shannon(views)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets
