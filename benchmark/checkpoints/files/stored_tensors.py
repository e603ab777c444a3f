"""Tensors of a pickle before they are read: inert records of where their numbers lie.

The makers here stand for the functions that PyTorch's own files ask to call; none of them is ever called.
"""

import math
import struct
from dataclasses import dataclass
from typing import Any

import torch

from robustsweep.benchmark.checkpoints.files.pickle_records import Call, Global, Maker, safe_items

_MOST_DIMENSIONS = 64
_MOST_ELEMENTS = 1 << 48
_MOST_BYTES_OF_A_NUMBER = 16
_DTYPES = {str(value).removeprefix("torch."): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
}


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """Numbers of a file that tensors view.

    Attributes:
        key: Its name in the file.
        dtype: Type of its numbers.
        numel: How many there are.
        start: First number that belongs to it, if it is a part of another.
    """

    key: str
    dtype: torch.dtype
    numel: int
    start: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class StoredTensor:
    """A tensor that has not been read.

    Attributes:
        storage: Where its numbers are.
        dtype: Their type.
        offset: Number in the storage with which it begins.
        shape: Its shape.
        stride: Its strides.
    """

    storage: Storage
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def is_inside(self) -> bool:
        """Whether it has no more elements than its storage, and all of them lie in there."""
        n_stored = self.storage.numel * self.storage.dtype.itemsize // self.dtype.itemsize
        numel = math.prod(self.shape)
        last = self.offset + sum((side - 1) * step for side, step in zip(self.shape, self.stride, strict=True))
        return numel == 0 or (numel <= n_stored and last < n_stored)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST_ELEMENTS


def make_storage(identity: Any) -> Any:
    """Make what stands for a persistent id: a storage, or something inert."""
    match identity:
        case ("storage", Global(name), str(key), _, numel, *view) if _is_count(numel):
            dtype = _STORAGES.get(name.rpartition(".")[2]) if name.startswith("torch.") else None
            match view:
                case [(_, start, n_viewed)] if dtype and _is_count(start) and _is_count(n_viewed):
                    return Storage(key, dtype, n_viewed, start)
                case [] | [None] if dtype:
                    return Storage(key, dtype, numel)
            return Call(name)
        case ("module", Global(name), *_):  # how old streams name a class, with its source
            return Call(name)
    return Call("a persistent id")


def _tensor(storage: Any = None, offset: Any = 0, shape: Any = (), stride: Any = (), *rest: Any) -> Any:
    if not isinstance(storage, Storage):
        return Call("torch._utils._rebuild_tensor_v2")
    dtype: torch.dtype | None = storage.dtype
    if len(rest) > 2 and isinstance(rest[2], Global):  # a type that untyped storages hold
        dtype = _DTYPES.get(rest[2].name.removeprefix("torch."))
    are_tuples = isinstance(shape, tuple) and isinstance(stride, tuple)
    if dtype is None or not are_tuples or not len(shape) == len(stride) <= _MOST_DIMENSIONS:
        return Call("torch._utils._rebuild_tensor_v2")
    if not all(_is_count(number) for number in (offset, *shape, *stride)):
        return Call("torch._utils._rebuild_tensor_v2")
    return StoredTensor(storage, dtype, offset, shape, stride)


def _first(value: Any = None, *rest: Any) -> Any:
    return value


def _rebuilt(function: Any = None, kind: Any = None, arguments: Any = (), *rest: Any) -> Any:
    """Make a parameter with attributes of its own, which are left out."""
    is_plain = isinstance(kind, Global) and kind.name in ("torch.Tensor", "torch.nn.parameter.Parameter")
    maker = _TENSORS.get(function.name) if isinstance(function, Global) and is_plain else None
    return maker(*arguments) if maker and isinstance(arguments, tuple) else Call("torch._tensor._rebuild_from_type_v2")


def _mapping(*arguments: Any) -> dict[Any, Any]:
    match arguments:
        case [dict(content), *_]:
            return content  # no copy: a pickle could ask for many of a large one
        case [list(pairs), *_]:
            content = safe_items(
                (pair[0], pair[1]) for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2
            )
            pairs.clear()  # for the same reason
            return content
    return {}


def _encoded(text: Any = None, encoding: Any = None) -> Any:
    is_number = isinstance(text, str) and len(text) <= _MOST_BYTES_OF_A_NUMBER and encoding == "latin1"
    return text.encode("latin1", "replace") if is_number else Call("_codecs.encode")


def _numpy_scalar(dtype: Any = None, content: Any = None) -> Any:
    code = dtype.arguments[0] if isinstance(dtype, Call) and dtype.arguments else None
    layout = {"f8": "<d", "f4": "<f", "f2": "<e", "i8": "<q", "i4": "<i"}.get(code) if isinstance(code, str) else None
    if layout is None or not isinstance(content, bytes) or len(content) != struct.calcsize(layout):
        return Call("numpy.scalar")
    return struct.unpack(layout, content)[0]


_TENSORS: dict[str, Maker] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
}
MAKERS: dict[str, Maker] = _TENSORS | {
    "torch._tensor._rebuild_from_type_v2": _rebuilt,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
    "collections.Counter": _mapping,
    "_codecs.encode": _encoded,
    "numpy.core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray.scalar": _numpy_scalar,
}
