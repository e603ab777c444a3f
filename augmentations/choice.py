"""A choice between methods: one of several, drawn for each batch or each image; and RandoMix, a published one.

Source: Liu, Shen, Zhao and Nie, "RandoMix: A mixed sample data augmentation method with multiple mixed modes"
(arXiv 2205.08728): Mixup, CutMix, ResizeMix and FMix with one weight each; what is drawn mixes images and labels by its
own rule. No code of the authors was found; that a draw holds for a batch is a reading. The paper's first version
called it RandomMix, hence its code ``randommix``; another method of that name mixes pairs with negative weights.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from robustsweep.augmentations.combination import Combination, Operation, augments_alone
from robustsweep.augmentations.method import METHODS, Method, Step, require


@METHODS.register("choice")
@dataclass(frozen=True)
class Choice(Combination):
    """Passes each batch, or each image, to one of several methods.

    Attributes:
        operations: At least one method by name and parameters, such as ``{"method": "cutmix", "alpha": 0.5}``;
            kept with all of its parameters.
        weights: Relative chances, none negative, one for each operation; empty: equal ones.
        per_sample: Whether every image draws its own operation, and mixes with partners that drew the same one; else
            the draw of a batch's first image holds for the batch. Methods that change pixels before the
            normalisation or have a loss of their own can only be drawn for a batch.
    """

    name = "choice"
    own_columns = 1
    operations: Sequence[Operation] = ({"method": "mixup"}, {"method": "cutmix"})
    weights: Sequence[float] = ()
    per_sample: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = tuple(self.weights) or (1.0,) * len(self.operations)
        require(len(weights) == len(self.methods), self.name, "weights", f"{len(self.methods)} numbers", self.weights)
        are_chances = all(math.isfinite(weight) and weight >= 0 for weight in weights) and sum(weights) > 0
        require(are_chances, self.name, "weights", "at least 0, and one of them more", self.weights)
        if self.per_sample:
            whole = [each.name for each in self.methods if not augments_alone(each)]
            require(not whole, self.name, "per_sample", f"false with {', '.join(whole)}", self.per_sample)
        object.__setattr__(self, "weights", weights)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Let the batch's operation distort pixels."""
        if self.per_sample:
            return images
        operation, columns = self.operation_of_batch(sample)
        return operation.pixels(images, sample[:, columns])

    def loss(self, step: Step) -> Tensor:
        """Let the batch's operation compute the loss."""
        if self.per_sample:
            return super().loss(step)
        operation, columns = self.operation_of_batch(step.sample)
        return operation.loss(replace(step, sample=step.sample[:, columns]))

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Augment one batch; see ``Method.apply``."""
        if not self.per_sample:
            operation, columns = self.operation_of_batch(sample)
            return operation.apply(images, targets, sample[:, columns])
        chosen, augmented, mixed = self._chosen(sample), images.clone(), targets.clone()
        for number, (operation, columns) in enumerate(self.parts):
            rows = (chosen == number).nonzero()[:, 0]
            if len(rows):
                augmented[rows], mixed[rows] = operation.apply(images[rows], targets[rows], sample[rows][:, columns])
        return augmented, mixed

    def operation_of_batch(self, sample: Tensor) -> tuple[Method, slice]:
        """Return the operation that a batch's first row draws, and its columns of the sample."""
        return self.parts[int(self._chosen(sample[:1]))]

    def _chosen(self, sample: Tensor) -> Tensor:
        """Return which operation each row drew: int64, shape (N,)."""
        ends = torch.tensor(self.weights, dtype=torch.float64, device=sample.device).cumsum(0)
        # Ends that equal the number lie left of it, so that an operation of weight 0 is never drawn.
        return torch.searchsorted(ends, sample[:, 0] * ends[-1], right=True)


@METHODS.register("randommix")
@dataclass(frozen=True)
class RandoMix(Choice):
    """Mixes each batch by Mixup, CutMix, ResizeMix or FMix, drawn with equal weights."""

    name = "randommix"
    operations: Sequence[Operation] = (
        {"method": "mixup"},
        {"method": "cutmix"},
        {"method": "resizemix"},
        {"method": "fmix"},
    )
