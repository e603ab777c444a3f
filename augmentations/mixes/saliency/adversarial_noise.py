"""Noise against the network, made from the gradient that a saliency needs anyway.

Source: Kim, Choo and Song, "Puzzle Mix: Exploiting saliency and local statistics for optimal mixup" (ICML 2020) and
the authors' code: a uniform start in [-eps, eps], clipped to valid pixels; one step of eps + 2/255 along the sign of
the gradient there, clipped to the same cube; a share of it, uniform in [0, 1], is added. It is the one-step attack of
Wong, Rice and Kolter, "Fast is better than free" (ICLR 2020), at a random strength.
Difference from the authors' code: what is drawn is drawn for each image, while theirs holds for a batch; images without
noise are seen as they are.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations.method import Step
from robustsweep.augmentations.parts.image_keys import image_keys
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

NOISE_COLUMNS = 5
"""Uniform numbers for an image: chances as image and as partner, the share, and two halves of a key."""
_BEYOND = 2 / 255


@dataclass(frozen=True, eq=False)
class AdversarialNoise:
    """The noise of a batch.

    Attributes:
        as_image: Which images get it if they are the image, bool, shape (N, 1, 1, 1).
        as_partner: Which ones get it if they are the partner.
        share: Of the step, float32 in [0, 1), shape (N, 1, 1, 1).
        start: In units of pixels in [0, 1], float32, shape (N, C, H, W); 0 if no noise is asked for.
        eps: Largest noise, in the same units.
        mean: Of the normalisation, shape (1, C, 1, 1).
        std: Likewise.
    """

    as_image: Tensor
    as_partner: Tensor
    share: Tensor
    start: Tensor
    eps: float
    mean: Tensor
    std: Tensor

    @classmethod
    def drawn(cls, step: Step, numbers: Tensor, probability: float, eps: float) -> "AdversarialNoise":
        """Read the noise of a step's images from their uniform numbers, shape (N, 5).

        Raises:
            UsageError: If the step does not say how its images were normalised.
        """
        if step.mean is None or step.std is None:
            raise UsageError(
                "Adversarial noise needs the range of pixels: give the step the mean and std of its images."
            )
        as_image, as_partner = (numbers[:, :2] < probability).view(-1, 2, 1, 1, 1).unbind(1)
        uniform = Draws(0, "adversarial noise", image_keys(numbers[:, 3:])).uniform(
            *step.images.shape[1:], low=-eps, high=eps, dtype=torch.float32
        )
        pixels = step.images * step.std + step.mean
        start = torch.where(as_image | as_partner, (pixels + uniform).clamp(0, 1) - pixels, torch.zeros_like(pixels))
        return cls(as_image, as_partner, numbers[:, 2].float().view(-1, 1, 1, 1), start, eps, step.mean, step.std)

    def started(self, images: Tensor) -> Tensor:
        """Return the images at which the gradient is to be taken, normalised."""
        return torch.where(self.as_image | self.as_partner, images + self.start / self.std, images)

    def added(self, images: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images with their noise if they are the image, and if they are the partner.

        Args:
            images: Normalised, shape (N, C, H, W).
            gradient: Of the loss with respect to what ``started`` returned.
        """
        noise = self.share * (self.start + (self.eps + _BEYOND) * gradient.sign()).clamp(-self.eps, self.eps)
        noisy = ((images * self.std + self.mean + noise).clamp(0, 1) - self.mean) / self.std
        return torch.where(self.as_image, noisy, images), torch.where(self.as_partner, noisy, images)
