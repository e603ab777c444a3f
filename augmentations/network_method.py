"""Methods that look at the network they train: at its gradient, its features, or from inside its forward pass."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.augmentations.method import Method, Step
from robustsweep.errors import UsageError


@dataclass(frozen=True)
class NetworkMethod(Method):
    """A method whose ``loss`` is all there is: without a network there is nothing to apply."""

    @abstractmethod
    def loss(self, step: Step) -> Tensor:
        """Compute the loss; see ``Method.loss``."""

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Refuse.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{self.name} augments with the help of the network in training: call its loss, not apply.")


@dataclass(frozen=True)
class GuidedMethod(NetworkMethod):
    """A method that lets the network choose images and targets, then trains on them as any other does."""

    @abstractmethod
    def augment(self, step: Step) -> tuple[Tensor, Tensor]:
        """Augment one batch by what the network makes of it.

        Returns:
            Images and targets of the shapes that came in, without a graph; the step is left as it was.
        """

    def loss(self, step: Step) -> Tensor:
        """Compute the mean loss of the augmented batch."""
        images, targets = self.augment(step)
        return step.criterion(step.network(images), targets).mean()


@contextmanager
def observing(network: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode inside, and back into the mode that each one had.

    Running statistics and dropout masks are then those of an observer: nothing that the network does inside changes it.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def input_gradient(step: Step) -> Tensor:
    """Differentiate each image's loss with respect to its pixels, seen in evaluation mode.

    Parameters' gradients, buffers and modes are left as they are. Evaluation mode makes an image's gradient its own:
    batch statistics would mix in those of the others.

    Returns:
        float32, shape (N, C, H, W); zero for an image whose gradient is not finite.
    """
    with observing(step.network), torch.enable_grad():
        images = step.images.detach().requires_grad_()
        loss = step.criterion(step.network(images), step.targets).sum()
        (gradient,) = torch.autograd.grad(loss, images)
    return finite_gradient(gradient)


def finite_gradient(gradient: Tensor) -> Tensor:
    """Return gradients of images, (N, C, H, W), as float32, those that are not finite as zero."""
    gradient = gradient.float()
    is_finite = torch.isfinite(gradient).flatten(1).all(1).view(-1, 1, 1, 1)
    return torch.where(is_finite, gradient, torch.zeros_like(gradient))


def unit_sum(maps: Tensor) -> Tensor:
    """Divide each map, shape (N, H, W) and not negative, by its sum; a map that is zero becomes constant."""
    total = maps.sum((1, 2), keepdim=True)
    constant = torch.full_like(maps, 1 / maps[0].numel())
    return torch.where(total > 0, maps / torch.where(total > 0, total, torch.ones_like(total)), constant)


def saliency_of(step: Step) -> Tensor:
    """Return the root mean square over channels of ``input_gradient``: float32, shape (N, H, W)."""
    return root_mean_square(input_gradient(step))


def root_mean_square(gradient: Tensor) -> Tensor:
    """Average gradients, shape (N, C, H, W), over channels: shape (N, H, W)."""
    return gradient.square().mean(1).sqrt()


def block_saliency(saliency: Tensor, n: int) -> Tensor:
    """Average saliency, shape (N, H, W), over the blocks of a grid and give it the sum 1: shape (N, n, n)."""
    block = saliency.shape[1] // n, saliency.shape[2] // n
    return unit_sum(F.avg_pool2d(saliency[:, None], block)[:, 0])
