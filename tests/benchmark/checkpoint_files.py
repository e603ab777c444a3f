"""A small network and the ways in which its weights come to lie in files."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints import Card, Checkpoint, resolve
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS

ARCHITECTURE = "resnet8"
CLASSES = 7
SPEC = f"arch={ARCHITECTURE},norm=cifar10"


def network(seed: int = 0) -> nn.Module:
    return build_architecture(ARCHITECTURE, CLASSES, seed=seed)


def weights(seed: int = 0) -> dict[str, Tensor]:
    return dict(network(seed).state_dict())


def renamed(tensors: Mapping[str, Tensor], rename: Callable[[str], str]) -> dict[str, Tensor]:
    return {rename(name): tensor for name, tensor in tensors.items()}


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def only(spec: str) -> Checkpoint:
    (found,) = resolve(spec)
    return found


def images(side: int = 32) -> Tensor:
    return torch.rand((2, 3, side, side), generator=torch.Generator().manual_seed(5))


def logits(checkpoint: Checkpoint, side: int = 32) -> Tensor:
    with torch.inference_mode():
        return checkpoint.load()(images(side))


CARD = Card(
    architecture=ARCHITECTURE,
    classes=CLASSES,
    normalisation=NORMALISATIONS["cifar10"],
    method="cutmix",
    method_parameters={"alpha": 1.0},
    data="digits",
    epochs=3,
    seed=4,
    training={"seconds_per_epoch": [1.5, 2.5]},
)
