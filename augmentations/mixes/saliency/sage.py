"""SAGE: two images overlaid where their saliencies fit best, each pixel from both in the ratio of their saliencies.

Source: "SAGE: Saliency-guided mixup with optimal rearrangements" (BMVC 2022), section 3: saliency is the magnitude of
the loss's gradient, averaged over channels, blurred by a 5x5 Gaussian of deviation 1, the border mirrored about its
edge pixels as in the authors' code, and of sum 1; the image's is scaled by a, a from U(0, upper), the partner's by 1 -
a; of a random hundredth of all translations of the partner, that which keeps most saliency is taken.
Differences from the authors' code: a, and the translations, are drawn for each image, not for the batch, and the
translations with replacement; the loss is the recipe's, while theirs is the binary cross-entropy of the softmax's
output; the gradient is taken in evaluation mode, while theirs updates the running statistics of batch normalisation
twice; theirs also adds the clean batch's gradient to each update, here the mixed batch alone trains; if neither
image has saliency the pixel and its credit are the image's own, while theirs shows padding and credits the partner.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Step
from robustsweep.augmentations.mixes.mixing import mix, pair
from robustsweep.augmentations.network_method import GuidedMethod, input_gradient, unit_sum
from robustsweep.augmentations.parts.image_keys import image_keys, sample_keys
from robustsweep.bounds import PositiveShare
from robustsweep.draws import Draws

Border = Literal["reflect", "zeros"]

_SHARE_TRIED = 0.01
_REACH_PX = 2


def blurred_magnitude(gradient: Tensor, border: Border = "reflect") -> Tensor:
    """Turn gradients, shape (N, C, H, W), into saliencies of sum 1, shape (N, H, W); see ``Sage`` for ``border``."""
    magnitude = gradient.abs().mean(1, keepdim=True)
    bell = torch.exp(-0.5 * torch.arange(-_REACH_PX, _REACH_PX + 1.0, device=gradient.device) ** 2)
    bell = bell / bell.sum()
    padded = F.pad(magnitude, [_REACH_PX] * 4, mode="reflect" if border == "reflect" else "constant")
    rows = F.conv2d(padded, bell.view(1, 1, -1, 1))
    return unit_sum(F.conv2d(rows, bell.view(1, 1, 1, -1))[:, 0])


def shifted(images: Tensor, offsets: Tensor) -> Tensor:
    """Move each image down and right by its whole number of pixels, either sign, zeros moving in.

    Args:
        images: Shape (N, C, H, W).
        offsets: int64, shape (N, 2), below H and W in magnitude.
    """
    n, _, height, width = images.shape
    row = torch.arange(height, device=images.device) - offsets[:, :1]
    column = torch.arange(width, device=images.device) - offsets[:, 1:]
    inside = ((row >= 0) & (row < height))[:, :, None] & ((column >= 0) & (column < width))[:, None, :]
    image = torch.arange(n, device=images.device)[:, None, None]
    # Indices around the channel axis put it last.
    moved = images[image, :, row.clamp(0, height - 1)[:, :, None], column.clamp(0, width - 1)[:, None, :]]
    return moved.permute(0, 3, 1, 2) * inside[:, None]


def own_share(own: Tensor, other: Tensor) -> Tensor:
    """Return own / (own + other), and 1 if both are zero; saliencies of one shape."""
    total = own + other
    return torch.where(total > 0, own / torch.where(total > 0, total, torch.ones_like(total)), torch.ones_like(total))


def saliency_kept(own: Tensor, other: Tensor) -> Tensor:
    """Sum what each pixel keeps of both saliencies, shape (N, H, W), when mixed in their ratio: shape (N,)."""
    share = own_share(own, other)
    return (own * share + other * (1 - share)).sum((1, 2))


@METHODS.register("sage")
@dataclass(frozen=True)
class Sage(GuidedMethod):
    """Overlays a translated partner with a soft mask; the label follows the mask's mean.

    A translation costs a pass over the batch, and their number grows with the image's area: the method is made for
    small images.

    Attributes:
        upper: Largest weight of the image's own saliency, in (0, 1]: 0.5 for PreActResNet-18, 0.7 for WRN-16-8 in the
            authors' CIFAR-100 runs.
        border: What the blur sees beyond the border: ``"reflect"``, as the authors, the image mirrored; ``"zeros"``
            nothing, so that the border is less salient, as in checkpoints whose cards do not name it.
    """

    name = "sage"
    upper: PositiveShare = 0.5
    border: Border = "reflect"

    def sample(self, draws: Draws) -> Tensor:
        """Draw the pairing key, a as a share of ``upper``, and the key of the translations: shape (N, 4)."""
        return torch.cat([draws.uniform(2), sample_keys(draws)], dim=1)

    def offsets(self, sample: Tensor, height: int, width: int) -> Tensor:
        """Return the translations that each image tries, down and right in pixels: int64, shape (N, T, 2)."""
        n_rows, n_columns = 2 * height - 1, 2 * width - 1
        tried = max(1, round(_SHARE_TRIED * n_rows * n_columns))
        place = Draws(0, "sage/offsets", image_keys(sample[:, 2:4])).integers(0, n_rows * n_columns, tried)
        return torch.stack([place // n_columns - (height - 1), place % n_columns - (width - 1)], dim=2)

    def best_offset(self, own: Tensor, other: Tensor, offsets: Tensor) -> Tensor:
        """Choose among ``offsets``, shape (N, T, 2), that which keeps most saliency, the first of equals: (N, 2)."""
        best = offsets[:, 0]
        most = saliency_kept(own, shifted(other[:, None], best)[:, 0])
        for tried in offsets[:, 1:].unbind(1):
            kept = saliency_kept(own, shifted(other[:, None], tried)[:, 0])
            best = torch.where((kept > most)[:, None], tried, best)
            most = torch.maximum(kept, most)
        return best

    def augment(self, step: Step) -> tuple[Tensor, Tensor]:
        """Overlay one batch; see ``GuidedMethod.augment``."""
        saliency = blurred_magnitude(input_gradient(step), self.border)
        partners = pair(step.sample[:, 0])
        weight = (self.upper * step.sample[:, 1]).to(saliency.dtype)[:, None, None]
        own, other = weight * saliency, (1 - weight) * saliency[partners]
        height, width = step.images.shape[-2:]
        best = self.best_offset(own, other, self.offsets(step.sample, height, width))
        mask = own_share(own, shifted(other[:, None], best)[:, 0])[:, None].to(step.images.dtype)
        return mix(step.images, step.targets, partners, mask, shifted(step.images[partners], best))
