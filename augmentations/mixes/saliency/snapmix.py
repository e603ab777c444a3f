"""SnapMix: a box of the partner, resized into another box, with label weights by how much of each object is in them.

Source: Huang, Wang and Tao, "SnapMix: Semantically proportional mixing for augmenting fine-grained data" (AAAI 2021),
section 3. An image's share of meaning in a box is the sum there of its normalised activation map for the true class.
The weights are those of what is seen, and need not sum to 1: rho_a = 1 - share of a in its box, rho_b = share of b in
its own. If both labels are equal, each weight is rho_a + rho_b, as the authors confirm that they mean it.
Differences from the authors' code: boxes for each image, not for the batch; the map is computed in evaluation mode,
while theirs updates the running statistics of batch normalisation a second time; a map that is flat or not finite
becomes constant, which gives the boxes' areas as shares, while theirs gives both weights by the pasted box's area.
Their code mixes every batch when it starts from ImageNet weights, and half of them from scratch.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Step
from robustsweep.augmentations.mixes.mixing import pair
from robustsweep.augmentations.network_method import NetworkMethod, unit_sum
from robustsweep.augmentations.parts.activation_map import activation_maps
from robustsweep.augmentations.parts.beta import symmetric_beta
from robustsweep.bounds import Positive, Share
from robustsweep.draws import Draws


@dataclass(frozen=True, slots=True)
class _Boxes:
    """One box for each image: rows from ``top`` to ``bottom``, columns from ``left`` to ``right``, ends excluded."""

    top: Tensor
    bottom: Tensor
    left: Tensor
    right: Tensor

    @property
    def is_empty(self) -> Tensor:
        return (self.top >= self.bottom) | (self.left >= self.right)

    def covers(self, height: int, width: int) -> Tensor:
        """Return which pixels lie inside: bool, shape (N, height, width)."""
        row = torch.arange(height, device=self.top.device)
        column = torch.arange(width, device=self.top.device)
        in_rows = (row >= self.top[:, None]) & (row < self.bottom[:, None])
        in_columns = (column >= self.left[:, None]) & (column < self.right[:, None])
        return in_rows[:, :, None] & in_columns[:, None, :]


def _boxes(weight: Tensor, centre: Tensor, height: int, width: int) -> _Boxes:
    """Build CutMix's boxes: sides sqrt(1 - weight) of the image's, centre a pixel, cut by the border."""
    side = (1 - weight).sqrt()
    half_height, half_width = (side * height).long() // 2, (side * width).long() // 2
    row, column = (centre[:, 0] * height).long(), (centre[:, 1] * width).long()
    return _Boxes(
        top=(row - half_height).clamp_min(0),
        bottom=(row + half_height).clamp_max(height),
        left=(column - half_width).clamp_min(0),
        right=(column + half_width).clamp_max(width),
    )


def _resized(n_pixels: int, start: Tensor, end: Tensor, source_start: Tensor, source_end: Tensor) -> Tensor:
    """Return where each pixel of an axis reads from in [-1, 1], ends of one box on ends of the other: shape (N, n)."""
    step = (source_end - source_start - 1) / (end - start - 1).clamp_min(1)
    pixel = torch.arange(n_pixels, device=start.device) - start[:, None]
    return (source_start[:, None] + pixel * step[:, None]) * (2 / max(n_pixels - 1, 1)) - 1


@METHODS.register("snapmix")
@dataclass(frozen=True)
class SnapMix(NetworkMethod):
    """Pastes a resized box and weighs two losses by activation maps of the network in training.

    Attributes:
        beta: Positive; each box has the area 1 - lambda of its own lambda from Beta(beta, beta), cut by the border.
        probability: Chance that an image is mixed at all, in [0, 1].
    """

    name = "snapmix"
    beta: Positive = 5.0
    probability: Share = 1.0

    def sample(self, draws: Draws) -> Tensor:
        """Draw pairing key and chance, both lambdas, and the centres of the box in the image and in its partner."""
        return torch.cat([draws.uniform(2), symmetric_beta(draws.uniform(2), self.beta), draws.uniform(4)], dim=1)

    def mix(
        self, images: Tensor, classes: Tensor, shares: Tensor, sample: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Paste the boxes.

        Args:
            images: Float32, shape (N, C, H, W).
            classes: int64, shape (N,).
            shares: Activation maps of sum 1, not negative, shape (N, H, W).
            sample: Rows of ``sample``, shape (N, 8).

        Returns:
            The mixed images; the partners, int64 (N,); and the weights of the losses of the image's own label and of
            its partner's, at least 0, shape (N,) each: 1 and 0 for an image that is not mixed, because a box is empty
            or by chance.
        """
        height, width = images.shape[-2:]
        partners = pair(sample[:, 0])
        box_a = _boxes(sample[:, 2], sample[:, 4:6], height, width)
        box_b = _boxes(sample[:, 3], sample[:, 6:8], height, width)
        rows = _resized(height, box_a.top, box_a.bottom, box_b.top, box_b.bottom)
        columns = _resized(width, box_a.left, box_a.right, box_b.left, box_b.right)
        shape = (len(images), height, width)
        grid = torch.stack([columns[:, None, :].expand(shape), rows[:, :, None].expand(shape)], dim=3)
        moved = F.grid_sample(images[partners], grid.to(images.dtype), padding_mode="border", align_corners=True)
        is_mixed = (sample[:, 1] < self.probability) & ~box_a.is_empty & ~box_b.is_empty
        pasted = box_a.covers(height, width) & is_mixed[:, None, None]
        taken = box_b.covers(height, width) & is_mixed[:, None, None]
        own = (1 - (shares * pasted).sum((1, 2))).clamp_min(0)
        other = (shares[partners] * taken).sum((1, 2))
        is_doubled = is_mixed & (classes == classes[partners])
        own, other = torch.where(is_doubled, own + other, own), torch.where(is_doubled, own + other, other)
        return torch.where(pasted[:, None], moved, images), partners, own, other

    def loss(self, step: Step) -> Tensor:
        """Compute the mean of rho_a times the loss of one label and rho_b times that of the other."""
        classes = step.targets.argmax(1)
        shares = self._shares(step, classes)
        images, partners, own, other = self.mix(step.images, classes, shares, step.sample)
        logits = step.network(images)
        first, second = step.criterion(logits, step.targets), step.criterion(logits, step.targets[partners])
        return (own * first + other * second).mean()

    def _shares(self, step: Step, classes: Tensor) -> Tensor:
        """Return each image's activation map for its class at the images' size, not negative, of sum 1."""
        maps = activation_maps(step.network, step.images, classes, self.name)
        size = step.images.shape[-2:]
        maps = F.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
        maps = maps - maps.amin((1, 2), keepdim=True)
        is_finite = torch.isfinite(maps).flatten(1).all(1)[:, None, None]
        return unit_sum(torch.where(is_finite, maps, torch.zeros_like(maps)))
