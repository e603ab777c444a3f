"""Loading a checkpoint: names and sizes are compared before anything large is built or read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from robustsweep.benchmark.checkpoints.files.file_accuracy import FileAccuracy
from robustsweep.benchmark.checkpoints.networks.factories import without_classes
from robustsweep.benchmark.checkpoints.networks.network import Network, build_network
from robustsweep.benchmark.checkpoints.networks.robustbench import default_entry, names_in_zoo, own_constants
from robustsweep.benchmark.checkpoints.outlines import Outline, outline
from robustsweep.benchmark.checkpoints.prefixes import Selection, select_names
from robustsweep.benchmark.checkpoints.state_dicts import StateDict, read_state_dict
from robustsweep.benchmark.checkpoints.strict_copy import Shape, check_fit, load_strictly, number_of_classes
from robustsweep.errors import CheckpointError
from robustsweep.printable import printable

_ANY_CLASSES = 10
_MOST_TIMES_LARGER, _ALWAYS_ALLOWED = 8, 256 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A network that is to be loaded.

    Attributes:
        architecture: See ``build_network``.
        classes: Number of outputs; None: the file or the library says it.
        path: File of the weights; None: they come from the library, or are drawn.
        pretrained: Whether the library's weights are fetched.
        entry: Entry of the file.
        prefix: What stands before the names of the weights; None: it is found.
        is_named_by_file: Whether a file chose the architecture, which is then never built before it fits.
    """

    architecture: str
    classes: int | None = None
    path: Path | None = None
    pretrained: bool = False
    entry: str | None = None
    prefix: str | None = None
    is_named_by_file: bool = False

    @property
    def scheme(self) -> str:
        """What stands before the colon of the architecture."""
        return self.architecture.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network with its weights.

    Attributes:
        network: The network.
        classes: Number of outputs that it was built for; None: the library's own.
        notes: Sentences about what was left out.
        accuracy: What the file says of its accuracy.
    """

    network: Network
    classes: int | None
    notes: tuple[str, ...] = ()
    accuracy: FileAccuracy | None = None


def load(wanted: Wanted) -> Loaded:
    """Build a network and load its weights, strictly.

    Raises:
        UsageError: If the architecture is unknown.
        CheckpointError: If the file is missing or unsafe, or does not fit.
        MissingDependencyError: If a library is not installed.
    """
    if wanted.path is None:
        network = build_network(wanted.architecture, wanted.classes, pretrained=wanted.pretrained)
        return Loaded(network, wanted.classes)
    state = _read(wanted, wanted.path)
    classes = wanted.classes
    if wanted.scheme == "py":
        classes = _classes_if_any(state) if classes is None else classes
    else:
        classes = _compared(wanted, state)
    network = build_network(wanted.architecture, classes)
    selection = _filled(wanted, network, state)
    notes = (selection.note,) if selection.note else ()
    return Loaded(network, classes, notes, state.accuracy)


def load_again(wanted: Wanted) -> nn.Module:
    """Load what was loaded before; its sizes are not compared beforehand a second time."""
    network = build_network(wanted.architecture, wanted.classes, pretrained=wanted.pretrained)
    if wanted.path is not None:
        _filled(wanted, network, _read(wanted, wanted.path))
    return network.module


def _classes_if_any(state: StateDict) -> int | None:
    try:
        return number_of_classes(state.shapes, state.path)
    except CheckpointError:
        return None  # the factory's own number


def _read(wanted: Wanted, path: Path) -> StateDict:
    is_zoo = wanted.scheme == "robustbench"
    entry = wanted.entry or (default_entry(wanted.architecture.partition(":")[2]) if is_zoo else None)
    return read_state_dict(path, entry)


def _compared(wanted: Wanted, state: StateDict) -> int | None:
    """Compare the file with an outline of the network, and return the number of classes."""
    is_zoo, classes = wanted.scheme == "robustbench", wanted.classes
    try:
        outlined = outline(wanted.architecture, classes or (None if is_zoo else _ANY_CLASSES))
        if classes is None and not is_zoo:
            selection = _selected(wanted, outlined.module, outlined.shapes, state)
            classes = number_of_classes(_shapes(selection, state), state.path)
            outlined = outline(wanted.architecture, classes)
    except CheckpointError as error:
        if wanted.is_named_by_file or error.__cause__ is None:
            raise
        # A library whose network has no outline: the user chose it, and building it says what is wrong.
        return number_of_classes(state.shapes, state.path) if classes is None and not is_zoo else classes
    selection = _selected(wanted, outlined.module, outlined.shapes, state)
    _check_sizes(wanted, outlined, selection, state)
    return classes


def _check_sizes(wanted: Wanted, outlined: Outline, selection: Selection, state: StateDict) -> None:
    optional = own_constants(outlined.module) if wanted.scheme == "robustbench" else ()
    _check_usable(selection, state)
    check_fit(outlined.shapes, _shapes(selection, state), str(state.path), optional)
    n_file = state.path.stat().st_size
    if outlined.n_bytes > n_file * _MOST_TIMES_LARGER + _ALWAYS_ALLOWED:
        raise CheckpointError(
            f"{state.path} has {n_file} bytes and cannot hold the weights of {wanted.architecture}, which take "
            f"{outlined.n_bytes}: its tensors share their numbers."
        )


def _filled(wanted: Wanted, network: Network, state: StateDict) -> Selection:
    """Load the weights into a network that was built."""
    own = {name: tuple(tensor.shape) for name, tensor in network.module.state_dict().items()}
    selection = _selected(wanted, network.module, own, state)
    optional: Collection[str] = own_constants(network.module) if wanted.scheme == "robustbench" else ()
    _check_usable(selection, state)
    try:
        check_fit(own, _shapes(selection, state), str(state.path), optional)
    except CheckpointError as error:
        if network.takes_classes:
            raise
        factory = without_classes(wanted.architecture.partition(":")[2])
        raise CheckpointError(f"{str(error).removesuffix('.')}; {factory}.") from error
    tensors = state.read(selection.names.values())
    load_strictly(
        network.module,
        {name: tensors[original] for name, original in selection.names.items()},
        str(state.path),
        optional,
    )
    return selection


def _selected(wanted: Wanted, module: nn.Module, own: Mapping[str, Shape], state: StateDict) -> Selection:
    given = (*state.shapes, *state.unusable)
    if wanted.scheme == "robustbench":
        return Selection("", names_in_zoo(given, module), [])
    return select_names(given, own, wanted.prefix, str(state.path))


def _shapes(selection: Selection, state: StateDict) -> dict[str, Shape]:
    return {name: state.shapes[original] for name, original in selection.names.items() if original in state.shapes}


def _check_usable(selection: Selection, state: StateDict) -> None:
    for original in selection.names.values():
        if original in state.unusable:
            raise CheckpointError(
                f"{state.path} cannot be used: {printable(original)} {state.unusable[original]}. Nothing in it was "
                "executed; save the state_dict alone: torch.save(network.state_dict(), FILE)."
            )
