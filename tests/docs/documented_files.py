"""Tiny files under the names and in the layouts that the commands of the documentation name."""

import json
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import torch
from PIL import Image

import robustsweep
from robustsweep.augmentations.policies import policy_file
from robustsweep.benchmark.architectures import ARCHITECTURES
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K

N = 20
WNIDS = tuple(IMAGENET_1K.wnids[place] for place in (3, 41))
_CODE = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 2))
"""
Maker = Callable[[Path, Path], None]
"""Writes a file or a folder; the second path is a folder with ``nets`` and ``run``, a grid that was swept."""


def _photo(path: Path, seed: int, side: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)).save(path)


def _batch(path: Path, classes: int, labels: bytes, seed: int = 0) -> None:
    data = np.random.default_rng(seed).integers(0, 256, (N, 3072), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({b"data": data, labels: [k % classes for k in range(N)]}, protocol=2))


def cifar10(path: Path, _: Path) -> None:
    for seed, name in enumerate((*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")):
        _batch(path / name, 10, b"labels", seed)


def cifar100(path: Path, _: Path) -> None:
    _batch(path / "test", 100, b"fine_labels")


def cifar100_c(path: Path, _: Path) -> None:
    path.mkdir(parents=True)
    labels = np.tile(np.arange(N, dtype=np.uint8), 5)
    images = np.random.default_rng(0).integers(0, 256, (5 * N, 32, 32, 3), np.uint8)
    np.save(path / "fog.npy", images)
    np.save(path / "labels.npy", labels)


def wnid_folders(path: Path, _: Path) -> None:
    for seed, wnid in enumerate(WNIDS):
        _photo(path / wnid / "a.png", seed, 32)


def wnid_archive(path: Path, shared: Path) -> None:
    folder = path.parent / "packed"
    wnid_folders(folder, shared)
    with tarfile.open(path, "w") as archive:
        archive.add(folder, "imagenet-r")


def photos(path: Path, _: Path) -> None:
    _photo(path / "lake/a.jpg", 0)
    _photo(path / "b.png", 1, 48)


def state_dict(architecture: str, classes: int) -> Maker:
    def write(path: Path, _: Path) -> None:
        torch.save(ARCHITECTURES[architecture](classes).state_dict(), path)

    return write


def network_code(path: Path, _: Path) -> None:
    path.write_text(_CODE)


def state_dict_of_code(path: Path, _: Path) -> None:
    scope: dict[str, Any] = {}
    exec(_CODE, scope)
    torch.save(scope["Net"]().state_dict(), path)


def trades_code(path: Path, _: Path) -> None:
    shutil.copy(Path(__file__).parents[1] / "bench" / "trades_mnist.py", path)


def trades_state_dict(path: Path, _: Path) -> None:
    namespace = run_path(str(path.with_name("trades_mnist.py")))
    torch.save(namespace["SmallCNN"]().state_dict(), path)


def grey_digits(path: Path, _: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (N, 28, 28), np.uint8)
    np.savez(path, images=images, labels=np.arange(N) % 10)


def trained(path: Path, shared: Path) -> None:
    shutil.copy(shared / "nets/baseline-epochs1-seed0.safetensors", path)


def run(path: Path, shared: Path) -> None:
    shutil.copytree(shared / "run", path, ignore=shutil.ignore_patterns("cells"))


def run_of_resnet20(path: Path, shared: Path) -> None:
    """A run over all images, as the hub wants it."""
    net = shared / "nets/baseline-epochs1-seed0.safetensors"
    data = f"cifar10:{shared / 'cifar'}"
    robustsweep.sweep(
        {"checkpoints": [f"{net},name=resnet20"], "data": data, "suites": ["clean"], "out": str(path), "device": "cpu"}
    )


def found_policy(path: Path, _: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(policy_file.__file__).parent / "cifar100.json", path)


def released_policies(path: Path, _: Path) -> None:
    pairs = [[["Invert", 0.5, 0.5], ["Cutout", 0.5, 0.5]]] * 2
    path.write_text(json.dumps({"policies": {"cifar10": pairs, "svhn": pairs}}))


def plan_of_trained(path: Path, shared: Path) -> None:
    path.write_text(
        f'checkpoints = ["{shared / "nets"}"]\nsuites = ["clean", "fog"]\nlimit = 10\nout = "runs/shared"\n'
        '[train]\nepochs = 1\nlimit = 20\narch = "resnet8-w8"\n'
    )
