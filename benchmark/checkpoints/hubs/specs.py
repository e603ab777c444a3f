"""Checkpoint specs of the Hugging Face Hub, and of folders that hold what it holds.

``hf:ORG/NAME[@REV][:FILE]``, ``timm:hf-hub:ORG/NAME[@REV]`` and ``timm:local-dir:DIR``.
"""

from dataclasses import replace
from pathlib import Path

from robustsweep.benchmark.checkpoints.assembling import assemble, assemble_native
from robustsweep.benchmark.checkpoints.checkpoint import Checkpoint
from robustsweep.benchmark.checkpoints.hubs.model_folders import CONFIG, CONFIG_BYTES, WEIGHTS, read_model_folder
from robustsweep.benchmark.checkpoints.hubs.repositories import (
    HubFile,
    NotReachableError,
    Repository,
    find_file,
    parse_repository,
)
from robustsweep.benchmark.checkpoints.native import carries_card
from robustsweep.benchmark.spec import Spec
from robustsweep.errors import CheckpointError, UsageError

HUB = "hf"
_TIMM_HUB, _TIMM_FOLDER = "timm:hf-hub:", "timm:local-dir:"
_WEIGHTS_BYTES = 32 << 30
_IN_PARTS = "weights in several parts are not read"


def is_of_hub(spec: Spec) -> bool:
    """Say whether a spec names a repository of the hub, or a folder that holds what one does."""
    return spec.target.startswith((f"{HUB}:", _TIMM_HUB, _TIMM_FOLDER))


def from_hub(spec: Spec) -> Checkpoint:
    """Find the checkpoint of a repository or a folder.

    Its ``config.json`` says architecture, classes and normalisation; without one, the file is native or the spec says
    them.

    Raises:
        UsageError: If the spec cannot be understood.
        CheckpointError: If a file is missing, unsafe or does not fit.
        MissingDependencyError: If a library is not installed.
    """
    if "weights" in spec.options:
        raise UsageError(f"Checkpoint spec {spec.text!r}: the weights are published with it; leave weights= out.")
    if spec.target.startswith(_TIMM_FOLDER):
        return _from_folder(spec, Path(spec.target.removeprefix(_TIMM_FOLDER)).expanduser())
    is_timm = spec.target.startswith(_TIMM_HUB)
    repository, file = parse_repository(spec.target.removeprefix(_TIMM_HUB if is_timm else f"{HUB}:"))
    if is_timm and file is not None:
        raise UsageError(f"Checkpoint spec {spec.text!r}: write {HUB}:{repository}:{file} to name a file.")
    if is_timm or "arch" not in spec.options:
        return _as_published(spec, repository, file)
    return _as_told(spec, repository, file)


def _from_folder(spec: Spec, folder: Path) -> Checkpoint:
    _refuse(spec, "arch", "classes")
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"{folder} has no {CONFIG}; give a folder as timm's save_for_hf or the hub writes it.")
    described = read_model_folder(folder / CONFIG, str(folder))
    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(f"{folder} has no {' or '.join(WEIGHTS)}; {_IN_PARTS}.")
    return assemble(spec, folder.resolve().name, described.architecture, path, folder=described)


def _as_published(spec: Spec, repository: Repository, file: str | None) -> Checkpoint:
    """Take a file with a card as that says, else the repository as its ``config.json`` says."""
    if file is not None:
        name, found = _first_weights(repository, (file,))
        if carries_card(found.path):
            return assemble_native(spec, found.path, _name(repository, file), _source(repository, found, file))
        repository = replace(repository, revision=found.commit)
    config = _config(repository, file)
    if config is None:
        raise UsageError(
            f"Checkpoint spec {spec.text!r}: {repository.name} has no {CONFIG}; say arch= and norm=, and the file "
            f"of the weights: {HUB}:{repository.name}:FILE."
        )
    _refuse(spec, "arch", "classes")
    described = read_model_folder(config.path, str(repository))
    name, found = _first_weights(replace(repository, revision=config.commit), (file,) if file else WEIGHTS)
    source = _source(repository, found, name)
    return assemble(spec, _name(repository, file), described.architecture, found.path, folder=described, source=source)


def _as_told(spec: Spec, repository: Repository, file: str | None) -> Checkpoint:
    """Take the weights alone: the user says what they are of."""
    if "norm" not in spec.options:
        raise UsageError(f"Checkpoint spec {spec.text!r}: say norm= beside arch=.")
    name, found = _first_weights(repository, (file,) if file else WEIGHTS)
    source = _source(repository, found, name)
    return assemble(spec, _name(repository, file), spec.options["arch"], found.path, source=source)


def _config(repository: Repository, file: str | None) -> HubFile | None:
    try:
        return find_file(repository, CONFIG, CONFIG_BYTES)
    except NotReachableError:
        # A cache without network does not tell a file that it lacks from one that there never was.
        if file is None:
            raise
        return None


def _first_weights(repository: Repository, names: tuple[str, ...]) -> tuple[str, HubFile]:
    """Find the first of several files that is there."""
    missing: NotReachableError | None = None
    for name in names:
        try:
            found = find_file(repository, name, _WEIGHTS_BYTES)
        except NotReachableError as error:
            missing = missing or error
            continue
        if found is not None:
            return name, found
    if missing is not None:
        raise missing
    raise CheckpointError(f"{repository} has no {' or '.join(names)}; name the file of its weights ({_IN_PARTS}).")


def _name(repository: Repository, file: str | None) -> str:
    """Call a checkpoint by its repository, and by its file if that is named."""
    name = repository.name.rpartition("/")[2]
    return f"{name}/{file.rpartition('.')[0] or file}" if file else name


def _source(repository: Repository, found: HubFile, file: str) -> str:
    return f"{HUB}:{repository.name}@{found.commit}:{file}"


def _refuse(spec: Spec, *keys: str) -> None:
    for key in keys:
        if key in spec.options:
            raise UsageError(f"Checkpoint spec {spec.text!r}: {CONFIG} says it; leave {key}= out.")
