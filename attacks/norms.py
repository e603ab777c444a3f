"""The norms that a perturbation is measured in: length, projection, steepest ascent and uniform points of the ball.

L2 lengths are summed in float64: squares of small gradients do not underflow there, and the order of summation, which
may differ between batch sizes, does not reach a pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from robustsweep.attacks.protocols import TORCHATTACKS, WORST_ITERATE
from robustsweep.draws import Draws
from robustsweep.registry import unknown_name


@dataclass(frozen=True, slots=True)
class Norm:
    """One norm; n is the number of images and every function treats each image on its own.

    Attributes:
        name: ``"linf"`` or ``"l2"``, as in condition names.
        length: Maps (n, ...) to the (n,) float64 norms.
        dual_length: Maps a gradient (n, ...) to the (n,) float64 rise of the loss along a step of norm 1.
        project: Maps images (n, ...), centres (n, ...) and eps, one or float32 (n,), to the nearest points of the
            balls; a point inside its ball comes back bit for bit.
        ascent: Maps a gradient (n, ...) to the direction of norm 1 along which the loss rises fastest; zero for a
            zero gradient.
        sample: Maps draws and the shape of an image to float64 points (n, *shape), uniform in the unit ball.
    """

    name: str
    length: Callable[[Tensor], Tensor]
    dual_length: Callable[[Tensor], Tensor]
    project: Callable[[Tensor, Tensor, float | Tensor], Tensor]
    ascent: Callable[[Tensor], Tensor]
    sample: Callable[[Draws, tuple[int, ...]], Tensor]


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """View ``values`` (n,) so that it broadcasts against ``like`` (n, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))


def _linf_length(delta: Tensor) -> Tensor:
    return delta.flatten(1).abs().amax(1).to(torch.float64)


def _linf_dual_length(gradient: Tensor) -> Tensor:
    return gradient.flatten(1).to(torch.float64).abs().sum(1)


def _linf_project(images: Tensor, centre: Tensor, eps: float | Tensor) -> Tensor:
    reach = per_image(eps, centre) if isinstance(eps, Tensor) else eps
    return torch.clamp(images, centre - reach, centre + reach)


def _linf_sample(draws: Draws, shape: tuple[int, ...]) -> Tensor:
    return draws.uniform(*shape, low=-1.0, high=1.0)


def _l2_length(delta: Tensor) -> Tensor:
    return delta.flatten(1).to(torch.float64).square().sum(1).sqrt()


def _l2_project(images: Tensor, centre: Tensor, eps: float | Tensor) -> Tensor:
    delta = images - centre
    length = _l2_length(delta)
    factor = per_image((eps / length).to(images.dtype), images)
    return torch.where(per_image(length > eps, images), centre + delta * factor, images)


def _l2_ascent(gradient: Tensor) -> Tensor:
    length = per_image(_l2_length(gradient), gradient)
    unit = gradient.to(torch.float64) / torch.where(length > 0, length, 1.0)
    return unit.to(gradient.dtype)


def _l2_ascent_torchattacks(gradient: Tensor) -> Tensor:
    return gradient / per_image(gradient.flatten(1).norm(dim=1) + 1e-10, gradient)


def _l2_sample_torchattacks(draws: Draws, shape: tuple[int, ...]) -> Tensor:
    direction = draws.normal(*shape).to(torch.float64)
    return direction * per_image(draws.uniform() / _l2_length(direction), direction)


def _l2_sample(draws: Draws, shape: tuple[int, ...]) -> Tensor:
    direction = draws.normal(*shape).to(torch.float64)
    direction /= per_image(_l2_length(direction), direction)
    return direction * per_image(draws.uniform() ** (1 / direction[0].numel()), direction)


_NORMS = {
    "linf": Norm("linf", _linf_length, _linf_dual_length, _linf_project, torch.sign, _linf_sample),
    "l2": Norm("l2", _l2_length, _l2_length, _l2_project, _l2_ascent, _l2_sample),
}

# What torchattacks 3.5.1 does otherwise: the radius of a start is uniform, and 1e-10 is added to a gradient's length.
_L2_TORCHATTACKS = replace(_NORMS["l2"], ascent=_l2_ascent_torchattacks, sample=_l2_sample_torchattacks)


def find_norm(name: str, protocol: str = WORST_ITERATE) -> Norm:
    """Return the norm called ``name`` as a protocol starts and steps in it.

    Raises:
        UsageError: If there is none.
    """
    if name not in list(_NORMS):
        raise unknown_name("norm", name, list(_NORMS))
    return _L2_TORCHATTACKS if (name, protocol) == ("l2", TORCHATTACKS) else _NORMS[name]
