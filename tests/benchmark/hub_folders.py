"""Repositories in the cache of the Hugging Face Hub, laid out as its library lays them out."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import nn

timm = pytest.importorskip("timm", reason="timm is not installed")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ARCHITECTURE, CLASSES = "test_resnet", 7
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def put(cache: Path, name: str, files: Mapping[str, bytes], *, commit: str = COMMIT, branch: str = "main") -> Path:
    """Put files into the cache, and return the folder of the snapshot."""
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / branch).write_text(commit)
    (folder / "blobs").mkdir(exist_ok=True)
    snapshot = folder / "snapshots" / commit
    for file, content in files.items():
        blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        (snapshot / file).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / file).symlink_to(blob)
    return snapshot


def network(seed: int = 0) -> nn.Module:
    """A small network of timm."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        built: nn.Module = timm.create_model(ARCHITECTURE, num_classes=CLASSES)
    return built


def config(**changed: Any) -> bytes:
    """What timm writes beside the weights."""
    told = {"mean": MEAN, "std": STD, "input_size": [3, 160, 160], "crop_pct": 0.875, "interpolation": "bicubic"}
    values = {"architecture": ARCHITECTURE, "num_classes": CLASSES, "num_features": 128, "pretrained_cfg": told}
    values |= {key: value for key, value in changed.items() if key in ("architecture", "num_classes", "model_args")}
    values["pretrained_cfg"] = told | {key: value for key, value in changed.items() if key in told}
    return json.dumps(values).encode()


def safetensors(module: nn.Module) -> bytes:
    return save({name: tensor.contiguous() for name, tensor in module.state_dict().items()})
