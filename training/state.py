"""The saved state of an unfinished training: enough to go on as if it had never stopped.

A safetensors file holds the weights, the momentum of every weight and, if the best epoch is kept, its weights; the
header holds the card and the course. Order, crops and augmentations are functions of seed and epoch, so nothing else is
to be saved. The file is replaced as a whole after every epoch, and no code is in it that could run.
"""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.native import load_tensors
from robustsweep.errors import CheckpointError
from robustsweep.results.stored.files import write_atomically
from robustsweep.training.course import Course, EpochReport

SUFFIX = ".state"
_CARD_ENTRY, _COURSE_ENTRY = "robustsweep_unfinished", "course"
Weights = dict[str, Tensor]


def copied(network: nn.Module) -> Weights:
    """Copy the weights and buffers of a network to the CPU."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in network.state_dict().items()}


def save_state(
    path: Path, card: Card, course: Course, network: nn.Module, optimiser: torch.optim.Optimizer, best: Weights
) -> None:
    """Replace the state at ``path``.

    Args:
        path: File to write.
        card: What is trained, see ``training_card``.
        course: The finished epochs.
        network: The network.
        optimiser: SGD over ``network.parameters()``.
        best: Weights of the best epoch; empty if it is not kept.

    Raises:
        OSError: If it cannot be written.
    """
    tensors = {f"network.{name}": tensor for name, tensor in copied(network).items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for name, parameter in network.named_parameters():
        momentum = optimiser.state[parameter].get("momentum_buffer")
        if momentum is not None:
            tensors[f"momentum.{name}"] = momentum.to("cpu", copy=True).contiguous()
    header = {_CARD_ENTRY: card.to_json(), _COURSE_ENTRY: json.dumps([asdict(report) for report in course])}
    write_atomically(path, save(tensors, header))


def read_header(path: Path) -> tuple[Card, Course]:
    """Read what a saved state is of and how far it has come.

    Raises:
        CheckpointError: If the file is not a saved state.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
        course = [EpochReport(**report) for report in json.loads(header[_COURSE_ENTRY])]
        return Card.from_json(header[_CARD_ENTRY]), course
    except (SafetensorError, OSError, CheckpointError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a state of a training ({error}); delete it to train from the start."
        ) from error


def load_state(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> Weights:
    """Put a saved state into a network and its optimiser, and return the weights of the best epoch.

    Raises:
        CheckpointError: If the file does not fit the network.
    """
    tensors = load_tensors(path)
    with torch.no_grad():
        try:
            for name, tensor in network.state_dict().items():
                tensor.copy_(tensors[f"network.{name}"])
            for name, parameter in network.named_parameters():
                if f"momentum.{name}" in tensors:
                    saved = tensors[f"momentum.{name}"]
                    optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(saved)
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(f"{path} does not fit its network ({error}); delete it to train again.") from error
    return {name.removeprefix("best."): tensor for name, tensor in tensors.items() if name.startswith("best.")}
