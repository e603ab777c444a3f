"""The one mixing rule: a mask says what each pixel comes from, and its mean says what the label comes from.

With mask G, image x_a and partner x_b: x = G x_a + (1 - G) x_b and y = lambda y_a + (1 - lambda) y_b, lambda = mean(G).
A method supplies only G and what it makes of x_b, so its images and labels cannot disagree.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations.method import Method
from robustsweep.bounds import Share
from robustsweep.draws import Draws


def mix(
    images: Tensor, targets: Tensor, partners: Tensor, mask: Tensor, partner_images: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mix every image and its target with those of its partner.

    Args:
        images: Floating point, shape (N, C, H, W).
        targets: Class probabilities, floating point, shape (N, K).
        partners: int64, shape (N,): the partner of each image, a row of the batch.
        mask: float32 in [0, 1], shape (N, 1, H, W): the share of the image itself in each pixel.
        partner_images: What is mixed in, of the images' shape; unless given, the partners as they are.

    Returns:
        The mixed images and targets, of the shapes and dtypes that came in. Under a mask of exactly 1 or 0, finite
        pixels are those of the image or of its partner, bit for bit.

    Raises:
        ValueError: If the mask's shape is not (N, 1, H, W).
    """
    expected = (images.shape[0], 1, *images.shape[2:])
    if mask.shape != expected:
        raise ValueError(f"A mask for these images has shape {expected}, got {tuple(mask.shape)}.")
    own = mask.to(images.dtype)
    mixed = own * images + (1 - own) * (images[partners] if partner_images is None else partner_images)
    weight = mask.mean((1, 2, 3), dtype=torch.float64).to(targets.dtype).unsqueeze(1)
    return mixed, weight * targets + (1 - weight) * targets[partners]


def pair(keys: Tensor) -> Tensor:
    """Return the permutation that sorts ``keys``, shape (N,): a uniform one for uniform keys, fixed points included."""
    return torch.argsort(keys, stable=True)


@dataclass(frozen=True)
class MixingMethod(Method):
    """A method that mixes pairs of images, whose partners are a random permutation of the batch.

    Difference from the published code of all these methods, which draws one mask for a batch: one for each image,
    unless ``per_batch`` asks for the published way.

    Attributes:
        probability: Chance that an image is mixed at all, in [0, 1]; of the whole batch if ``per_batch`` is set.
        per_batch: Whether the draws of a batch's first image (chance and mask) hold for all of its images.
    """

    probability: Share = 1.0
    per_batch: bool = False

    @abstractmethod
    def sample_shape(self, draws: Draws) -> Tensor:
        """Draw what the mask is made of, in units of the image's sides: float64, shape (N, P)."""

    @abstractmethod
    def blend(self, shape: Tensor, partners: Tensor) -> tuple[Tensor, Tensor]:
        """Build the share of the image itself in each pixel, and what the other share is of.

        Args:
            shape: Rows of ``sample_shape``, shape (N, P).
            partners: Floating point, shape (N, C, H, W): the partner of each image.

        Returns:
            The mask, float32 in [0, 1], shape (N, 1, H, W); and the partners, transformed or as they came.
        """

    def sample(self, draws: Draws) -> Tensor:
        """Draw each image's pairing key and chance (two uniform numbers), then its mask's shape."""
        return torch.cat([draws.uniform(2), self.sample_shape(draws)], dim=1)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Mix one batch; see ``Method.apply``."""
        partners = pair(sample[:, 0])
        if self.per_batch:
            sample = sample[:1].expand(len(sample), -1)
        mask, partner_images = self.blend(sample[:, 2:], images[partners])
        is_mixed = (sample[:, 1] < self.probability).view(-1, 1, 1, 1)
        return mix(images, targets, partners, torch.where(is_mixed, mask, torch.ones_like(mask)), partner_images)


@dataclass(frozen=True)
class MaskMethod(MixingMethod):
    """A mixing method whose mask does not depend on the images and whose partners stay as they are."""

    @abstractmethod
    def mask(self, shape: Tensor, height: int, width: int) -> Tensor:
        """Build the share of the image itself in each pixel.

        Args:
            shape: Rows of ``sample_shape``, shape (N, P).
            height: Pixels.
            width: Pixels.

        Returns:
            float32 in [0, 1], shape (N, 1, height, width).
        """

    def blend(self, shape: Tensor, partners: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mask, and the partners as they came."""
        return self.mask(shape, *partners.shape[-2:]), partners
