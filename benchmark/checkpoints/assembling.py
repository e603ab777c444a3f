"""A checkpoint from a spec: loaded once, to check that everything fits, and described by a card."""

from dataclasses import replace
from pathlib import Path

from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.checkpoint import Checkpoint, count_outputs, make_checkpoint
from robustsweep.benchmark.checkpoints.hubs.model_folders import ModelFolder
from robustsweep.benchmark.checkpoints.native import load_card
from robustsweep.benchmark.checkpoints.networks.factories import without_classes
from robustsweep.benchmark.checkpoints.networks.network import SCHEMES
from robustsweep.benchmark.checkpoints.normalisation_choice import normalisation_of
from robustsweep.benchmark.checkpoints.weights import Loaded, Wanted, load, load_again
from robustsweep.benchmark.spec import Spec, positive_int, share, whole_number
from robustsweep.errors import CheckpointError, UsageError

_ANY_SIDE = 32


def assemble(
    spec: Spec,
    default_name: str,
    arch: str,
    path: Path | None,
    *,
    pretrained: bool = False,
    folder: ModelFolder | None = None,
    source: str | None = None,
) -> Checkpoint:
    """Load a network once and describe it.

    Args:
        spec: What the user wrote; its keys go before what a folder says.
        default_name: What it is called if the spec has no ``name=``.
        arch: Its architecture, see ``build_network``.
        path: File of the weights, if there is one.
        pretrained: Whether the library's weights are fetched.
        folder: What stands beside the file and describes it.
        source: Where the file comes from, for the card.

    Raises:
        UsageError: If a key cannot be understood.
        CheckpointError: If the weights are missing, unsafe or do not fit.
    """
    options = spec.options
    classes = positive_int(options["classes"], "classes=") if "classes" in options else None
    wanted = Wanted(
        architecture=arch,
        classes=folder.classes if folder else classes,
        path=path,
        pretrained=pretrained,
        entry=options.get("entry"),
        prefix=options.get("prefix"),
        is_named_by_file=folder is not None,
    )
    size = positive_int(options["input_size"], "input_size=") if "input_size" in options else None
    loaded = load(wanted)
    if folder is not None:
        folder.check_built(loaded.network, source or str(path))
    if folder is not None and "norm" not in options:
        normalisation, notes = folder.normalisation, tuple(filter(None, [folder.note]))
    else:
        normalisation, notes = normalisation_of(wanted, options.get("norm"), loaded.network)
    stated = folder.input_size if folder else None if path else loaded.network.input_size
    card = Card(
        architecture=arch,
        classes=_outputs(wanted, loaded, size or stated),
        normalisation=normalisation,
        input_size=size or stated,
        resize_input=size is not None,
        method=options.get("method"),
        seed=whole_number(options["seed"], "seed=") if "seed" in options else None,
        clean_accuracy=share(options["clean_accuracy"], "clean_accuracy=") if "clean_accuracy" in options else None,
        source=source,
    )
    again = replace(wanted, classes=loaded.classes)
    return make_checkpoint(options.get("name", default_name), card, lambda: load_again(again), loaded, notes)


def _outputs(wanted: Wanted, loaded: Loaded, size: int | None) -> int:
    """Return the number of outputs, counted if the architecture does not decide it."""
    if wanted.scheme not in SCHEMES and loaded.classes is not None:
        return loaded.classes
    side = size or loaded.network.input_size or _ANY_SIDE
    outputs = count_outputs(loaded.network.module, (side, side), wanted.architecture, "say input_size=N")
    if loaded.classes not in (None, outputs):
        name = wanted.architecture.partition(":")[2]
        reason = "" if loaded.network.takes_classes else f"; {without_classes(name)}"
        raise CheckpointError(
            f"{wanted.architecture} has {outputs} outputs with these weights, not classes={loaded.classes}{reason}."
        )
    return outputs


def assemble_native(spec: Spec, path: Path, name: str, source: str | None = None) -> Checkpoint:
    """Load a native file, whose card says all that a spec could.

    Args:
        spec: What the user wrote.
        path: The file.
        name: What it is called if the spec has no ``name=``.
        source: Where the file comes from, for the card; None: as its card says.

    Raises:
        UsageError: If the spec has another key than ``name=``.
        CheckpointError: If the file is unsafe or does not fit.
    """
    for key in spec.options:
        if key != "name":
            raise UsageError(f"{path} has a card that says {key}; only name= can be given for a native file.")
    card = load_card(path)
    card = replace(card, source=source or card.source)
    if card.architecture.startswith("py:"):
        # A file is data; it must not choose what code runs.
        raise CheckpointError(
            f"{path} asks to run {card.architecture}, and a file alone never runs code; if you trust it, name the "
            f"code yourself: --checkpoint {card.architecture},weights={path},norm=..."
        )
    wanted = Wanted(card.architecture, card.classes, path, prefix="", is_named_by_file=True)
    return make_checkpoint(spec.options.get("name", name), card, lambda: load_again(wanted), load(wanted))
