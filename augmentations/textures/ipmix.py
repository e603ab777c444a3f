"""IPMix: chains of whole-image operations, and chains of patches mixed with a picture, blended as in AugMix.

Source: Huang et al., "IPMix: Label-preserving data augmentation method for training robust classifiers" (NeurIPS 2023)
and the authors' code: three chains of 0 to 3 steps, each chain of one kind with chance one half. A patch is a square
of 4, 8, 16 or 32 pixels, or a rectangle inside it, mixed with the picture at the same place: added, multiplied (see
``arithmetic``), or pixels or single colour values of either at random. One picture for all chains and both views.
The paper's results use the divergence of three views, as the authors' page says; ``jsd_weight=0`` goes without.
Differences from the authors' code: sums and products are clipped, while theirs leave [0, 1] and wrap around to the
other end as bytes; patches stay in float32 between steps. Their mixing set is replaced by fractals drawn here, unless
a folder is named. Squares larger than the image are left out, while theirs fail. Their ImageNet script also mixes
patches with distortions of the image, which is not here. Its mirror and its rotations change classes of digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, require
from robustsweep.augmentations.policies.augmix import AugMix, apply_operations
from robustsweep.augmentations.textures.arithmetic import added, multiplied, weights
from robustsweep.augmentations.textures.blended_chains import BlendedChains
from robustsweep.augmentations.textures.texture_method import TextureMethod
from robustsweep.bounds import between
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

# Of an image step: which operation, its level and its sign. Of a patch: its square's side, top and left; whether it is
# a rectangle, and its sides; how it is mixed, with its weights, or a threshold.
_STEP = 3 + 6 + 5
_SMALLEST = 2


@METHODS.register("ipmix")
@dataclass(frozen=True)
class IPMix(BlendedChains, TextureMethod):
    """Blends chains of distortions and of mixes with textures, of whole images and of patches.

    See ``TextureMethod`` and ``BlendedChains`` for what it has in common with others.

    Attributes:
        depth: Most steps of a chain, at most 100; 3 in the paper.
        patch_sizes: Sides of the squares in pixels, at least 2, whatever the image's; those that fit are used.
    """

    name = "ipmix"
    depth: Annotated[int, between(0, 100)] = 3
    patch_sizes: Sequence[int] = (4, 8, 16, 32)
    # AutoContrast counts as overlapping in this method's code, not in that of AugMix and PixMix.
    operations = (*(each for each in AugMix.operations if each != "autocontrast"), "mirror", "invert")
    overlapping_operations = ("autocontrast", *AugMix.overlapping_operations)

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = tuple(self.patch_sizes)
        are_sides = len(sizes) > 0 and min(sizes) >= _SMALLEST
        require(are_sides, self.name, "patch_sizes", f"at least one side of {_SMALLEST} pixels or more", sizes)
        object.__setattr__(self, "patch_sizes", sizes)

    def distorted(self, images: Tensor, keys: Tensor, group: Tensor) -> Tensor:
        """Pass images through a chain each; see ``BlendedChains``."""
        height, width = images.shape[-2:]
        pictures = self.mixing_set(images).parts(Draws(0, "ipmix/picture", group).uniform(3), height, width)
        draws = Draws(0, "ipmix/chain", keys)
        is_patched, depth = draws.uniform() < 0.5, draws.integers(0, self.depth + 1)
        steps = draws.uniform(self.depth, _STEP)
        # A chain of operations stays in bytes.
        chains, whole = images.float(), images.clone()
        for number, drawn in enumerate(steps.unbind(1)):
            is_on = depth > number
            rows = (is_on & ~is_patched).nonzero()[:, 0]
            whole[rows] = self._operated(whole[rows], drawn[rows, :3])
            rows = (is_on & is_patched).nonzero()[:, 0]
            noise = Draws(0, f"ipmix/pixels/{number}", keys[rows])
            chains[rows] = self._patched(chains[rows], pictures[rows].float(), drawn[rows, 3:], noise)
        return torch.where(is_patched.view(-1, 1, 1, 1), chains, whole)

    def _operated(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Apply an operation to each image, as in AugMix; drawn are uniform numbers (N, 3)."""
        chosen = (drawn[:, 0] * len(self.operation_names)).long()
        level = 0.1 + (self.severity - 0.1) * drawn[:, 1]
        return apply_operations(self.operation_names, chosen, images, level, torch.where(drawn[:, 2] > 0.5, -1, 1))

    def _patched(self, images: Tensor, pictures: Tensor, drawn: Tensor, noise: Draws) -> Tensor:
        """Mix a patch of each image with its picture; drawn are uniform numbers (N, 11)."""
        height, width = images.shape[-2:]
        window = self.window(drawn[:, :6], height, width).unsqueeze(1)
        kind, mixed = (drawn[:, 6] * 4).long(), torch.empty_like(images)
        weight = weights(drawn[:, 7], drawn[:, 8:10], self.beta)
        for number, mix in enumerate((added, multiplied)):
            rows = (kind == number).nonzero()[:, 0]
            mixed[rows] = mix(images[rows], pictures[rows], weight[rows])
        rows = (kind >= 2).nonzero()[:, 0]
        # An image draws for all of its pixels and channels, of which one kind uses the first channel's.
        chance = noise.uniform(3, height, width, dtype=torch.float32)[rows]
        chance = torch.where((kind[rows] == 2).view(-1, 1, 1, 1), chance[:, :1], chance)
        mixed[rows] = torch.where(chance < drawn[rows, 10].view(-1, 1, 1, 1), images[rows], pictures[rows])
        return torch.where(window, mixed, images)

    def window(self, drawn: Tensor, height: int, width: int) -> Tensor:
        """Mark each image's patch: bool, shape (N, height, width), for uniform numbers (N, 6).

        Raises:
            UsageError: If no patch fits.
        """
        sizes = [side for side in self.patch_sizes if side <= min(height, width)]
        if not sizes:
            raise UsageError(f"ipmix has patch_sizes {self.patch_sizes}, none fits {height} x {width}; add a smaller.")
        side = torch.tensor(sizes, device=drawn.device)[(drawn[:, 0] * len(sizes)).long()]
        is_inside = []
        for axis, n_pixels in enumerate((height, width)):
            first = (drawn[:, 1 + axis] * (n_pixels - side + 1)).long()
            shorter = _SMALLEST + (drawn[:, 4 + axis] * (side - _SMALLEST + 1)).long()
            length = torch.where(drawn[:, 3] < 0.5, side, shorter)
            offset = torch.arange(n_pixels, device=drawn.device) - first.unsqueeze(1)
            is_inside.append((offset >= 0) & (offset < length.unsqueeze(1)))
        return is_inside[0].unsqueeze(2) & is_inside[1].unsqueeze(1)
