"""The images an attack may return: a norm ball around each clean image, cut with the pixel range."""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.attacks.norms import Norm


@dataclass(frozen=True, slots=True)
class Ball:
    """Budgets of n images.

    Attributes:
        norm: How a perturbation is measured.
        eps: The largest norm allowed, in units of the pixel range [0, 1]; or float32 (n,), one for each image.
        centre: float32 (n, ...), the clean images, in [0, 1].
    """

    norm: Norm
    eps: float | Tensor
    centre: Tensor

    def project(self, images: Tensor) -> Tensor:
        """Bring images (n, ...) back: into the ball, then into the box.

        The box step never leaves the ball, since the centre lies in the box. For L2 the result is feasible but not
        the nearest point of the intersection; the libraries do the same.
        """
        return self.norm.project(images, self.centre, self.eps).clamp(0.0, 1.0)

    def excess(self, images: Tensor) -> Tensor:
        """Measure by how much images (n, ...) break the ball or the box.

        Returns:
            float64 (n,), zero or below for images within both.
        """
        flat = images.flatten(1)
        outside_box = torch.maximum(-flat.amin(1), flat.amax(1) - 1.0)
        return torch.maximum(self.norm.length(images - self.centre) - self.eps, outside_box.to(torch.float64))
