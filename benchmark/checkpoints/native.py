"""Native checkpoints: safetensors files whose header carries the card."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.errors import CheckpointError
from robustsweep.results.files import write_atomically

_CARD_ENTRY = "robustsweep_card"


def save_native(path: Path, network: nn.Module, card: Card) -> None:
    """Write the network's state dict and its card to one safetensors file, see ``write_atomically``.

    Args:
        path: File to write; its folder is created.
        network: The bare network, without the normalisation, which is in the card.
        card: The card.

    Raises:
        CheckpointError: If the file cannot be written.
    """
    # Tied tensors share storage, which safetensors refuses: each name gets its own copy.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    try:
        write_atomically(path, save(tensors, {_CARD_ENTRY: card.to_json()}))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be written ({error}).") from error


def load_card(path: Path) -> Card:
    """Read the card alone.

    Raises:
        CheckpointError: If the file is not a safetensors file, or carries no card.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file ({error}).") from error
    if _CARD_ENTRY not in metadata:
        raise CheckpointError(
            f"{path} carries no card; say arch= and norm=, or make a native file with `robustsweep convert`."
        )
    return Card.from_json(metadata[_CARD_ENTRY])


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a safetensors file, on the CPU.

    Raises:
        CheckpointError: If the file is not a safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file ({error}).") from error
