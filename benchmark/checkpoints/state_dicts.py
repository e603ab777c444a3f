"""State dicts from files of any name: judged by content, and read without running anything."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints.files.file_accuracy import FileAccuracy, find_accuracy
from robustsweep.benchmark.checkpoints.files.pickle_records import Call, Global
from robustsweep.benchmark.checkpoints.files.stored_tensors import StoredTensor
from robustsweep.benchmark.checkpoints.files.torch_files import TorchFile
from robustsweep.benchmark.checkpoints.native import is_safetensors, load_tensors, tensor_shapes
from robustsweep.benchmark.checkpoints.strict_copy import Shape
from robustsweep.errors import CheckpointError
from robustsweep.printable import listed, printable

_ENTRIES = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "ema", "state_dict_ema", "model_ema"),
    *("weights", "params", "net_state_dict", "network_state_dict"),
)
_DEEPEST_ENTRY = 3


@dataclass(frozen=True, slots=True)
class StateDict:
    """A state dict whose tensors have not been read.

    Attributes:
        path: Its file.
        shapes: Shape of every tensor, in the order of the file.
        unusable: What cannot be read of it, each with the reason.
        read: Reads the tensors of these names, on the CPU.
        accuracy: What the file says of its own accuracy.
    """

    path: Path
    shapes: Mapping[str, Shape]
    unusable: Mapping[str, str]
    read: Callable[[Collection[str]], dict[str, Tensor]]
    accuracy: FileAccuracy | None = None


def read_state_dict(path: Path, entry: str | None = None) -> StateDict:
    """Read what a file holds, without its numbers.

    The content decides, not the suffix: a safetensors file, or one of ``torch.save``, old or new, in which nothing
    runs and what is not a tensor or plain value is inert. If a file is a dict of several things, the state dict is
    its only one, its only one of a known name (``state_dict``, ``model``, ``ema``, ...), or the one that ``entry``
    names, with dots between the names of nested dicts.

    Args:
        path: The file.
        entry: Entry of the file that holds the state dict.

    Raises:
        CheckpointError: If the file is missing, or holds no single state dict.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is not a file." if path.exists() else f"{path} does not exist.")
    if is_safetensors(path):
        if entry is not None:
            raise CheckpointError(f"{path} is a flat safetensors file; leave entry= out.")
        return StateDict(path, tensor_shapes(path), {}, lambda names: load_tensors(path, names))
    file = TorchFile(path)
    content = _select(file.content, path, entry)
    stored = {name: value for name, value in content.items() if isinstance(value, StoredTensor) and file.holds(value)}
    unusable = {name: _why_unusable(value) for name, value in content.items() if name not in stored}

    return StateDict(
        path,
        {name: tensor.shape for name, tensor in stored.items()},
        unusable,
        lambda names: file.read({name: stored[name] for name in names}),
        find_accuracy(file.content, partial(_number_of, file)),
    )


def _number_of(file: TorchFile, value: Any) -> float | None:
    """Read a number, or a tensor that holds one; None: it is neither, or too large."""
    if isinstance(value, StoredTensor) and file.holds(value) and value.shape in ((), (1,)):
        value = file.read({"": value})[""].item()
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None


def _why_unusable(value: Any) -> str:
    if isinstance(value, StoredTensor):
        return f"has shape {value.shape}, more than the file holds of it"
    if isinstance(value, Call | Global):
        return f"asks to run {printable(value.name)}"
    return f"is of type {type(value).__name__}"


def _is_state_dict(value: Any) -> bool:
    """Say whether a value maps names to tensors, or to what would need code to become one."""
    return (
        isinstance(value, dict)
        and all(isinstance(name, str) and isinstance(v, StoredTensor | Call) for name, v in value.items())
        and any(isinstance(v, StoredTensor) for v in value.values())
    )


def _candidates(
    value: Any, seen: dict[int, bool], names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """List the state dicts of a file, each with the names of the entries that lead to it.

    A dict can stand at many places; ``seen`` says of each that was looked at whether it is a state dict.
    """
    if not isinstance(value, dict) or (id(value) in seen and not seen[id(value)]):
        return
    if id(value) not in seen:
        seen[id(value)] = _is_state_dict(value)
    if seen[id(value)]:
        yield names, value
    elif len(names) < _DEEPEST_ENTRY:
        for name, inner in value.items():
            if isinstance(name, str):
                yield from _candidates(inner, seen, (*names, name))


def _select(content: Any, path: Path, entry: str | None) -> dict[str, Any]:
    found = {".".join(names): state for names, state in _candidates(content, {})}
    named = listed([name for name in found if name])
    if entry is not None:
        if entry not in found:
            raise CheckpointError(f"{path} has no state dict {entry!r}; it has {named or 'none that has a name'}.")
        return found[entry]
    if not found:
        raise _without_state_dict(content, path)
    if len(found) > 1:
        known = [name for name in found if name.rpartition(".")[2] in _ENTRIES or name.partition(".")[0] in _ENTRIES]
        if len(known) != 1:
            raise CheckpointError(
                f"{path} holds several state dicts and it is not clear which are the weights; choose one with "
                f"entry=NAME: {named}."
            )
        return found[known[0]]
    return next(iter(found.values()))


def _without_state_dict(content: Any, path: Path) -> CheckpointError:
    values = [content, *content.values()] if isinstance(content, dict) else [content]
    asked = next((value.name for value in values if isinstance(value, Call | Global)), None)
    if asked is not None:
        return CheckpointError(
            f"{path} holds more than tensors: it asks to run {printable(asked)}. It was refused, and nothing in it was "
            "executed; if you trust it, save the state_dict alone: torch.save(network.state_dict(), FILE)."
        )
    if not isinstance(content, dict):
        kind = "tensor" if isinstance(content, StoredTensor) else type(content).__name__
        return CheckpointError(f"{path} holds a {kind}, expected a state dict.")
    return CheckpointError(f"{path} holds no state dict: no entry maps names to tensors and to nothing else.")


def weights_hash(network: nn.Module) -> str:
    """Return the sha256 over names, types, shapes and bytes of the state dict, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        flat = tensor.detach().cpu().contiguous().view(-1)
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return digest.hexdigest()
