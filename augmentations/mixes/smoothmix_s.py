"""SmoothMix-S: a square of the partner whose edges fade linearly.

Source: Lee, Zaheer, Astrid and Lee, "SmoothMix: A simple yet effective data augmentation to train robust classifiers"
(CVPR workshops 2020); not the method of the same name for certified robustness (NeurIPS 2021). The authors published
no code for it. What is built here follows published descriptions: centre uniform over the pixels, sides sigma W and
sigma H with one sigma drawn from U(0, 1), border ratio k = 0.2, label weight equal to the normalised mass of the mask.
Readings that the descriptions leave open, all recorded in the card: k multiplies the half side (``border_reference``),
and the ramp lies outside the square (``border_position``). The square covers 2h whole pixels and both of its ramps
start from the outermost of them; a routine of the same laboratory for another task covers 2h + 1.
The partner receives the faded square, so that without a ramp this is CutMix with the same box. The paper gives it to
the image itself; with random partners both draw from the same distribution of batches.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS
from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.parts.windows import distance_outside, outer
from robustsweep.bounds import NotNegative
from robustsweep.draws import Draws

BorderReference = Literal["half_side", "side"]
BorderPosition = Literal["outside", "inside", "centre"]
SizeLaw = Literal["uniform", "cutmix"]
Sides = Literal["shared", "separate"]


@METHODS.register("smoothmix_s")
@dataclass(frozen=True)
class SmoothMixS(MaskMethod):
    """Blends in a square with linear ramps; where two ramps meet at a corner, they multiply.

    Attributes:
        border_ratio: k, not negative: width of the ramp in units of ``border_reference``. A ramp below one pixel is
            a hard edge.
        border_reference: What k multiplies: ``"half_side"`` or ``"side"`` of the square.
        border_position: Where the ramp lies from the square's edge: ``"outside"``, ``"inside"``, or half on either
            side (``"centre"``).
        size_law: How the square's side is drawn: ``"uniform"``, sigma from U(0, 1); or ``"cutmix"``,
            sigma = sqrt(1 - U(0, 1)), the distribution of CutMix with alpha 1, so that the edge alone differs.
        sides: ``"shared"``: one sigma for height and width. ``"separate"``: one for each, a rectangle.
    """

    name = "smoothmix_s"
    border_ratio: NotNegative = 0.2
    border_reference: BorderReference = "half_side"
    border_position: BorderPosition = "outside"
    size_law: SizeLaw = "uniform"
    sides: Sides = "shared"

    def sample_shape(self, draws: Draws) -> Tensor:
        """Draw a uniform number for the size, and the centre as fractions of height and width: shape (N, 3).

        With separate sides a fourth number follows, for the width.
        """
        shape = draws.uniform(3)
        return shape if self.sides == "shared" else torch.cat([shape, draws.uniform(1)], dim=1)

    def mask(self, shape: Tensor, height: int, width: int) -> Tensor:
        """Return 1 minus the faded square."""
        down, across = shape[:, 0], shape[:, 0 if self.sides == "shared" else 3]
        if self.size_law == "cutmix":
            down, across = (1 - down).sqrt(), (1 - across).sqrt()
        return 1 - outer(self._profile(down, shape[:, 1], height), self._profile(across, shape[:, 2], width))

    def _profile(self, sigma: Tensor, centre: Tensor, n_pixels: int) -> Tensor:
        """Return the square's weight along one axis: float64 in [0, 1], shape (N, n_pixels)."""
        half = (sigma * n_pixels).long().clamp_min(2) // 2
        reference = half if self.border_reference == "half_side" else 2 * half
        # On the pixel grid a ramp of up to one pixel and none are the same, which spares the division by zero.
        ramp = (self.border_ratio * reference.to(torch.float64)).clamp_min(1.0).unsqueeze(1)
        # Distance at which the ramp reaches zero; the outermost pixel inside has distance 0, the next one 1.
        ends = {"outside": ramp, "inside": torch.ones_like(ramp), "centre": (ramp + 1) / 2}[self.border_position]
        return ((ends - distance_outside(centre, half, n_pixels)) / ramp).clamp(0.0, 1.0)
