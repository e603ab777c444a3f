"""The normalisation of a checkpoint: the user's, the library's for weights of its own, and what is assumed."""

from robustsweep.benchmark.checkpoints.networks.network import Network
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalisation, parse_normalisation
from robustsweep.benchmark.checkpoints.weights import Wanted
from robustsweep.errors import UsageError

_LIBRARIES = ("timm", "torchvision", "pytorchcv")
_OFTEN_MEANT = {"cifar10": "cifar10-2023"}


def normalisation_of(wanted: Wanted, norm: str | None, network: Network) -> tuple[Normalisation, tuple[str, ...]]:
    """Choose the normalisation, and say what was assumed.

    Args:
        wanted: What is loaded.
        norm: What the user says; None: nothing.
        network: The network, with the constants of its library.

    Returns:
        The normalisation, and sentences for the user.

    Raises:
        UsageError: If the weights are the user's own and nothing is said.
        CheckpointError: If ``norm`` cannot be read.
    """
    if norm is not None:
        return parse_normalisation(norm), _hint(norm)
    library, constants = wanted.scheme, network.normalisation
    if constants is None:
        return NORMALISATIONS["none"], (
            f"norm= was not given, so images enter {wanted.architecture} as they are, in [0, 1].",
        )
    if library not in _LIBRARIES or wanted.pretrained:
        return constants, ()
    if wanted.path is not None:
        raise UsageError(
            f"{wanted.path} does not say how images were normalised in its training: say norm= "
            f"({', '.join(NORMALISATIONS)}, or six numbers). The constants of {library} for {wanted.architecture} with "
            f"weights of its own are norm={constants}."
        )
    return constants, (
        f"norm= was not given, so the constants of {library} for its own weights are assumed: norm={constants}.",
    )


def _hint(norm: str) -> tuple[str, ...]:
    if norm not in _OFTEN_MEANT:
        return ()
    given, meant = NORMALISATIONS[norm], NORMALISATIONS[_OFTEN_MEANT[norm]]
    return (
        f"norm={norm} divides by {given.std}; much public code divides by {meant.std} instead, which is "
        f"norm={_OFTEN_MEANT[norm]}.",
    )
