"""A chain of methods, one after another: what published recipes do when they add Cutout to a policy.

Source: the authors' code of TrivialAugment and RandAugment, whose CIFAR runs hide 16 of 32 pixels after the policy and
the normalisation, which the default does. Chains themselves are no published method.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from robustsweep.augmentations.combination import Combination, Operation, has_own_loss, needs_pixels
from robustsweep.augmentations.method import METHODS, Method, Step, require


@METHODS.register("chain")
@dataclass(frozen=True)
class Chain(Combination):
    """Passes every batch through several methods: the pixels of each in order, then normalised images of each in order.

    At most one may have a loss of its own. It stands last, unless it does its work on pixels, as AugMix does: what the
    others make of the normalised images is what its loss gets.

    Attributes:
        operations: At least one method by name and parameters, such as ``{"method": "cutout", "length": 0.5}``; kept
            with all of its parameters.
    """

    name = "chain"
    operations: Sequence[Operation] = ({"method": "trivialaugment"}, {"method": "cutout"})

    def __post_init__(self) -> None:
        super().__post_init__()
        # Methods that ask the network are among them.
        owners = [each for each in self.methods if has_own_loss(each)]
        names = ", ".join(each.name for each in owners)
        require(len(owners) < 2, self.name, "operations", "methods of which one at most has a loss of its own", names)
        is_last = not owners or owners[0] is self.methods[-1] or needs_pixels(owners[0])
        require(
            is_last, self.name, "operations", f"a list that ends with {names}, whose loss is its own", self.operations
        )

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Let each operation distort pixels, rounded to bytes for the next one; all views of an image get the same."""
        n_images = len(sample)
        for method, columns in self.parts:
            if not needs_pixels(method):
                continue
            if images.dtype != torch.uint8:
                images = images.round().clamp(0, 255).to(torch.uint8)
            views = [method.pixels(view, sample[:, columns]) for view in torch.split(images, n_images)]
            images = torch.cat(views) if len(views) > 1 else views[0]
        return images

    def loss(self, step: Step) -> Tensor:
        """Compute the loss of the operation that has one of its own on what the others make, else the criterion's."""
        owner = next((one for one in self.parts if has_own_loss(one[0])), None)
        others = [one for one in self.parts if one is not owner]
        views = torch.split(step.images, len(step.sample))
        changed = [_through(others, view, step.targets, step.sample) for view in views]
        images, targets = torch.cat([images for images, _ in changed]), changed[0][1]
        if owner is None:
            return step.criterion(step.network(images), targets).mean()
        method, columns = owner
        return method.loss(replace(step, images=images, targets=targets, sample=step.sample[:, columns]))

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Augment one batch by each operation in order; see ``Method.apply``."""
        return _through(self.parts, images, targets, sample)


def _through(
    parts: Sequence[tuple[Method, slice]], images: Tensor, targets: Tensor, sample: Tensor
) -> tuple[Tensor, Tensor]:
    for method, columns in parts:
        images, targets = method.apply(images, targets, sample[:, columns])
    return images, targets
