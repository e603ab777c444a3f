"""ResizeMix: the whole partner, shrunk and pasted into the image.

Source: Qin et al., "ResizeMix: Mixing data with preserved object information and true labels" (arXiv 2012.11101)
and the authors' code: scale tau from U(0.1, 0.8), sides rounded down, a centre uniform over the pixels
from which the patch is shifted until it lies inside, nearest-neighbour resizing, every image mixed.
Differences from the authors' code: a scale for each image, not one for the batch; with ``per_batch`` the place is
shared too, while the authors share the scale alone. A side of less than one pixel becomes one. The whole partner is
read: pixel i of a patch of side s is pixel floor(i H / s) of the partner, in integer arithmetic. Theirs is pixel
floor(i / tau), and since s is tau H rounded down, the last rows and columns of the partner are never read unless tau H
is whole: at tau = 0.15 and H = 32 theirs reads rows 0, 6, 13 and 20, ours 0, 8, 16 and 24.
The paper also compares where the patch comes from and where it goes (``source``, ``target``). Its code leaves open how
a region follows from a saliency map: here it is the window of the patch's size with the largest, or the smallest, sum
of the bottom-up saliency that SaliencyMix uses. A patch that is cut out is not resized.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, require
from robustsweep.augmentations.mixes.mixing import MixingMethod
from robustsweep.augmentations.parts.saliency import fine_grained_saliency
from robustsweep.augmentations.parts.windows import fullest_window, outer
from robustsweep.bounds import Positive
from robustsweep.draws import Draws

Interpolation = Literal["nearest", "bilinear"]
Source = Literal["whole", "salient", "non_salient", "random"]
Target = Literal["random", "salient", "non_salient"]


@METHODS.register("resizemix")
@dataclass(frozen=True)
class ResizeMix(MixingMethod):
    """Pastes a small copy of the partner, never clipped, so that the label weight is the patch's exact share.

    Attributes:
        scale_low: Smallest side of the patch as a fraction of the image's; positive.
        scale_high: Largest, at least ``scale_low`` and at most 1.
        interpolation: ``"nearest"``, as the authors, which aliases; or ``"bilinear"`` between the four nearest pixels
            (half-pixel centres, not antialiased).
        source: What is pasted: the ``"whole"`` partner, shrunk; or a window of it, ``"salient"``, ``"non_salient"`` or
            ``"random"`` (placed as patches are), as it is.
        target: Where it goes: to a ``"random"`` place, or over the image's own ``"salient"`` or ``"non_salient"``
            window. If a map is constant, the drawn place of the patch holds.
    """

    name = "resizemix"
    scale_low: Positive = 0.1
    scale_high: float = 0.8
    interpolation: Interpolation = "nearest"
    source: Source = "whole"
    target: Target = "random"

    def __post_init__(self) -> None:
        super().__post_init__()
        is_ordered = self.scale_low <= self.scale_high <= 1
        require(is_ordered, self.name, "scale_high", "at least scale_low and at most 1", self.scale_high)
        is_read = self.source == "whole" or self.interpolation == "nearest"
        require(is_read, self.name, "interpolation", "'nearest' unless source='whole'", self.interpolation)

    def sample_shape(self, draws: Draws) -> Tensor:
        """Draw the scale, and the centre as fractions of height and width: shape (N, 3).

        A random source adds a centre of its own.
        """
        shape = torch.cat([draws.uniform(1, low=self.scale_low, high=self.scale_high), draws.uniform(2)], dim=1)
        return torch.cat([shape, draws.uniform(2)], dim=1) if self.source == "random" else shape

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Mix one batch; see ``Method.apply``."""
        if self.target != "random":
            sample = sample.clone()
            sample[:, 3:5] = _region_centre(images, sample[:, 2], sample[:, 3:5], self.target)
        return super().apply(images, targets, sample)

    def blend(self, shape: Tensor, partners: Tensor) -> tuple[Tensor, Tensor]:
        """Return 0 in the patch and 1 around it; and what is pasted in its place (elsewhere, edge pixels)."""
        height, width = partners.shape[-2:]
        row, n_rows = _offset_in_patch(shape[:, 0], shape[:, 1], height)
        column, n_columns = _offset_in_patch(shape[:, 0], shape[:, 2], width)
        mask = 1 - outer((row >= 0) & (row < n_rows), (column >= 0) & (column < n_columns))
        if self.interpolation == "nearest":
            image = torch.arange(len(partners), device=partners.device).view(-1, 1, 1)
            if self.source == "whole":
                source_row, source_column = row * height // n_rows, column * width // n_columns
            else:
                first_row, first_column = self._cut_from(shape, partners)
                source_row, source_column = row + first_row, column + first_column
            source_row, source_column = source_row.clamp(0, height - 1), source_column.clamp(0, width - 1)
            # Indices around the channel axis put it last.
            return mask, partners[image, :, source_row[:, :, None], source_column[:, None, :]].permute(0, 3, 1, 2)
        rows = _bilinear_weights(row, n_rows, height).to(partners.dtype)
        columns = _bilinear_weights(column, n_columns, width).to(partners.dtype)
        return mask, torch.einsum("nij,ncjk,nlk->ncil", rows, partners, columns)

    def _cut_from(self, shape: Tensor, partners: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first row and column of the window that is cut out of each partner: int64, shape (N, 1) each."""
        height, width = partners.shape[-2:]
        if self.source == "random":
            centre = shape[:, 3:]
        else:
            centre = _region_centre(partners, shape[:, 0], shape[:, 1:3], self.source)
        first_row, _ = _first_in_patch(shape[:, 0], centre[:, 0], height)
        first_column, _ = _first_in_patch(shape[:, 0], centre[:, 1], width)
        return first_row.unsqueeze(1), first_column.unsqueeze(1)


def _region_centre(images: Tensor, scale: Tensor, drawn: Tensor, region: str) -> Tensor:
    """Return the centre of each image's salient window, or the one with the least saliency, as fractions: (N, 2)."""
    height, width = images.shape[-2:]
    saliency = fine_grained_saliency(images)
    sides = [(scale * n_pixels).long().clamp_min(1) for n_pixels in (height, width)]
    firsts = fullest_window(saliency if region == "salient" else -saliency, *sides)
    # The middle of the centre pixel, so that rounding cannot reach its neighbour.
    found = [
        (first + side // 2 + 0.5) / n_pixels
        for first, side, n_pixels in zip(firsts, sides, (height, width), strict=True)
    ]
    is_flat = saliency.amax((1, 2)) == saliency.amin((1, 2))
    return torch.where(is_flat.unsqueeze(1), drawn, torch.stack(found, dim=1).to(drawn.dtype))


def _first_in_patch(scale: Tensor, centre: Tensor, n_pixels: int) -> tuple[Tensor, Tensor]:
    """Return along one axis the patch's first pixel and its side, int64, (N,) each."""
    side = (scale * n_pixels).long().clamp_min(1)
    return ((centre * n_pixels).long() - side // 2).clamp_min(0).minimum(n_pixels - side), side


def _offset_in_patch(scale: Tensor, centre: Tensor, n_pixels: int) -> tuple[Tensor, Tensor]:
    """Return along one axis each pixel's offset from the patch's first, (N, n_pixels), and the patch's side, (N, 1)."""
    first, side = _first_in_patch(scale, centre, n_pixels)
    return torch.arange(n_pixels, device=centre.device) - first.unsqueeze(1), side.unsqueeze(1)


def _bilinear_weights(offset: Tensor, side: Tensor, n_pixels: int) -> Tensor:
    """Return the weight of each source pixel in each pixel of the patch along one axis: float64, (N, n_pixels, n)."""
    position = ((offset + 0.5) * n_pixels / side - 0.5).clamp(0, n_pixels - 1)
    source = torch.arange(n_pixels, device=offset.device, dtype=torch.float64)
    return (1 - (position.unsqueeze(2) - source).abs()).clamp_min(0)
