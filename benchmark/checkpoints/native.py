"""Native checkpoints: safetensors files whose header carries the card."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.errors import CheckpointError
from robustsweep.printable import printable
from robustsweep.results.stored.files import write_atomically

_CARD_ENTRY = "robustsweep_card"
_LONGEST_HEADER = 100_000_000  # the library reads no longer one


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


def is_safetensors(path: Path) -> bool:
    """Say whether a file begins as safetensors files do: eight bytes for the header's length, then its JSON.

    Raises:
        CheckpointError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}).") from error
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") <= _LONGEST_HEADER


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file, and turn whatever is wrong with it into a CheckpointError."""
    try:
        path.open("rb").close()  # the library calls every file that it may not read missing
        with safe_open(path, framework="pt") as file:
            yield file
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}).") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a readable safetensors file ({printable(str(error))}).") from error


def carries_card(path: Path) -> bool:
    """Say whether a file is a safetensors file with a card.

    Raises:
        CheckpointError: If it cannot be read.
    """
    if not is_safetensors(path):
        return False
    with _opened(path) as file:
        return _CARD_ENTRY in (file.metadata() or {})


def load_card(path: Path) -> Card:
    """Read the card alone.

    Raises:
        CheckpointError: If the file is not a safetensors file, or carries no card.
    """
    with _opened(path) as file:
        metadata = file.metadata() or {}
    if _CARD_ENTRY not in metadata:
        raise CheckpointError(
            f"{path} carries no card; say arch= and norm=, or make a native file with `robustsweep convert`."
        )
    return Card.from_json(metadata[_CARD_ENTRY], f"The card of {path}")


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the shape of every tensor of a safetensors file, without the numbers.

    Raises:
        CheckpointError: If the file is not a safetensors file.
    """
    with _opened(path) as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - not a dict


def load_tensors(path: Path, names: Iterable[str] | None = None) -> dict[str, Tensor]:
    """Read tensors of a safetensors file, on the CPU.

    Args:
        path: The file.
        names: Which; None: all.

    Raises:
        CheckpointError: If the file is not a safetensors file, or has no such tensor.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in (file.keys() if names is None else names)}
