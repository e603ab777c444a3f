"""The names and sizes of a network's tensors, without their memory."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from robustsweep.benchmark.checkpoints.networks.network import build_network
from robustsweep.benchmark.checkpoints.strict_copy import Shape, shapes_of
from robustsweep.errors import CheckpointError, MissingDependencyError, UsageError

_CREATORS = frozenset((torch.empty, torch.zeros, torch.ones, torch.full))
_RANDOM_CREATORS = frozenset((torch.rand, torch.randn))
_DRAWS = frozenset(("normal_", "uniform_", "erfinv_", "bernoulli_", "exponential_"))


class _WithoutMemory(TorchFunctionMode):
    """Puts the tensors that layers create on the meta device.

    The device itself is not made the default, because some libraries compute the widths of their layers with small
    tensors whose values they read.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        filled = args[0] if args else kwargs.get("tensor")
        if getattr(func, "__name__", "") in _DRAWS and isinstance(filled, Tensor) and filled.is_meta:
            return filled  # PyTorch would import its compiler to draw nothing
        if func in _RANDOM_CREATORS and "generator" not in kwargs:
            func = torch.empty
        if func in _CREATORS and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Outline:
    """A network of which names and sizes are meant, and no values.

    Attributes:
        module: The network, on the meta device.
        shapes: Shape of each tensor of its state dict.
        n_bytes: What they take together.
    """

    module: nn.Module
    shapes: Mapping[str, Shape]
    n_bytes: int


def outline(architecture: str, classes: int | None) -> Outline:
    """Outline a network that is not the user's own code.

    Args:
        architecture: See ``build_network``.
        classes: Number of outputs; None: the library's own number.

    Raises:
        UsageError: If the name is unknown.
        CheckpointError: If it cannot be built.
        MissingDependencyError: If its library is not installed.
    """
    try:
        with _WithoutMemory():
            module = build_network(architecture, classes).module
    except (CheckpointError, MissingDependencyError, UsageError):
        raise
    except Exception as error:  # a library can raise anything on sizes that it cannot have
        raise CheckpointError(f"{architecture} with {classes} classes cannot be built ({error}).") from error
    state: dict[str, Tensor] = module.state_dict()
    n_bytes = sum(math.prod(tensor.shape) * tensor.dtype.itemsize for tensor in state.values())
    return Outline(module, shapes_of(state), n_bytes)
