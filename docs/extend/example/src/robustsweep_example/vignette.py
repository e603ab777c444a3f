"""A corruption: corners get dark, as with a cheap lens; and a suite of it."""

import torch
from torch import Tensor

from robustsweep.benchmark.plan.conditions import Clean, Condition, Corrupted
from robustsweep.corruptions import SEVERITIES
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities


def apply(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    """Multiply each pixel by 1 - strength (r / R)^2: r is its distance to the centre, R that of a corner.

    Args:
        images: uint8 (N, 3, H, W).
        parameters: The strength, 0 to 1.
        fields: None: nothing is drawn.

    Returns:
        uint8 (N, 3, H, W), truncated as the benchmark's corruptions are.
    """
    (strength,) = parameters
    height, width = images.shape[-2:]
    y, x = (torch.linspace(-1, 1, n, dtype=torch.float64, device=images.device) for n in (height, width))
    light = 1 - strength * (y[:, None] ** 2 + x[None, :] ** 2) / 2
    return (images * light).to(torch.uint8)


VIGNETTE = Corruption(
    "vignette", apply, severities(cifar=(0.2, 0.4, 0.6, 0.8, 1.0)), source="An example of this documentation."
)


def vignettes() -> tuple[Condition, ...]:
    """Clean images, and the five severities of vignette."""
    return (Clean(), *(Corrupted("vignette", severity, "cifar", None) for severity in SEVERITIES))
