"""Models as users hand them over: networks in memory, checkpoint specs, and lists or dicts of both."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from robustsweep.api.inputs.live_model import Normalise, live_checkpoint
from robustsweep.benchmark.checkpoints import Checkpoint, resolve, resolve_one
from robustsweep.benchmark.spec import Spec
from robustsweep.errors import UsageError
from robustsweep.process.devices import find_device
from robustsweep.registry import unknown_name
from robustsweep.values import require_kind

Model = nn.Module | Checkpoint | str | Path
"""A network in memory, or a checkpoint spec such as ``"net.pth,arch=resnet20,norm=cifar10"``."""


def load(spec: str | Path, *, device: str | torch.device = "cpu") -> nn.Module:
    """Load the one checkpoint that a spec names.

    Args:
        spec: Such as ``"net.pth,arch=resnet20,norm=cifar10"``, ``"net.safetensors"`` or ``"torchvision:resnet50"``.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns:
        A module from float32 images (N, 3, H, W) in [0, 1] to logits (N, classes), the normalisation inside, in
        evaluation mode, its parameters without gradients.

    Raises:
        UsageError: If the spec cannot be understood, or names several checkpoints.
        CheckpointError: If the checkpoint is missing, unsafe or does not fit.

    Examples:
        >>> from robustsweep import load
        >>> network = load("torchvision:resnet18,weights=random,classes=10,input_size=32")
        >>> network.training
        False
    """
    found = resolve_one(_as_spec(spec), "load")
    return found.load().to(device if isinstance(device, torch.device) else find_device(device))


def checkpoints_of(
    model: Any, name: str | None, normalise: Normalise | None, size: tuple[int, int]
) -> list[Checkpoint]:
    """Describe models as checkpoints, in their order.

    Args:
        model: A ``Model``, or a list, or a dict by name, of them.
        name: What tables call a single one; None: what it is called without.
        normalise: What networks in memory expect.
        size: Height and width of the images.

    Raises:
        UsageError: If it is something else, or ``name`` is given for several.
        CheckpointError: If a checkpoint is missing, unsafe or does not fit.
    """
    found: list[Checkpoint] = []
    for given, one in _named(model, name):
        found += _found(one, given, normalise, size)
    if not found:
        raise UsageError("Give at least one network or checkpoint spec to evaluate.")
    if name is not None and len(found) > 1:
        raise UsageError(f"name= is for a single network, and there are {len(found)}; give a dict by name instead.")
    return found


def _named(model: Any, name: str | None) -> Iterator[tuple[str | None, Any]]:
    if isinstance(model, Mapping):
        yield from ((str(key), one) for key, one in model.items())
        return
    if not isinstance(model, list | tuple):
        yield name, model
        return
    # Networks of one class are numbered; a spec has a name of its own.
    counts = Counter(type(one).__name__ for one in model)
    for number, one in enumerate(model, 1):
        kind = type(one).__name__
        yield (f"{kind}-{number}" if isinstance(one, nn.Module) and counts[kind] > 1 else name), one


def _found(model: Any, name: str | None, normalise: Normalise | None, size: tuple[int, int]) -> list[Checkpoint]:
    if isinstance(model, nn.Module):
        return [live_checkpoint(model, name=name, normalise=normalise, size=size)]
    if normalise is not None:
        raise UsageError("normalise= is for networks in memory; say norm= in a checkpoint spec.")
    found = [model] if isinstance(model, Checkpoint) else resolve(_as_spec(model))
    return [replace(one, name=name) for one in found] if name is not None and len(found) == 1 else found


def _as_spec(model: Any) -> Spec | str:
    require_kind(model, str | Path, "A model must be a torch.nn.Module, a checkpoint spec, or a list or a dict of them")
    # A path is a spec as it is, whatever commas it holds.
    return Spec(str(model), str(model), {}) if isinstance(model, Path) else str(model)


def with_methods(checkpoints: list[Checkpoint], method: str | Mapping[str, str] | None) -> list[Checkpoint]:
    """Say which augmentation checkpoints were trained with.

    Args:
        checkpoints: The checkpoints.
        method: One for all, or some by the checkpoints' names; None: what their cards say.

    Raises:
        UsageError: If a name is not among them.
    """
    if method is None:
        return checkpoints
    names = [one.name for one in checkpoints]
    methods = dict.fromkeys(names, method) if isinstance(method, str) else dict(method)
    for name, value in methods.items():
        if name not in names:
            raise unknown_name("checkpoint in method=", name, names)
        require_kind(value, str, f"The method of {name} must be a string")
    return [
        replace(one, card=replace(one.card, method=methods[one.name])) if one.name in methods else one
        for one in checkpoints
    ]
