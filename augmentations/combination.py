"""Methods that are made of others, which stand in a list by name and parameters."""

from abc import ABC
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustsweep.augmentations.method import Method, build_method, require
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

Operation = dict[str, Any]
"""A method's name under ``"method"``, and any of its parameters beside it."""


@dataclass(frozen=True)
class Combination(Method, ABC):
    """A method that passes images to others.

    Attributes:
        operations: At least one method by name and parameters, such as ``{"method": "cutmix", "alpha": 0.5}``;
            kept with all of its parameters.
        own_columns: How many numbers it draws before those of its operations (class attribute).
    """

    operations: Sequence[Operation] = ()
    own_columns: ClassVar[int] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        built = [_build(operation) for operation in self.operations]
        require(len(built) > 0, self.name, "operations", "at least one method", self.operations)
        # The dataclass is frozen: what is kept is complete, so that the card says everything.
        operations = tuple({"method": each.name, **each.parameters()} for each in built)
        object.__setattr__(self, "operations", operations)
        object.__setattr__(self, "_parts", tuple(_with_columns(built, self.own_columns)))

    @property
    def parts(self) -> tuple[tuple[Method, slice], ...]:
        """Each operation with its columns of the sample."""
        parts: tuple[tuple[Method, slice], ...] = self.__dict__["_parts"]
        return parts

    @property
    def methods(self) -> list[Method]:
        """The operations."""
        return [method for method, _ in self.parts]

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Those of all operations, each once."""
        return tuple(dict.fromkeys(name for method in self.methods for name in method.overlapped_corruptions))

    @property
    def search_seconds(self) -> float | None:
        """Of all operations together."""
        return sum(method.search_seconds or 0.0 for method in self.methods) or None

    @property
    def overlaps_attacks(self) -> bool:
        """Whether one of its operations does."""
        return any(method.overlaps_attacks for method in self.methods)

    @property
    def smooths_labels(self) -> bool:
        """Whether one of its operations does."""
        return any(method.smooths_labels for method in self.methods)

    def sample(self, draws: Draws) -> Tensor:
        """Draw its own uniform numbers, then what each operation draws, one after another."""
        own = [draws.uniform(self.own_columns)] if self.own_columns else []
        return torch.cat([*own, *(method.sample(draws) for method in self.methods)], dim=1)


def _build(operation: object) -> Method:
    if not isinstance(operation, dict) or not isinstance(operation.get("method"), str):
        raise UsageError(f'An operation is {{"method": NAME}} with the parameters beside it, got {operation!r}.')
    return build_method(**{("name" if key == "method" else key): value for key, value in operation.items()})


def _with_columns(methods: Sequence[Method], start: int) -> Iterator[tuple[Method, slice]]:
    single = Draws(0, "width", torch.zeros(1, dtype=torch.int64))
    for method in methods:
        width = method.sample(single).shape[1]
        yield method, slice(start, start + width)
        start += width


def augments_alone(method: Method) -> bool:
    """Say whether ``apply`` is all that a method does to a batch."""
    if isinstance(method, Combination):
        return all(map(augments_alone, method.methods))
    return type(method).pixels is Method.pixels and not has_own_loss(method)


def has_own_loss(method: Method) -> bool:
    """Say whether a method's loss is more than the criterion's on what ``apply`` makes."""
    if isinstance(method, Combination):
        return any(map(has_own_loss, method.methods))
    return type(method).loss is not Method.loss


def needs_pixels(method: Method) -> bool:
    """Say whether a method changes pixels before the normalisation."""
    if isinstance(method, Combination):
        return any(map(needs_pixels, method.methods))
    return type(method).pixels is not Method.pixels
