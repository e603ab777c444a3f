"""Networks by architecture spec: built in, from the zoo of another library, or from the user's own factory."""

import importlib
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints.networks.factories import call_factory
from robustsweep.benchmark.checkpoints.networks.robustbench import build_zoo_network
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalisation
from robustsweep.errors import CheckpointError, MissingDependencyError

SCHEMES = ("timm", "torchvision", "pytorchcv", "robustbench", "py")


def describe_schemes() -> list[tuple[str, str]]:
    """List the forms that lead out of the package, each with a sentence."""
    return [
        ("wrn-D-K", "built in: WideResNet of any depth D = 6n + 4 and width K"),
        ("timm:NAME", "any model of timm (extra: timm); weights=pretrained, random or FILE"),
        ("timm:hf-hub:ORG/NAME[@REV]", "a model of timm on the Hugging Face Hub, with its own config.json and weights"),
        ("timm:local-dir:DIR", "the same files in a folder of yours"),
        (
            "hf:ORG/NAME[@REV][:FILE]",
            "a repository of the Hugging Face Hub (extra: hf): a model of timm, a native file, or weights with arch= "
            "and norm=",
        ),
        ("torchvision:NAME", "any classifier of torchvision; weights=pretrained, random or FILE"),
        ("pytorchcv:NAME", "any classifier of pytorchcv (extra: pytorchcv); weights=pretrained, random or FILE"),
        (
            "robustbench:DATASET/THREAT/ID",
            "RobustBench's zoo (extra: robustbench), weights in model_dir=, default models",
        ),
        ("py:package.module:factory", "your own function or class that returns the network; only this runs your code"),
    ]


@dataclass(frozen=True)
class Network:
    """A network with what its library says about it.

    Attributes:
        module: Maps normalised images to logits.
        normalisation: The library's constants for these weights, or None.
        input_size: The side that the library states, or None.
        source_hash: For ``py:``, sha256 of the factory's source file; else None.
        takes_classes: Whether the number of outputs could be said.
    """

    module: nn.Module
    normalisation: Normalisation | None = None
    input_size: int | None = None
    source_hash: str | None = None
    takes_classes: bool = True


def build_network(architecture: str, classes: int | None, *, pretrained: bool = False, seed: int = 0) -> Network:
    """Build a network.

    The global generator is left as it was.

    Args:
        architecture: Built-in name, or ``timm:``, ``torchvision:``, ``pytorchcv:``, ``robustbench:`` or ``py:`` spec.
        classes: Number of outputs; None: the library's own number.
        pretrained: Fetch the library's pretrained weights.
        seed: Decides weights that are not pretrained.

    Raises:
        CheckpointError: If the name is unknown or the weights cannot be had.
        MissingDependencyError: If the library is not installed.
    """
    scheme, colon, name = architecture.partition(":")
    builders = {
        "timm": _timm,
        "torchvision": _torchvision,
        "pytorchcv": _pytorchcv,
        "robustbench": _robustbench,
        "py": _python,
    }
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also reseed the accelerators, which fork_rng leaves alone here.
        torch.default_generator.manual_seed(seed)
        if colon and scheme in builders:
            return builders[scheme](name, classes, pretrained)
        if classes is None:
            raise CheckpointError(f"arch={architecture} needs classes=N.")
        return Network(build_architecture(architecture, classes, seed=seed))


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"{name} cannot be imported ({error}); install it with: pip install 'robustsweep[{name.split('.')[0]}]'."
        ) from error


def _timm(name: str, classes: int | None, pretrained: bool) -> Network:
    timm = _library("timm")
    if not timm.is_model(name):
        raise CheckpointError(f"timm has no model {name!r}; see timm.list_models().")
    options = {} if classes is None else {"num_classes": classes}
    module = _fetched(lambda: timm.create_model(name, pretrained=pretrained, **options), f"timm:{name}", pretrained)
    config = cast(dict[str, Any], module.pretrained_cfg)
    return Network(module, Normalisation(tuple(config["mean"]), tuple(config["std"])), config["input_size"][-1])


def _torchvision(name: str, classes: int | None, pretrained: bool) -> Network:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise CheckpointError(f"torchvision has no classifier {name!r}; see torchvision.models.list_models().")
    weights = models.get_model_weights(name).DEFAULT
    options: dict[str, Any] = {} if classes is None or pretrained else {"num_classes": classes}
    if name in ("inception_v3", "googlenet") and not pretrained:
        options["init_weights"] = False
    module = _fetched(
        lambda: models.get_model(name, weights=weights if pretrained else None, **options),
        f"torchvision:{name}",
        pretrained,
    )
    transforms = weights.transforms()
    return Network(module, Normalisation(tuple(transforms.mean), tuple(transforms.std)), transforms.crop_size[0])


def _pytorchcv(name: str, classes: int | None, pretrained: bool) -> Network:
    provider = _library("pytorchcv.model_provider")
    options = {} if classes is None else {"num_classes": classes}
    try:
        module = _fetched(
            lambda: provider.get_model(name, pretrained=pretrained, **options),
            f"pytorchcv:{name}",
            pretrained,
        )
    except ValueError as error:
        raise CheckpointError(f"pytorchcv has no model {name!r} ({error}).") from error
    size = getattr(module, "in_size", None)
    # Its scripts divide by one set of constants for all sets of 32x32 images, SVHN included.
    is_small = any(data in name for data in ("cifar10", "svhn"))
    norm = NORMALISATIONS["cifar10-2023" if is_small else "imagenet"]
    return Network(module, norm, size[0] if size else None)


def _robustbench(name: str, classes: int | None, pretrained: bool) -> Network:
    del classes, pretrained  # the zoo's networks have their data set's, and their weights come from files
    module, side = build_zoo_network(name)
    return Network(module, NORMALISATIONS["none"], side)


def _fetched(create: Any, what: str, pretrained: bool) -> nn.Module:
    try:
        module: nn.Module = create()
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise CheckpointError(f"{what} cannot be built ({error}).") from error
        raise CheckpointError(
            f"The pretrained weights of {what} could not be fetched ({type(error).__name__}); "
            "give weights=FILE, or weights=random for an untrained network."
        ) from error
    return module


def _python(name: str, classes: int | None, pretrained: bool) -> Network:
    del pretrained
    built = call_factory(name, classes)
    return Network(built.module, source_hash=built.source_hash, takes_classes=built.takes_classes)
