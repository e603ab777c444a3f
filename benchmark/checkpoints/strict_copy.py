"""Copying weights into a network: every name and shape has to fit, and every value has to be finite."""

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from robustsweep.errors import CheckpointError
from robustsweep.printable import listed

Shape = tuple[int, ...]

_REMEDY = "name the architecture that it was trained with"


def check_fit(own: Mapping[str, Shape], given: Mapping[str, Shape], what: str, optional: Collection[str] = ()) -> None:
    """Compare the shapes of a file with those of a network.

    Args:
        own: What the network has.
        given: What the file has.
        what: The file, for errors.
        optional: Names that the file may lack.

    Raises:
        CheckpointError: Listing what is missing, unexpected, or of another shape.
    """
    shapes = [
        f"{name} is {given[name]}, expected {own[name]}" for name in own if given.get(name, own[name]) != own[name]
    ]
    if shapes:
        raise CheckpointError(f"{what} does not fit the architecture: {listed(shapes)}; {_REMEDY}.")
    missing = [name for name in own if name not in given and not is_optional(name) and name not in optional]
    unexpected = [name for name in given if name not in own]
    if missing or unexpected:
        differing = {"missing": missing, "unexpected": unexpected}
        parts = "; ".join(f"{kind} {listed(names)}" for kind, names in differing.items() if names)
        raise CheckpointError(f"{what} does not fit the architecture: {parts}; {_REMEDY}.")


def is_optional(name: str) -> bool:
    """Say whether files may lack a name: those older than PyTorch 0.4.1 lack a counter that evaluation never uses."""
    return name.endswith("num_batches_tracked")


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, Shape]:
    """Return the shape of each tensor."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def load_strictly(network: nn.Module, tensors: Mapping[str, Tensor], what: str, optional: Collection[str] = ()) -> None:
    """Copy the tensors into the network, all of them and nothing else.

    Args:
        network: The network.
        tensors: Its state dict.
        what: The file, for errors.
        optional: Names that may be missing; the network keeps its own.

    Raises:
        CheckpointError: Listing what is missing, unexpected, of another shape, or not finite.
    """
    check_fit(shapes_of(network.state_dict()), shapes_of(tensors), what, optional)
    if unreal := [name for name, tensor in tensors.items() if tensor.is_complex()]:
        raise CheckpointError(f"{what} holds complex numbers, in {listed(unreal)}.")
    try:
        network.load_state_dict(dict(tensors), strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{what} cannot be copied into the architecture ({error}).") from error
    # The network's own tensors: a float64 value may be finite in the file and not in the network.
    broken = [name for name, tensor in network.state_dict().items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(f"{what} holds values that are not finite, in {listed(broken)}.")


def number_of_classes(shapes: Mapping[str, Shape], path: Path) -> int:
    """Read the number of outputs off the last matrix.

    Raises:
        CheckpointError: If there is none.
    """
    rows = [shape[0] for shape in shapes.values() if len(shape) == 2 and min(shape) > 0]
    if not rows:
        raise CheckpointError(f"{path} has no fully connected layer to count the classes by; say classes=N.")
    return rows[-1]
