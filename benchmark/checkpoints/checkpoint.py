"""A checkpoint that can be evaluated."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.files.file_accuracy import FileAccuracy
from robustsweep.benchmark.checkpoints.normalisation import Normalised
from robustsweep.benchmark.checkpoints.state_dicts import weights_hash
from robustsweep.benchmark.checkpoints.weights import Loaded
from robustsweep.errors import CheckpointError
from robustsweep.foreign_code import described, foreign_code
from robustsweep.printable import listed
from robustsweep.results.stored.cells import Json, identity_key


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found, checked and hashed.

    Attributes:
        name: Shown in tables.
        card: What it is.
        identity: All that decides what it computes.
        load: Builds the module: float32 images (N, 3, H, W) in [0, 1] to logits, in evaluation mode.
        load_network: Builds the bare network, without the normalisation.
        notes: Sentences that its user should read, such as what of the file was left out.
        file_accuracy: What a training script stored beside the weights as their accuracy.
    """

    name: str
    card: Card
    identity: Json
    load: Callable[[], nn.Module]
    load_network: Callable[[], nn.Module]
    notes: tuple[str, ...] = ()
    file_accuracy: FileAccuracy | None = None

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the hash of ``identity``."""
        return identity_key(self.identity)[:12]


def make_checkpoint(
    name: str, card: Card, load_network: Callable[[], nn.Module], loaded: Loaded, notes: tuple[str, ...] = ()
) -> Checkpoint:
    """Describe a network that was loaded once.

    Args:
        name: Shown in tables.
        card: What it is.
        load_network: Loads it again.
        loaded: The network.
        notes: Sentences beside those of the loading.
    """
    identity = {
        "weights": weights_hash(loaded.network.module),
        "architecture": card.architecture,
        "normalisation": {"mean": list(card.normalisation.mean), "std": list(card.normalisation.std)},
        "input_size": card.input_size if card.resize_input else None,
        "source": loaded.network.source_hash,
    }

    def load() -> nn.Module:
        resize_to = card.input_size if card.resize_input else None
        return Normalised(load_network(), card.normalisation, resize_to).eval().requires_grad_(False)

    return Checkpoint(name, card, identity, load, load_network, (*loaded.notes, *notes), loaded.accuracy)


def notes_of(checkpoints: Iterable[Checkpoint]) -> list[str]:
    """List what users should read of their checkpoints: each sentence once, after the names that it is about."""
    about: dict[str, list[str]] = {}
    for checkpoint in checkpoints:
        for note in checkpoint.notes:
            about.setdefault(note, []).append(checkpoint.name)
    return [f"{listed(names)}: {note}" for note, names in about.items()]


def count_outputs(module: nn.Module, size: tuple[int, int], architecture: str, advice: str) -> int:
    """Count the logits of a network by showing it one image.

    Args:
        module: The network, on the CPU; it is put into evaluation mode.
        size: Height and width of the image.
        architecture: What it is, for errors.
        advice: How to fix another size, for errors.

    Raises:
        CheckpointError: If it cannot take the image, or returns something else than logits.
    """
    height, width = size
    try:
        with foreign_code(), torch.inference_mode():
            logits = module.eval()(torch.zeros(1, 3, height, width))
    except Exception as error:  # a network that does not fit can raise anything
        raise CheckpointError(
            f"{architecture} cannot take an image of {width}x{height} pixels ({described(error)}); {advice}."
        ) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != 1:
        shown = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise CheckpointError(f"{architecture} returned {shown} for one image, expected logits of shape (1, classes).")
    return logits.shape[1]
