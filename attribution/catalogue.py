"""The maps by name, and the saliency that numbers and figures are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.attribution.activation_maps import cam, gradcam
from robustsweep.attribution.gradient_maps import integrated_gradients, smoothgrad
from robustsweep.attribution.guided_backprop import guided_backprop
from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name

Compute = Callable[[nn.Module, Tensor, Tensor, int, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class MapKind:
    """One kind of map.

    Attributes:
        passes: Forward and backward passes per image, for progress alone.
        compute: From (network, images, targets, seed, ids) to maps, float32 (N, h, w) or (N, 3, H, W).
    """

    passes: int
    compute: Compute


def _undrawn(compute: Callable[[nn.Module, Tensor, Tensor], Tensor]) -> Compute:
    return lambda network, images, targets, seed, ids: compute(network, images, targets)


def _smoothgrad(network: nn.Module, images: Tensor, targets: Tensor, seed: int, ids: Tensor) -> Tensor:
    return smoothgrad(network, images, targets, seed=seed, ids=ids)


MAPS = {
    "cam": MapKind(1, _undrawn(cam)),
    "gradcam": MapKind(2, _undrawn(gradcam)),
    "smoothgrad": MapKind(100, _smoothgrad),
    "integrated_gradients": MapKind(100, _undrawn(integrated_gradients)),
    "guided_backprop": MapKind(2, _undrawn(guided_backprop)),
}
"""Every map with its default parameters."""


def find_maps(names: Sequence[str], noun: str = "map") -> tuple[str, ...]:
    """Return the names of maps in the catalogue's order, each once.

    Args:
        names: The names.
        noun: What one is, for the error.

    Raises:
        UsageError: If there is none, or one is unknown.
    """
    for name in names:
        if name not in MAPS:
            raise unknown_name(noun, name, list(MAPS))
    if not names:
        raise UsageError(f"Name at least one map: {', '.join(MAPS)}.")
    return tuple(name for name in MAPS if name in names)


def saliency(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Turn maps of any kind into one number per pixel, of which shares and figures are made.

    Args:
        maps: (N, h, w): a class activation map, whose positive part speaks for the class; it is enlarged bilinearly
            first. Or (N, 3, H, W): a map of pixels, whose absolute values are added over the colours.
        size: Height and width of the images.

    Returns:
        float32 (N, H, W), not negative; 0 everywhere if nothing speaks for the class.
    """
    if maps.dim() == 4:
        return maps.abs().sum(1)
    return F.interpolate(maps.unsqueeze(1), size, mode="bilinear", align_corners=False).squeeze(1).relu()
