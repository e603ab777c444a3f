"""Files of ``torch.save``, zip archives and older streams, read without PyTorch's unpickler.

The pickle inside is interpreted inertly, so a tensor is first a ``StoredTensor``: a shape and a place in the file.
Numbers are read for the tensors that are asked for, once it is known that they lie within the file.
"""

import io
import math
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from robustsweep.benchmark.checkpoints.inert_pickle import Call, Global, Maker, read_pickle, safe_items
from robustsweep.errors import CheckpointError

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_MOST_DIMENSIONS = 64
_MOST_ELEMENTS = 1 << 48
_MOST_BYTES_OF_A_NUMBER = 16
_LOCAL_HEADER = 30
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
        start: First number that belongs to it, where it is a part of another.
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


class TorchFile:
    """A file that was opened, its pickle interpreted.

    Attributes:
        path: The file.
        content: What was saved, with ``StoredTensor`` for tensors and ``Call`` for whatever would run code.

    Raises:
        CheckpointError: If it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        try:
            with path.open("rb") as file:
                is_archive = file.read(4) == b"PK\x03\x04"
                file.seek(0)
                self.content: Any = self._open_archive(file) if is_archive else self._open_stream(file)
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read ({error.strerror or error}).") from None
        except CheckpointError:
            raise
        except Exception:  # a damaged file can raise anything
            raise unreadable(path) from None

    def _open_archive(self, file: BinaryIO) -> Any:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename: info for info in archive.infolist()}
        (pickle_name,) = (name for name in members if name.endswith("/data.pkl") and name.count("/") == 1)
        top = pickle_name.removesuffix("data.pkl")
        if f"{top}constants.pkl" in members:
            raise unreadable(self.path)  # TorchScript, whose weights are attributes of compiled code
        size = self.path.stat().st_size
        places = {name: _place(file, info, size) for name, info in members.items()}
        if _content(file, places.get(f"{top}byteorder", (0, 0))) == b"big":
            raise _big_endian(self.path)
        prefix = f"{top}data/"
        self._places = {name.removeprefix(prefix): at for name, at in places.items() if name.startswith(prefix)}
        return read_pickle(io.BytesIO(_content(file, places[pickle_name])), _MAKERS, _storage)

    def _open_stream(self, file: BinaryIO) -> Any:
        """Read four pickles, the names of the storages, and where each storage lies."""
        first = read_pickle(file, {}, Call)
        if first != _MAGIC_NUMBER:
            file.seek(0)
            return read_pickle(file, _MAKERS, _storage)
        read_pickle(file, {}, Call)
        if read_pickle(file, {}, Call).get("little_endian") is False:
            raise _big_endian(self.path)
        found: dict[str, Storage] = {}

        def persistent(identity: Any) -> Any:
            storage = _storage(identity)
            if isinstance(storage, Storage):
                found[storage.key] = storage
            return storage

        content = read_pickle(file, _MAKERS, persistent)
        size = self.path.stat().st_size
        for key in read_pickle(file, {}, Call):
            (numel,) = struct.unpack("<q", file.read(8))
            n_bytes = numel * found[key].dtype.itemsize
            if not 0 <= n_bytes <= size - file.tell():
                raise ValueError("a storage ends behind the file")
            self._places[key] = (file.tell(), n_bytes)
            file.seek(n_bytes, io.SEEK_CUR)
        return content

    def holds(self, tensor: StoredTensor) -> bool:
        """Say whether a tensor lies within its storage, and that within the file."""
        storage = tensor.storage
        _, n_bytes = self._places.get(storage.key, (0, -1))
        return tensor.is_inside and (storage.start + storage.numel) * storage.dtype.itemsize <= n_bytes

    def read(self, tensors: Mapping[str, StoredTensor]) -> dict[str, Tensor]:
        """Read tensors that lie within their storages; those of one storage share memory.

        Raises:
            CheckpointError: If the file does not hold what it says.
        """
        try:
            with self.path.open("rb") as file:
                storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
                if sum(self._places[key][1] for key in storages) > self.path.stat().st_size:
                    raise ValueError("storages overlap")
                read = {key: _buffer(_content(file, self._places[key])) for key in storages}
            return {name: _view(tensor, read[tensor.storage.key]) for name, tensor in tensors.items()}
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be read ({error.strerror or error}).") from None
        except Exception:  # a damaged file can raise anything
            raise unreadable(self.path) from None


def unreadable(path: Path) -> CheckpointError:
    """Make the error for a file that is none of PyTorch's."""
    return CheckpointError(
        f"{path} is no state dict that PyTorch can read without running code (truncated, TorchScript, or another kind "
        "of file); nothing in it was executed. Fetch it again, or save the state_dict alone."
    )


def _big_endian(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} was written on a big-endian machine; save it again on another, or as safetensors.")


def _place(file: BinaryIO, info: zipfile.ZipInfo, size: int) -> tuple[int, int]:
    """Find where the bytes of a member begin, and how many there are."""
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{info.filename} is compressed, as PyTorch never does")
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    n_name, n_extra = struct.unpack("<HH", header[-4:])
    start = info.header_offset + _LOCAL_HEADER + n_name + n_extra
    if not 0 <= info.file_size <= size - start:
        raise ValueError(f"{info.filename} ends behind the file")
    return start, info.file_size


def _content(file: BinaryIO, place: tuple[int, int]) -> bytes:
    start, n_bytes = place
    file.seek(start)
    content = file.read(n_bytes)
    if len(content) != n_bytes:
        raise ValueError("the file is cut off")
    return content


def _buffer(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)


def _view(tensor: StoredTensor, content: Tensor) -> Tensor:
    itemsize = tensor.dtype.itemsize
    first = tensor.storage.start * tensor.storage.dtype.itemsize
    n_bytes = tensor.storage.numel * tensor.storage.dtype.itemsize // itemsize * itemsize
    if not tensor.is_inside or first + n_bytes > len(content):
        raise ValueError("a tensor reaches beyond its storage")
    # A copy of a part that begins anywhere is aligned.
    numbers = content[first : first + n_bytes]
    numbers = (numbers if first % itemsize == 0 else numbers.clone()).view(tensor.dtype)
    return torch.as_strided(numbers, tensor.shape, tensor.stride, numbers.storage_offset() + tensor.offset)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST_ELEMENTS


def _storage(identity: Any) -> Any:
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
    dtype = storage.dtype if isinstance(storage, Storage) else None
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
_MAKERS: dict[str, Maker] = _TENSORS | {
    "torch._tensor._rebuild_from_type_v2": _rebuilt,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
    "collections.Counter": _mapping,
    "_codecs.encode": _encoded,
    "numpy.core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray.scalar": _numpy_scalar,
}
