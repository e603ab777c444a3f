"""State dicts from anywhere, loaded without running anything and matched strictly."""

import hashlib
import pickle
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


def read_state_dict(path: Path, entry: str | None = None) -> dict[str, Tensor]:
    """Read a state dict and strip the prefixes that wrappers leave on its names.

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
        return _without_prefixes(load_tensors(path))
    try:
        with warnings.catch_warnings():
            # Old files warn about storage classes that have since been renamed; nothing is wrong with them.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).split("\n")[0]
        raise CheckpointError(
            f"{path} holds more than tensors and was refused; nothing in it was executed ({reason}). "
            "Save its state_dict alone, or convert it where you trust it."
        ) from None
    except Exception as error:  # a damaged archive can raise anything
        raise CheckpointError(f"{path} is not a readable PyTorch file ({error!r}).") from error
    return _without_prefixes(_select(content, path, entry))


def _is_state_dict(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(v, Tensor) for v in value.values())


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
    known = [name for name in entries if name in _ENTRIES]
    if len(known) != 1:
        raise CheckpointError(
            f"{path} holds {len(known)} entries that could be the weights ({', '.join(map(str, entries)) or 'none'}); "
            "choose one with entry=NAME."
        )
    return dict(content[known[0]])


def _without_prefixes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in _PREFIXES * 2:  # wrappers nest, in either order
        if all(name.startswith(prefix) for name in tensors):
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

    Raises:
        CheckpointError: Listing what is missing, unexpected, or of another shape.
    """
    own = network.state_dict()
    shapes = [
        f"{name} is {tuple(tensors[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own
        if name in tensors and own[name].shape != tensors[name].shape
    ]
    if shapes:
        raise CheckpointError(f"{what} does not fit the architecture: {_listed(shapes)}.")
    missing, unexpected = network.load_state_dict(tensors, strict=False)
    # Files older than PyTorch 0.4.1 lack this counter, which does nothing in evaluation.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        parts = [f"missing {_listed(missing)}"] * bool(missing) + [f"unexpected {_listed(unexpected)}"] * bool(
            unexpected
        )
        raise CheckpointError(f"{what} does not fit the architecture: {'; '.join(parts)}.")
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
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
