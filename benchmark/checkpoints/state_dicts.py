"""State dicts from anywhere, loaded without running anything and matched strictly."""

import hashlib
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints.native import load_tensors
from robustsweep.errors import CheckpointError

SUFFIXES = (".pt", ".pth", ".th", ".safetensors")
_ENTRIES = ("state_dict", "model_state_dict", "model_state", "model", "net", "ema", "state_dict_ema", "model_ema")
_PREFIXES = ("module.", "model.", "_orig_mod.")
_LISTED = 6
_REQUESTED = re.compile(r"GLOBAL ([\w.]+)")


def read_state_dict(path: Path, entry: str | None = None) -> dict[str, Tensor]:
    """Read a state dict.

    The file is read by PyTorch's restricted loader, which knows tensors and plain containers and nothing else; there
    is no other way in. Where the file is a dict of several things, the state dict is its only entry of a known
    name (``state_dict``, ``model``, ``ema``, ...), or the one that ``entry`` names.

    Args:
        path: ``.pt``, ``.pth``, ``.th`` or ``.safetensors`` file.
        entry: Entry of the file that holds the state dict.

    Raises:
        CheckpointError: If the file is missing, asks for code, or holds no single state dict.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist.")
    if path.suffix == ".safetensors":
        if entry is not None:
            raise CheckpointError(f"{path} is a flat safetensors file; leave entry= out.")
        return load_tensors(path)
    try:
        with warnings.catch_warnings():
            # Old files warn about storage classes that have since been renamed; nothing is wrong with them.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch's own text advises to switch the restriction off; only the name that was asked for is kept.
        requested = _REQUESTED.search(str(error))
        if requested is None:
            raise _unreadable(path) from None
        raise CheckpointError(
            f"{path} holds more than tensors: it asks to run {requested[1]}. It was refused, and nothing in it was "
            "executed; where you trust it, save the state_dict alone: torch.save(network.state_dict(), FILE)."
        ) from None
    except Exception:  # a damaged archive can raise anything
        raise _unreadable(path) from None
    return _select(content, path, entry)


def _unreadable(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is no state dict that PyTorch can read without running code (truncated, TorchScript, or another kind "
        "of file); nothing in it was executed. Fetch it again, or save the state_dict alone."
    )


def _is_state_dict(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(name, str) and isinstance(v, Tensor) for name, v in value.items())
    )


def _select(content: Any, path: Path, entry: str | None) -> dict[str, Tensor]:
    if entry is None and _is_state_dict(content):
        return dict(content)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, expected a state dict.")
    entries = [name for name in content if _is_state_dict(content[name])]
    if entry is not None:
        if entry not in entries:
            raise CheckpointError(
                f"{path} has no state dict {entry!r}; it has {', '.join(map(str, entries)) or 'none'}."
            )
        return dict(content[entry])
    if not entries:
        raise CheckpointError(f"{path} holds no state dict: no entry maps names to tensors and to nothing else.")
    known = [name for name in entries if name in _ENTRIES]
    if len(known) != 1:
        raise CheckpointError(
            f"{path} holds several things and it is not clear which are the weights; choose one with entry=NAME: "
            f"{', '.join(map(str, entries))}."
        )
    return dict(content[known[0]])


def _without_prefixes(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Strip what wrappers put before every name, until a name is one of the network's own."""
    while tensors.keys().isdisjoint(own):
        prefix = next((p for p in _PREFIXES if all(name.startswith(p) for name in tensors)), None)
        if prefix is None or not tensors:
            break
        tensors = {name[len(prefix) :]: tensor for name, tensor in tensors.items()}
    return tensors


def number_of_classes(tensors: dict[str, Tensor], path: Path) -> int:
    """Read the number of outputs off the last matrix.

    Raises:
        CheckpointError: If there is none.
    """
    rows = [tensor.shape[0] for tensor in tensors.values() if tensor.ndim == 2]
    if not rows:
        raise CheckpointError(f"{path} has no fully connected layer to count the classes by; say classes=N.")
    return rows[-1]


def load_strictly(network: nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """Copy the tensors into the network, all of them and nothing else.

    The prefixes that wrappers leave on every name (``module.``, ``model.``, ``_orig_mod.``, nested in any order) are
    stripped where the network has no such names itself.

    Raises:
        CheckpointError: Listing what is missing, unexpected, of another shape, or not finite.
    """
    own = network.state_dict()
    tensors = _without_prefixes(tensors, own)
    shapes = [
        f"{name} is {tuple(tensors[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own
        if name in tensors and own[name].shape != tensors[name].shape
    ]
    if shapes:
        raise CheckpointError(f"{what} does not fit the architecture: {_listed(shapes)}.")
    try:
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{what} cannot be copied into the architecture ({error}).") from error
    # Files older than PyTorch 0.4.1 lack this counter, which does nothing in evaluation.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        found = {"missing": missing, "unexpected": unexpected}
        parts = "; ".join(f"{kind} {_listed(names)}" for kind, names in found.items() if names)
        raise CheckpointError(f"{what} does not fit the architecture: {parts}.")
    # The network's own tensors: a float64 value may be finite in the file and not in the network.
    broken = [name for name, tensor in network.state_dict().items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(f"{what} holds values that are not finite, in {_listed(broken)}.")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


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
