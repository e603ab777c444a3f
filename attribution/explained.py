"""The logit that a map explains: a checked network in evaluation mode, and its gradient."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from robustsweep.attacks.losses import Loss
from robustsweep.attacks.target import Target, check_attackable, check_labels, evaluation_context
from robustsweep.augmentations.network_method import observing
from robustsweep.values import require_kind


@contextmanager
def explaining(
    network: nn.Module, images: Tensor, targets: Tensor, name: str, ids: Tensor | None = None
) -> Iterator[Target]:
    """Check a network, images and target classes, and differentiate the target classes' logits inside.

    Logits, not probabilities: the gradient of a probability vanishes if the network is sure. Every module is in
    evaluation mode inside and in its own mode afterwards, so that an image's map does not depend on its batch.

    Args:
        network: From float32 images (N, 3, H, W) in [0, 1] to logits; the normalisation is inside it.
        images: float32 (N, 3, H, W) in [0, 1].
        targets: int64 (N,), the classes to explain.
        name: The map's name, for errors.
        ids: int64 (N,), checked if there are any.

    Raises:
        DataError: If images, targets or ids do not fit.
        UsageError: If the network is not a module, or does not return logits.
        NoGradientError: If there is no gradient, or it is not finite.
    """
    require_kind(network, nn.Module, "The network must be a torch.nn.Module on images in [0, 1]")
    with observing(network), evaluation_context():
        check_attackable(network, images, targets, targets if ids is None else ids)
        yield Target(network, network, Loss(_target_logit, classes=1), name)


def logit_gradient(explained: Target, images: Tensor, targets: Tensor) -> Tensor:
    """Differentiate each image's target logit with respect to its pixels: float32 of the images' shape."""
    leaf, logits = explained.differentiable(images)
    return gradient_at(explained, leaf, logits, targets)


def gradient_at(explained: Target, place: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
    """Differentiate each image's target logit with respect to ``place``, any tensor that the logits come from."""
    everyone = torch.ones(len(targets), dtype=torch.bool, device=targets.device)
    gradient, _ = explained.gradient(place, logits, targets, None, everyone)
    return gradient.float()


def _target_logit(logits: Tensor, labels: Tensor) -> Tensor:
    check_labels(labels, logits)
    return logits.gather(1, labels.unsqueeze(1)).squeeze(1)
