"""CUDA tensors without a GPU and without values: what mixes them with tensors of the CPU is refused, as on a GPU.

What is read back from the device has the right type and shape, and nothing of the truth: numbers are 0, ``all`` holds,
``any`` does not, and every mask selects everything. Gradients have the shape of what they are gradients of, since
PyTorch's engine differentiates nothing on a device that is not there.
"""

import functools
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten
# The later two reach the mode in inference mode alone.
_SCALARS = (ATEN._local_scalar_dense.default, ATEN.item.default, ATEN.is_nonzero.default)


class _ReadBack(TorchDispatchMode):
    """Answers what depends on values, which FakeTensorMode below it refuses."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is ATEN.allclose.default:
            return True
        if func in _SCALARS:
            try:
                return func(*args)
            except DataDependentOutputException:
                return _zeros(args[0]).item() if args[0].dtype != torch.bool else not getattr(args[0], "is_any", False)
        if func is ATEN.nonzero.default:
            return args[0].new_zeros((args[0].numel(), args[0].dim()), dtype=torch.int64)
        if func is ATEN.bincount.default:
            minlength = (kwargs or {}).get("minlength", args[2] if len(args) > 2 else 0)
            return args[0].new_zeros(max(1, minlength), dtype=torch.int64)
        if func is ATEN.index.Tensor:
            args = (args[0], [where for index in args[1] for where in _whole(index)])
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket is ATEN.any:
            result.is_any = True
        return result


def _whole(index: Tensor | None) -> list[Tensor | None]:
    if index is None or index.dtype != torch.bool:
        return [index]
    return [torch.zeros(index.numel(), dtype=torch.int64, device=index.device) for _ in range(index.dim())]


def _zeros(tensor: Tensor) -> Any:
    return np.zeros(tensor.shape, str(tensor.dtype).removeprefix("torch."))


def _array(tensor: Tensor, **_: object) -> Any:
    # As a tensor of a GPU refuses it.
    if tensor.device.type != "cpu":
        raise TypeError("can't convert cuda:0 device type tensor to numpy.")
    return _zeros(tensor)


def _for_fakes(name: str, of_fake: Any) -> Any:
    plain = getattr(Tensor, name)

    def method(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        return (of_fake if isinstance(tensor, FakeTensor) else plain)(tensor, *args, **kwargs)

    return mock.patch.object(Tensor, name, method)


def _gradients(outputs: Tensor, inputs: Any, *_: object, **__: object) -> tuple[Tensor, ...]:
    return tuple(torch.empty_like(one) for one in ([inputs] if isinstance(inputs, Tensor) else inputs))


def _backward(loss: Tensor) -> None:
    assert loss.device.type == "cuda"


def _forget() -> None:
    """Empty the product's caches, in which tensors with values and without must not meet."""
    for name, module in list(sys.modules.items()):
        for found in list(vars(module).values()) if name.startswith("robustsweep.") else ():
            if type(found) is functools._lru_cache_wrapper:
                found.cache_clear()


@contextmanager
def fake_cuda() -> Iterator[None]:
    """Make every tensor inside a fake one, and CUDA a device to put it on."""
    _forget()
    try:
        with ExitStack() as stack:
            stack.enter_context(_for_fakes("numpy", _array))
            stack.enter_context(_for_fakes("tolist", lambda tensor: _zeros(tensor).tolist()))
            stack.enter_context(mock.patch("torch.autograd.grad", _gradients))
            stack.enter_context(mock.patch("torch.autograd.backward", _backward))
            stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
            stack.enter_context(_ReadBack())
            yield
    finally:
        _forget()
