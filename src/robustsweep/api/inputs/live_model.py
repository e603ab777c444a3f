"""Networks in memory as checkpoints: copied, named by what they hold, and never changed."""

import copy
import hashlib
import inspect
import re
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from robustsweep.attacks.target import device_of
from robustsweep.benchmark.checkpoints import Card, Checkpoint
from robustsweep.benchmark.checkpoints.checkpoint import count_outputs
from robustsweep.benchmark.checkpoints.normalisation import (
    NORMALISATIONS,
    Normalisation,
    Normalised,
    parse_normalisation,
)
from robustsweep.benchmark.checkpoints.state_dicts import weights_hash
from robustsweep.errors import CheckpointError, UsageError
from robustsweep.foreign_code import described, foreign_code
from robustsweep.values import require_kind

Normalise = str | Normalisation | tuple[Sequence[float], Sequence[float]]
"""A name of ``NORMALISATIONS`` or six numbers, as ``norm=`` of a checkpoint spec; or means and deviations."""

_LIBRARIES = ("torch", "torchvision", "timm", "transformers", "pytorchcv")
_SHOWN = 3
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of a function, say, and another one in every process


def find_normalisation(normalise: Normalise | None) -> Normalisation:
    """Return what is done to images in [0, 1] before they enter a network.

    Raises:
        UsageError: If the name is unknown, or it is neither a name nor two triples.
        CheckpointError: If the numbers cannot be used.
    """
    if normalise is None:
        return NORMALISATIONS["none"]
    if isinstance(normalise, Normalisation):
        return normalise
    if isinstance(normalise, str):
        return parse_normalisation(normalise)
    try:
        (red, green, blue), (red_std, green_std, blue_std) = (map(float, numbers) for numbers in normalise)
    except (TypeError, ValueError):
        known = ", ".join(NORMALISATIONS)
        raise UsageError(
            f"normalise must be one of {known}, or ((mean, mean, mean), (std, std, std)), got {normalise!r}."
        ) from None
    return Normalisation((red, green, blue), (red_std, green_std, blue_std))


def on_unit_images(model: nn.Module, normalise: Normalise | None) -> nn.Module:
    """Put the normalisation in front of a network, on its device; the network itself is not changed.

    Raises:
        UsageError: If the model is not a module.
    """
    require_kind(model, nn.Module, "The model must be a torch.nn.Module on images in [0, 1]")
    if normalise is None:
        return model
    normalised = Normalised(model, find_normalisation(normalise))
    device = device_of(model, torch.device("cpu"))
    normalised.mean, normalised.std = normalised.mean.to(device), normalised.std.to(device)
    return normalised


def live_checkpoint(
    model: nn.Module, *, name: str | None, normalise: Normalise | None, size: tuple[int, int]
) -> Checkpoint:
    """Describe a network in memory as a checkpoint.

    Its identity is the hash of its weights and buffers, of its layers as they print themselves, and of the source of
    their classes if these are of no known library. A note says what of it is not known.

    Args:
        model: Maps images (N, 3, H, W), normalised by ``normalise``, to logits. It is copied for every use, and the
            copy is in evaluation mode.
        name: Shown in tables; None: the name of its class.
        normalise: What it expects.
        size: Height and width of the images, for counting its outputs.

    Raises:
        CheckpointError: If it cannot be copied, cannot take an image, or returns something else than logits.
    """
    network = _unwrapped(model)
    normalisation = find_normalisation(normalise)
    structure, unknown = _structure(network)
    architecture = f"live:{type(network).__name__}-{structure[:8]}"
    try:
        identity = {
            "weights": weights_hash(network),
            "architecture": architecture,
            "normalisation": {"mean": list(normalisation.mean), "std": list(normalisation.std)},
            "input_size": None,
            "source": structure,
        }
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:  # a layer that has none yet, say
        raise CheckpointError(
            f"{type(network).__name__} has weights that cannot be read ({described(error)}); its state dict must hold "
            "tensors alone, and a lazy layer must have seen an image."
        ) from error

    def load() -> nn.Module:
        return Normalised(_copied(network), normalisation).eval().requires_grad_(False)

    outputs = count_outputs(load(), size, type(network).__name__, "give images of the size that it expects")
    card = Card(architecture=architecture, classes=outputs, normalisation=normalisation)
    return Checkpoint(
        name or type(network).__name__, card, identity, load, lambda: _copied(network), tuple(_notes(unknown))
    )


def _unwrapped(model: nn.Module) -> nn.Module:
    """Return the network inside what compiles it or spreads it over devices: those compute the same."""
    inner = getattr(model, "_orig_mod", None)
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        inner = model.module
    return _unwrapped(inner) if isinstance(inner, nn.Module) else model


def _copied(network: nn.Module) -> nn.Module:
    try:
        with foreign_code():
            return copy.deepcopy(network).cpu()
    except Exception as error:  # a module may hold anything
        raise CheckpointError(
            f"{type(network).__name__} cannot be copied ({described(error)}); a sweep works on copies, so that the "
            "network stays as it is."
        ) from error


def _structure(network: nn.Module) -> tuple[str, list[str]]:
    """Hash what decides a network's outputs beside its weights; return the classes whose source is not known, too."""
    stored = network.state_dict().keys()
    shown = _ADDRESS.sub("", f"{network}")
    digest, unknown = hashlib.sha256(f"{shown}\0".encode()), []
    for kind in sorted({type(module) for module in network.modules()}, key=_full_name):
        digest.update(f"{_full_name(kind)}\0".encode())
        if kind.__module__.partition(".")[0] in _LIBRARIES:
            continue
        try:
            digest.update(inspect.getsource(kind).encode())
        except (OSError, TypeError):
            unknown.append(kind.__qualname__)
    for name, buffer in network.named_buffers():
        if name not in stored:
            digest.update(f"{name}\0{buffer.dtype}\0{tuple(buffer.shape)}\0".encode())
            digest.update(buffer.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest(), unknown


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _notes(unknown: Sequence[str]) -> Iterator[str]:
    yield (
        "a network in memory, known by its weights, buffers and layers: what it keeps elsewhere, such as a switch in a "
        "plain attribute, is not noticed if a run is continued."
    )
    if unknown:
        names = ", ".join(unknown[:_SHOWN]) + (" and others" if len(unknown) > _SHOWN else "")
        yield f"the source of {names} cannot be read, so that a change of that code is not noticed either."
