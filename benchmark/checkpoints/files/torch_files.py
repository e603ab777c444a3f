"""Files of ``torch.save``, zip archives and older streams, read without PyTorch's unpickler.

The pickle inside is interpreted inertly, so a tensor is first a ``StoredTensor``: a shape and a place in the file.
Numbers are read for the tensors that are asked for, once it is known that they lie within the file.
"""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from robustsweep.benchmark.checkpoints.files.inert_pickle import read_pickle
from robustsweep.benchmark.checkpoints.files.pickle_records import Call
from robustsweep.benchmark.checkpoints.files.stored_tensors import MAKERS, Storage, StoredTensor, make_storage
from robustsweep.errors import CheckpointError

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_LOCAL_HEADER = 30


class TorchFile:
    """A file that was opened, its pickle interpreted.

    Attributes:
        path: The file.
        content: What was saved, with ``StoredTensor`` for tensors and ``Call`` for whatever would run code.

    Raises:
        CheckpointError: If it is not such a file.
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
        return read_pickle(io.BytesIO(_content(file, places[pickle_name])), MAKERS, make_storage)

    def _open_stream(self, file: BinaryIO) -> Any:
        """Read four pickles, the names of the storages, and where each storage lies."""
        first = read_pickle(file, {}, Call)
        if first != _MAGIC_NUMBER:
            file.seek(0)
            return read_pickle(file, MAKERS, make_storage)
        read_pickle(file, {}, Call)
        if read_pickle(file, {}, Call).get("little_endian") is False:
            raise _big_endian(self.path)
        found: dict[str, Storage] = {}

        def persistent(identity: Any) -> Any:
            storage = make_storage(identity)
            if isinstance(storage, Storage):
                found[storage.key] = storage
            return storage

        content = read_pickle(file, MAKERS, persistent)
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
        f"{path} is not a state dict that PyTorch can read without running code (truncated, TorchScript, or another "
        "kind of file); nothing in it was executed. Fetch it again, or save the state_dict alone."
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
