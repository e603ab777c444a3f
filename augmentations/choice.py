"""A choice between methods: one of several, drawn for each batch or each image; and RandoMix, a published one.

Source: Liu, Shen, Zhao and Nie, "RandoMix: A mixed sample data augmentation method with multiple mixed modes"
(arXiv 2205.08728): Mixup, CutMix, ResizeMix and FMix with one weight each; what is drawn mixes images and labels by its
own rule. No code of the authors was found; that a draw holds for a batch is a reading. The paper's first version
called it RandomMix, hence its code ``randommix``; another method of that name mixes pairs with negative weights.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method, Step, build_method, overlapped_by, require
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

Operation = dict[str, Any]
"""A method's name under ``"method"``, and any of its parameters beside it."""


@METHODS.register("choice")
@dataclass(frozen=True)
class Choice(Method):
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
    operations: Sequence[Operation] = ({"method": "mixup"}, {"method": "cutmix"})
    weights: Sequence[float] = ()
    per_sample: bool = False

    def __post_init__(self) -> None:
        weights = tuple(self.weights) or (1.0,) * len(self.operations)
        built = [_build(operation) for operation in self.operations]
        require(len(built) > 0, self.name, "operations", "at least one method", self.operations)
        require(len(weights) == len(built), self.name, "weights", f"{len(built)} numbers", self.weights)
        are_chances = all(math.isfinite(weight) and weight >= 0 for weight in weights) and sum(weights) > 0
        require(are_chances, self.name, "weights", "at least 0, and one of them more", self.weights)
        if self.per_sample:
            whole = [each.name for each in built if not augments_alone(each)]
            require(not whole, self.name, "per_sample", f"false with {', '.join(whole)}", self.per_sample)
        # The dataclass is frozen: what is kept is complete, so that the card says everything.
        operations = tuple({"method": each.name, **each.parameters()} for each in built)
        object.__setattr__(self, "operations", operations)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "_parts", tuple(_with_columns(built)))

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of all operations."""
        return overlapped_by(*(operation for operation, _ in self._operations()))

    @property
    def overlaps_attacks(self) -> bool:
        """Whether one of its operations does."""
        return any(operation.overlaps_attacks for operation, _ in self._operations())

    def sample(self, draws: Draws) -> Tensor:
        """Draw a uniform number for the choice, then what each operation draws, one after another."""
        return torch.cat([draws.uniform(1), *(operation.sample(draws) for operation, _ in self._operations())], dim=1)

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
        for number, (operation, columns) in enumerate(self._operations()):
            rows = (chosen == number).nonzero()[:, 0]
            if len(rows):
                augmented[rows], mixed[rows] = operation.apply(images[rows], targets[rows], sample[rows][:, columns])
        return augmented, mixed

    def operation_of_batch(self, sample: Tensor) -> tuple[Method, slice]:
        """Return the operation that a batch's first row draws, and its columns of the sample."""
        return self._operations()[int(self._chosen(sample[:1]))]

    def _operations(self) -> tuple[tuple[Method, slice], ...]:
        """Return each operation with its columns of the sample."""
        parts: tuple[tuple[Method, slice], ...] = self.__dict__["_parts"]
        return parts

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


def _build(operation: object) -> Method:
    if not isinstance(operation, dict) or not isinstance(operation.get("method"), str):
        raise UsageError(f'An operation is {{"method": NAME}} with the parameters beside it, got {operation!r}.')
    return build_method(**{("name" if key == "method" else key): value for key, value in operation.items()})


def _with_columns(operations: Sequence[Method]) -> Iterator[tuple[Method, slice]]:
    """Yield each operation with its columns of the sample, whose first one holds the choice."""
    start, single = 1, Draws(0, "width", torch.zeros(1, dtype=torch.int64))
    for operation in operations:
        width = operation.sample(single).shape[1]
        yield operation, slice(start, start + width)
        start += width


def augments_alone(method: Method) -> bool:
    """Say whether ``apply`` is all that a method does to a batch."""
    if isinstance(method, Choice):
        return all(augments_alone(each) for each, _ in method._operations())
    return type(method).pixels is Method.pixels and type(method).loss is Method.loss
