"""Checkpoint specs: from ``model.pth,arch=resnet20,norm=imagenet`` to a checkpoint that can be evaluated."""

import os
from glob import glob
from pathlib import Path

from robustsweep.benchmark.checkpoints.assembling import assemble, assemble_native
from robustsweep.benchmark.checkpoints.checkpoint import Checkpoint
from robustsweep.benchmark.checkpoints.hubs.specs import HUB, from_hub, is_of_hub
from robustsweep.benchmark.checkpoints.native import is_safetensors
from robustsweep.benchmark.checkpoints.networks.network import SCHEMES
from robustsweep.benchmark.checkpoints.networks.robustbench import split_name, weights_path
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.benchmark.spec import Spec, parse_spec
from robustsweep.errors import CheckpointError, UsageError

KEYS = (
    *("arch", "norm", "method", "seed", "name", "classes", "input_size", "entry", "prefix", "weights", "model_dir"),
    "clean_accuracy",
)
_SHARED_KEYS = ("arch", "norm", "classes", "method", "entry", "prefix")


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
    scheme, _ = spec.scheme((*SCHEMES, HUB))
    if "model_dir" in spec.options and scheme != "robustbench":
        raise UsageError(f"Checkpoint spec {spec.text!r}: model_dir= is for robustbench:DATASET/THREAT/ID.")
    if is_of_hub(spec):
        return [from_hub(spec)]
    if scheme == "robustbench":
        return [_from_zoo(spec)]
    if scheme:
        return [_from_library(spec)]
    path = Path(spec.target).expanduser()
    if path.is_dir() or (not path.exists() and any(character in spec.target for character in "*?[")):
        return _from_many(spec, path)
    return [_from_file(spec, path)]


def resolve_one(spec: Spec | str, verb: str) -> Checkpoint:
    """Find the one checkpoint that a spec names.

    Args:
        spec: As for ``resolve``.
        verb: What is to be done with it, for the error.

    Raises:
        UsageError: If the spec cannot be understood, or names several.
        CheckpointError: If the checkpoint is missing, unsafe or does not fit.
    """
    found = resolve(spec)
    if len(found) != 1:
        name = spec if isinstance(spec, str) else spec.text
        raise UsageError(f"{name} names {len(found)} checkpoints; {verb} one at a time.")
    return found[0]


def _from_many(spec: Spec, path: Path) -> list[Checkpoint]:
    found = (
        sorted(path.glob("**/*.safetensors"))
        if path.is_dir()
        else sorted(Path(p) for p in glob(str(path), recursive=True))
    )
    if not found:
        raise CheckpointError(f"{spec.target} matches no checkpoint files.")
    if spec.options.keys() - set(_SHARED_KEYS):
        shared = ", ".join(f"{key}=" for key in _SHARED_KEYS)
        raise UsageError(f"Checkpoint spec {spec.text!r} names several files; only {shared} fit.")
    common = os.path.commonpath([file.parent for file in found])
    # Files of one name in several folders are told apart by the folder.
    return [_from_file(spec, file, _without_suffix(file.relative_to(common)).as_posix()) for file in found]


def _from_file(spec: Spec, path: Path, name: str | None = None) -> Checkpoint:
    name = name or _without_suffix(path).name
    if not path.is_file():
        raise CheckpointError(
            f"{path} {'is not a file' if path.exists() else 'does not exist'}; give a file of weights, a folder of "
            "such files, or a name such as torchvision:resnet50 (see `robustsweep list architectures`)."
        )
    if "arch" not in spec.options and (path.suffix == ".safetensors" or is_safetensors(path)):
        return assemble_native(spec, path, name)
    if lacking := [sentence for key, sentence in _BESIDE_WEIGHTS.items() if key not in spec.options]:
        raise UsageError(f"{path} holds weights, and nothing says {' and '.join(lacking)}.")
    if "weights" in spec.options:
        raise UsageError(f"Checkpoint spec {spec.text!r}: the file holds the weights; leave weights= out.")
    return assemble(spec, name, spec.options["arch"], path)


_BESIDE_WEIGHTS = {
    "arch": "of which network: add ,arch=NAME (see `robustsweep list architectures`), or ,arch=py:MODULE:CLASS if it "
    "is one of your own code,",
    "norm": f"how its images were normalised: add ,norm=NAME ({', '.join(NORMALISATIONS)}, or six numbers)",
}


def _without_suffix(path: Path) -> Path:
    """Take ``.pth.tar`` for one suffix, as the training scripts that write it do."""
    return (path.with_suffix("") if path.suffix == ".tar" else path).with_suffix("")


def _from_library(spec: Spec) -> Checkpoint:
    if "arch" in spec.options:
        raise UsageError(f"Checkpoint spec {spec.text!r}: the target is the architecture; leave arch= out.")
    is_python = spec.target.startswith("py:")
    weights = spec.options.get("weights", "random" if is_python else "pretrained")
    name = spec.target.partition(":")[2].rpartition(":")[2]
    if is_python and weights == "pretrained":
        raise UsageError(f"Checkpoint spec {spec.text!r}: a factory has no pretrained weights; say weights=FILE.")
    if weights in ("random", "pretrained"):
        for key in ("entry", "prefix"):
            if key in spec.options:
                raise UsageError(f"Checkpoint spec {spec.text!r}: {key}= is for weights=FILE.")
        return assemble(spec, name, spec.target, None, pretrained=weights == "pretrained")
    return assemble(spec, name, spec.target, Path(weights).expanduser())


def _from_zoo(spec: Spec) -> Checkpoint:
    options, name = spec.options, spec.target.partition(":")[2]
    _, _, default_name = split_name(name)
    for key in ("arch", "norm", "classes", "prefix"):
        if key in options:
            raise UsageError(f"Checkpoint spec {spec.text!r}: RobustBench's zoo says it; leave {key}= out.")
    weights = options.get("weights", "pretrained")
    if weights != "pretrained" and "model_dir" in options:
        raise UsageError(f"Checkpoint spec {spec.text!r}: give weights= or model_dir=, not both.")
    if weights == "random":
        return assemble(spec, default_name, spec.target, None)
    is_in_folder = weights == "pretrained"
    path = weights_path(name, options.get("model_dir", "models")) if is_in_folder else Path(weights).expanduser()
    return assemble(spec, default_name, spec.target, path)
