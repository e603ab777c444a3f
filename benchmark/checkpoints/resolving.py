"""Checkpoint specs: from ``model.pth,arch=resnet20,norm=imagenet`` to a checkpoint that can be evaluated."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import torch
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.native import load_card, load_tensors
from robustsweep.benchmark.checkpoints.networks import SCHEMES, Network, build_network
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalised, parse_normalisation
from robustsweep.benchmark.checkpoints.robustbench import as_in_zoo, default_entry, split_name, weights_path
from robustsweep.benchmark.checkpoints.state_dicts import (
    SUFFIXES,
    load_strictly,
    number_of_classes,
    read_state_dict,
    weights_hash,
)
from robustsweep.benchmark.spec import Spec, parse_spec, positive_int, share, whole_number
from robustsweep.errors import CheckpointError, UsageError
from robustsweep.foreign_code import described, foreign_code
from robustsweep.results.cells import Json, identity_key

KEYS = (
    *("arch", "norm", "method", "seed", "name", "classes", "input_size", "entry", "weights", "model_dir"),
    "clean_accuracy",
)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found, checked and hashed.

    Attributes:
        name: Shown in tables.
        card: What it is.
        identity: All that decides what it computes.
        load: Builds the module: float32 images (N, 3, H, W) in [0, 1] to logits, in evaluation mode.
        load_network: Builds the bare network, without the normalisation.
    """

    name: str
    card: Card
    identity: Json
    load: Callable[[], nn.Module]
    load_network: Callable[[], nn.Module]

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the hash of ``identity``."""
        return identity_key(self.identity)[:12]


def resolve(spec: Spec | str) -> list[Checkpoint]:
    """Find the checkpoints that a spec names: one, or several for a folder or a glob of native files.

    Args:
        spec: Parsed, or in the comma form ``FILE,arch=resnet20,norm=imagenet,method=cutmix,seed=0``.

    Raises:
        UsageError: If the spec cannot be understood.
        CheckpointError: If a checkpoint is missing, unsafe or does not fit.
    """
    if isinstance(spec, str):
        spec = parse_spec(spec, noun="checkpoint", keys=KEYS)
    scheme, _ = spec.scheme(SCHEMES)
    if "model_dir" in spec.options and scheme != "robustbench":
        raise UsageError(f"Checkpoint spec {spec.text!r}: model_dir= is for robustbench:DATASET/THREAT/ID.")
    if scheme == "robustbench":
        return [_from_zoo(spec)]
    if scheme:
        return [_from_library(spec)]
    path = Path(spec.target).expanduser()
    if path.is_dir() or (not path.exists() and any(character in spec.target for character in "*?[")):
        return _from_many(spec, path)
    return [_from_file(spec, path)]


def _from_many(spec: Spec, path: Path) -> list[Checkpoint]:
    found = (
        sorted(path.glob("**/*.safetensors"))
        if path.is_dir()
        else sorted(Path(p) for p in glob(str(path), recursive=True))
    )
    if not found:
        raise CheckpointError(f"{spec.target} matches no checkpoint files.")
    if spec.options.keys() - {"arch", "norm", "classes", "method"}:
        raise UsageError(
            f"Checkpoint spec {spec.text!r} names several files; only arch=, norm=, classes=, method= fit."
        )
    common = os.path.commonpath([file.parent for file in found])
    # Files of one name in several folders are told apart by the folder.
    return [_from_file(spec, file, file.relative_to(common).with_suffix("").as_posix()) for file in found]


def _from_file(spec: Spec, path: Path, name: str | None = None) -> Checkpoint:
    name = name or path.stem
    if not path.is_file():
        raise CheckpointError(
            f"{path} does not exist; a checkpoint is a file ({', '.join(SUFFIXES)}) or {', '.join(SCHEMES)}:NAME."
        )
    if path.suffix == ".safetensors" and "arch" not in spec.options:
        return _native(spec, path, name)
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f"{path} has no known suffix ({', '.join(SUFFIXES)}).")
    if "arch" not in spec.options or "norm" not in spec.options:
        raise UsageError(
            f"{path} is a bare state dict: say arch= (see `robustsweep list architectures`) and "
            f"norm= ({', '.join(NORMALISATIONS)}, or six numbers)."
        )
    if "weights" in spec.options:
        raise UsageError(f"Checkpoint spec {spec.text!r}: the file holds the weights; leave weights= out.")
    return _finished(spec, name, spec.options["arch"], path, pretrained=False)


def _from_library(spec: Spec) -> Checkpoint:
    if "arch" in spec.options:
        raise UsageError(f"Checkpoint spec {spec.text!r}: the target is the architecture; leave arch= out.")
    is_python = spec.target.startswith("py:")
    weights = spec.options.get("weights", "random" if is_python else "pretrained")
    name = spec.target.partition(":")[2].rpartition(":")[2]
    if is_python and weights == "pretrained":
        raise UsageError(f"Checkpoint spec {spec.text!r}: a factory has no pretrained weights; say weights=FILE.")
    if weights in ("random", "pretrained"):
        if "entry" in spec.options:
            raise UsageError(f"Checkpoint spec {spec.text!r}: entry= is for weights=FILE.")
        return _finished(spec, name, spec.target, None, pretrained=weights == "pretrained")
    return _finished(spec, name, spec.target, Path(weights).expanduser(), pretrained=False)


def _from_zoo(spec: Spec) -> Checkpoint:
    options, name = spec.options, spec.target.partition(":")[2]
    _, _, default_name = split_name(name)
    for key in ("arch", "norm", "classes"):
        if key in options:
            raise UsageError(f"Checkpoint spec {spec.text!r}: RobustBench's zoo says it; leave {key}= out.")
    weights = options.get("weights", "pretrained")
    if weights != "pretrained" and "model_dir" in options:
        raise UsageError(f"Checkpoint spec {spec.text!r}: give weights= or model_dir=, not both.")
    if weights == "random":
        return _finished(spec, default_name, spec.target, None, pretrained=False)
    is_in_folder = weights == "pretrained"
    path = weights_path(name, options.get("model_dir", "models")) if is_in_folder else Path(weights).expanduser()
    return _finished(spec, default_name, spec.target, path, pretrained=False)


def _tensors_of(path: Path, arch: str, entry: str | None, network: Network) -> dict[str, Tensor]:
    scheme, _, name = arch.partition(":")
    if scheme != "robustbench":
        return read_state_dict(path, entry)
    return as_in_zoo(read_state_dict(path, entry or default_entry(name)), network.module)


def _finished(spec: Spec, default_name: str, arch: str, path: Path | None, *, pretrained: bool) -> Checkpoint:
    """Load once, to check that everything fits and to hash it."""
    options = spec.options
    classes = positive_int(options["classes"], "classes=") if "classes" in options else None
    if path is not None and classes is None and not arch.startswith("robustbench:"):
        classes = number_of_classes(read_state_dict(path, options.get("entry")), path)

    def load() -> Network:
        network = build_network(arch, classes, pretrained=pretrained)
        if path is not None:
            load_strictly(network.module, _tensors_of(path, arch, options.get("entry"), network), str(path))
        return network

    network = load()
    if "norm" in options:
        normalisation = parse_normalisation(options["norm"])
    else:
        normalisation = network.normalisation or NORMALISATIONS["none"]
    size = positive_int(options["input_size"], "input_size=") if "input_size" in options else None
    # Built-in architectures have the outputs that they were asked for.
    is_foreign = arch.partition(":")[0] in SCHEMES
    outputs = _count_outputs(network, size, arch) if is_foreign or classes is None else classes
    if classes not in (None, outputs):
        raise CheckpointError(f"{arch} has {outputs} outputs with these weights, not classes={classes}.")
    card = Card(
        architecture=arch,
        classes=outputs,
        normalisation=normalisation,
        input_size=size or network.input_size if not path else size,
        resize_input=size is not None,
        method=options.get("method"),
        seed=whole_number(options["seed"], "seed=") if "seed" in options else None,
        clean_accuracy=share(options["clean_accuracy"], "clean_accuracy=") if "clean_accuracy" in options else None,
    )
    return _checkpoint(options.get("name", default_name), card, lambda: load().module, network)


def _count_outputs(network: Network, size: int | None, arch: str) -> int:
    side = size or network.input_size or 32
    try:
        with foreign_code(), torch.inference_mode():
            logits = network.module.eval()(torch.zeros(1, 3, side, side))
    except Exception as error:  # a network that does not fit can raise anything
        raise CheckpointError(
            f"{arch} cannot take an image of {side}x{side} pixels ({described(error)}); say input_size=N."
        ) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != 1:
        shown = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise CheckpointError(f"{arch} returned {shown} for one image, expected logits of shape (1, classes).")
    return logits.shape[1]


def _native(spec: Spec, path: Path, name: str) -> Checkpoint:
    for key in spec.options:
        if key != "name":
            raise UsageError(f"{path} has a card that says {key}; only name= can be given for a native file.")
    card = load_card(path)
    if card.architecture.startswith("py:"):
        # A file is data; it must not choose what code runs.
        raise CheckpointError(
            f"{path} asks to run {card.architecture}, and a file alone never runs code; where you trust it, name the "
            f"code yourself: --checkpoint {card.architecture},weights={path},norm=..."
        )

    def load() -> Network:
        network = build_network(card.architecture, card.classes)
        load_strictly(network.module, load_tensors(path), str(path))
        return network

    return _checkpoint(spec.options.get("name", name), card, lambda: load().module, load())


def _checkpoint(name: str, card: Card, load_network: Callable[[], nn.Module], network: Network) -> Checkpoint:
    identity = {
        "weights": weights_hash(network.module),
        "architecture": card.architecture,
        "normalisation": {"mean": list(card.normalisation.mean), "std": list(card.normalisation.std)},
        "input_size": card.input_size if card.resize_input else None,
        "source": network.source_hash,
    }

    def load() -> nn.Module:
        resize_to = card.input_size if card.resize_input else None
        return Normalised(load_network(), card.normalisation, resize_to).eval().requires_grad_(False)

    return Checkpoint(name, card, identity, load, load_network)
