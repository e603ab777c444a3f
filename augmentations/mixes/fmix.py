"""FMix: a binary mask of a few random blobs, cut out of low-frequency noise.

Source: Harris et al., "FMix: Enhancing mixed sample data augmentation" (arXiv 2002.12047) and the authors' code: a
complex normal spectrum over the power ``decay`` of the frequency, but at least of 1 / max(H, W); its real inverse
transform, of which the lambda H W highest pixels belong to the image, rounded up or down with one half each.
Differences from the authors' code: a mask for each image, not one for the batch (``per_batch`` takes that back); the
label follows the mask, not the drawn lambda, from which it differs by less than a pixel's share; the width of the
spectrum is that of the real transform for odd widths too. The spectrum is the paper's: theirs takes its first two rows,
instead of its real and imaginary parts, for the two parts of a number, so that their masks hold two horizontal
frequencies only, 0 and 1 / W. The variant with a single label (``reformulate``) is not here.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS
from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.parts.beta import symmetric_beta
from robustsweep.augmentations.parts.image_keys import image_keys
from robustsweep.bounds import NotNegative, Positive, between
from robustsweep.draws import Draws


@METHODS.register("fmix")
@dataclass(frozen=True)
class FMix(MaskMethod):
    """Keeps the highest pixels of smooth noise, their share drawn from Beta(alpha, alpha).

    Attributes:
        alpha: Positive; 1 in the paper.
        decay: Power by which high frequencies are damped, not negative; 3 in the paper.
        max_soft: Half the width of the band of ranks around the threshold in which the mask falls linearly from 1 to
            0, as a share of the pixels, in [0, 0.5]; never beyond the smaller share. 0, as in the paper, is a hard
            edge.
    """

    name = "fmix"
    alpha: Positive = 1.0
    decay: NotNegative = 3.0
    max_soft: Annotated[float, between(0, 0.5)] = 0.0

    def sample_shape(self, draws: Draws) -> Tensor:
        """Draw lambda, the rounding, and two words that name the noise's own draws: shape (N, 4).

        How many normal numbers the noise takes depends on the image's size, and all of them would be too many to keep
        for an epoch.
        """
        return torch.cat([symmetric_beta(draws.uniform(1), self.alpha), draws.uniform(3)], dim=1)

    def mask(self, shape: Tensor, height: int, width: int) -> Tensor:
        """Return 1 on the highest pixels and 0 on the others, with the band between them if asked for."""
        noise = self._noise(shape[:, 2:4], height, width).flatten(1)
        n_pixels = height * width
        exact = shape[:, 0] * n_pixels
        n_high = torch.where(shape[:, 1] < 0.5, exact.floor(), exact.ceil()).long().unsqueeze(1)
        if not self.max_soft:
            return _highest(noise, n_high).view(-1, 1, height, width)
        share = shape[:, :1]
        half = (n_pixels * torch.minimum(share, 1 - share).clamp_max(self.max_soft)).long()
        rank = noise.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        # The band holds 2 half ranks, of which the first has weight 1 and the last 0.
        fallen = (rank - (n_high - half)) / (2 * half - 1).clamp_min(1)
        mask = torch.where(half == 0, (rank < n_high).double(), 1 - fallen.clamp(0, 1))
        return mask.float().view(-1, 1, height, width)

    def _noise(self, words: Tensor, height: int, width: int) -> Tensor:
        """Return noise of power 1 / f^(2 decay): float32, shape (N, height, width)."""
        normal = Draws(0, "fmix/noise", image_keys(words)).normal(2, height, width // 2 + 1)
        vertical = torch.fft.fftfreq(height, device=words.device).unsqueeze(1)
        frequency = torch.hypot(vertical, torch.fft.rfftfreq(width, device=words.device))
        damped = normal / frequency.clamp_min(1 / max(height, width)) ** self.decay
        noise: Tensor = torch.fft.irfft2(torch.complex(damped[:, 0], damped[:, 1]), s=(height, width))
        return noise


def _highest(noise: Tensor, count: Tensor) -> Tensor:
    """Mark the ``count`` (N, 1) highest values of each row (N, P) with 1: float32, shape (N, P)."""
    ascending = torch.sort(noise, dim=1).values
    infinite = noise.new_full((len(noise), 1), torch.inf)
    threshold = torch.cat([ascending, infinite], dim=1).gather(1, noise.shape[1] - count)
    return (noise >= threshold).float()
