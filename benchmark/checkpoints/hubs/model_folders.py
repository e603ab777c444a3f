"""The ``config.json`` of a published model: architecture, classes and normalisation, as timm writes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from robustsweep.benchmark.checkpoints.networks.network import Network
from robustsweep.benchmark.checkpoints.normalisation import Normalisation
from robustsweep.errors import CheckpointError, DataError
from robustsweep.printable import printable
from robustsweep.untrusted.files import read_json

CONFIG = "config.json"
CONFIG_BYTES = 8 << 20
"""No description of a model is larger: names of 22 000 classes take 1 MB."""
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""What timm and transformers call the weights, the one without a pickle first."""
_ARCHITECTURE = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)?")
_ADVICE = "fetch it again"
_FACTORY = "py:MODULE:FUNCTION,norm="


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model as its folder describes it.

    Attributes:
        architecture: ``timm:NAME``.
        classes: Number of outputs.
        normalisation: Constants of its training.
        input_size: Side in pixels of the images that it was trained on; None: it is not said.
        note: How it wants images cut, a sentence.
        arguments: What its constructor was called with, beside the number of classes.
    """

    architecture: str
    classes: int
    normalisation: Normalisation
    input_size: int | None
    note: str
    arguments: Mapping[str, Any]

    def check_built(self, network: Network, what: str) -> None:
        """Refuse a network that was made with other arguments than timm's own, which alone are used here.

        Arguments of a file must not choose what a library does, and some change predictions without changing a shape.

        Args:
            network: The network as timm builds it by default.
            what: What the model is called in errors.

        Raises:
            CheckpointError: If they differ.
        """
        own = {"in_chans": 3, "global_pool": _pooling(network.module), "img_size": network.input_size}
        for name, value in self.arguments.items():
            given = (
                value[0] if name == "img_size" and isinstance(value, list) and len(set(map(str, value))) == 1 else value
            )
            if own.get(name) != given:
                raise CheckpointError(
                    f"{what}: {CONFIG} changes timm's network by {printable(name)[:40]}={printable(str(value))[:40]}; "
                    f"build it in a function of yours, and say {_FACTORY}...,weights=FILE."
                )


def _square(size: Any) -> Any:
    """Return the side of [side, side], and anything else as it is."""
    return size[0] if isinstance(size, list) and len(size) == 2 and size[0] == size[1] else size


def _pooling(module: nn.Module) -> str | None:
    """Return the name of a network's pooling, which lies where timm's kinds of heads keep it."""
    for holder in (getattr(module, "head", None), module):
        for found in (getattr(holder, "global_pool", None), getattr(holder, "pool_type", None)):
            name = getattr(found, "pool_type", found)
            if isinstance(name, str):
                return name
    return None


def read_model_folder(config: Path, what: str) -> ModelFolder:
    """Read a ``config.json`` as timm writes it.

    Source: ``save_config_for_hf`` and ``load_model_config_from_hf`` of timm 1.0.

    Args:
        config: The file.
        what: What the model is called in errors.

    Raises:
        CheckpointError: If it is not such a file, or describes a network that cannot be built from it.
    """
    try:
        values = read_json(config, _ADVICE, CONFIG_BYTES)
    except DataError as error:
        raise CheckpointError(str(error)) from error
    if "architecture" not in values:
        raise CheckpointError(_without_architecture(values, what))
    told = values.get("pretrained_cfg", values)
    if not isinstance(told, dict):
        raise CheckpointError(f"{what}: pretrained_cfg in {CONFIG} is a {type(told).__name__}, expected an object.")
    classes = _classes(values.get("num_classes", told.get("num_classes")), what)
    side = _side(told, what)
    return ModelFolder(
        architecture=f"timm:{_architecture(values, what)}",
        classes=classes,
        normalisation=_normalisation(told, what),
        input_size=side,
        note=_note(told, side),
        arguments=_arguments(values, classes, what),
    )


def _without_architecture(values: Mapping[str, Any], what: str) -> str:
    kind = values.get("model_type")
    if not isinstance(kind, str):
        return f"{what}: {CONFIG} names no architecture; say arch= and norm= (and name the file of the weights)."
    return (
        f"{what} is a model of transformers ({printable(kind)[:40]}), which your own code builds: write a function "
        "that wraps AutoModelForImageClassification.from_pretrained in a module from normalised images to logits, "
        f"and say {_FACTORY}MEANS/DEVIATIONS (image_mean and image_std of its preprocessor_config.json)."
    )


def _arguments(values: Mapping[str, Any], classes: int, what: str) -> dict[str, Any]:
    arguments = values.get("model_args", {})
    if not isinstance(arguments, dict) or arguments.get("num_classes", classes) != classes:
        raise CheckpointError(f"{what}: model_args in {CONFIG} do not fit num_classes={classes}; {_ADVICE}.")
    return {name: value for name, value in arguments.items() if name != "num_classes"}


def _architecture(values: Mapping[str, Any], what: str) -> str:
    name = values["architecture"]
    if not isinstance(name, str) or not _ARCHITECTURE.fullmatch(name):
        raise CheckpointError(f"{what}: {CONFIG} has the architecture {printable(str(name))[:80]!r}, expected a name.")
    return name


def _classes(number: object, what: str) -> int:
    if type(number) is not int or not 1 <= number <= 1_000_000:
        raise CheckpointError(
            f"{what}: {CONFIG} says num_classes={printable(str(number))[:40]}; a classifier has one output or more."
        )
    return number


def _normalisation(told: Mapping[str, Any], what: str) -> Normalisation:
    mean, std = told.get("mean"), told.get("std")
    if not isinstance(mean, list) or not isinstance(std, list):
        raise CheckpointError(f"{what}: {CONFIG} has no mean and std; say norm= yourself with arch= and the file.")
    try:
        return Normalisation(tuple(mean), tuple(std))
    except (TypeError, ValueError, CheckpointError) as error:
        raise CheckpointError(f"{what}: mean and std of {CONFIG} cannot be used ({error}).") from error


def _side(told: Mapping[str, Any], what: str) -> int | None:
    size = told.get("input_size")
    if size is None:
        return None
    match size:
        case [3, int(height), int(width)] if height == width and 0 < height <= 1 << 14:
            return height
    raise CheckpointError(
        f"{what}: {CONFIG} has input_size={printable(str(size))[:60]}; three channels and one side are evaluated."
    )


def _note(told: Mapping[str, Any], side: int | None) -> str:
    share, kind = told.get("crop_pct"), told.get("interpolation")
    if side is None or not isinstance(share, int | float) or not 0 < share <= 1:
        return ""
    way = f", {printable(kind)[:20]}" if isinstance(kind, str) else ""
    return (
        f"{CONFIG} asks for images of {side} px, cut from the middle of {int(side / share)} px{way}: "
        f"resize={int(side / share)},crop={side} in a data spec of photos."
    )
