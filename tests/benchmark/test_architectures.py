import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from robustsweep.benchmark.architectures import ARCHITECTURES, build_architecture
from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.errors import UsageError

SHARED = Path(os.environ.get("ROBUSTSWEEP_SHARED", Path(__file__).parents[2] / ".." / "shared")).resolve()


def on_meta(name: str, classes: int = 10) -> nn.Module:
    with torch.device("meta"):
        return build_architecture(name, classes)


def n_parameters(name: str, classes: int = 10) -> int:
    return sum(p.numel() for p in on_meta(name, classes).parameters())


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # He et al. 2016, table 6; Zagoruyko and Komodakis 2016, table 4.
        ("resnet20", 0.27e6),
        ("resnet32", 0.46e6),
        ("resnet44", 0.66e6),
        ("resnet56", 0.85e6),
        ("resnet110", 1.7e6),
        ("wrn-40-2", 2.2e6),
        ("wrn-40-4", 8.9e6),
        ("wrn-16-8", 11.0e6),
        ("wrn-22-8", 17.2e6),
        ("wrn-28-10", 36.5e6),
    ],
)
def test_parameter_counts_equal_the_published_ones_to_the_digits_given(name: str, published: float) -> None:
    assert n_parameters(name) == pytest.approx(published, rel=0.025)


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        # As reported by everyone who trains these networks on CIFAR-10.
        ("resnet20", 269_722),
        ("resnet18", 11_173_962),
        ("resnet34", 21_282_122),
        ("resnet50", 23_520_842),
        ("preactresnet18", 11_171_146),
        ("wrn-28-10", 36_479_194),
    ],
)
def test_parameter_counts_are_exact(name: str, exact: int) -> None:
    assert n_parameters(name) == exact


def test_a_narrow_resnet_has_the_widths_that_its_name_says() -> None:
    # Convolutions without bias, two numbers for each normalised channel, and a linear layer.
    convolutions = 9 * (3 * 8 + 2 * 8 * 8 + 8 * 16 + 16 * 16 + 16 * 32 + 32 * 32)
    assert n_parameters("resnet8-w8") == convolutions + 2 * (3 * 8 + 2 * 16 + 2 * 32) + 32 * 10 + 10


@pytest.mark.parametrize("name", [*ARCHITECTURES, "wrn-10-1"])
@pytest.mark.parametrize("side", [32, 64])
def test_every_architecture_maps_images_to_logits(name: str, side: int) -> None:
    network = on_meta(name, 7)
    assert network(torch.empty(2, 3, side, side, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name", ["resnet8", "wrn-10-1"])
def test_the_seed_alone_decides_the_weights_and_the_global_generator_is_left_alone(name: str) -> None:
    state = torch.get_rng_state()
    first = build_architecture(name, 10).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    again, other = build_architecture(name, 10).state_dict(), build_architecture(name, 10, seed=1).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_names_are_those_of_existing_checkpoints() -> None:
    free, projected, preact, wide = (
        set(on_meta(name).state_dict()) for name in ("resnet20", "resnet50", "preactresnet18", "wrn-28-10")
    )
    assert {"conv1.weight", "bn1.bias", "layer2.0.conv1.weight", "layer3.2.bn2.weight", "linear.bias"} <= free
    assert not any("shortcut" in key for key in free)
    assert {"layer1.0.conv3.weight", "layer4.0.shortcut.0.weight", "layer4.0.shortcut.1.running_var"} <= projected
    assert {"layer2.0.shortcut.0.weight", "layer1.0.bn1.weight", "linear.weight"} <= preact
    assert {"block1.layer.0.bn1.weight", "block3.layer.0.convShortcut.weight", "bn1.weight", "fc.bias"} <= wide


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet-20", "did you mean 'resnet20'"),
        ("wrn-28", "did you mean 'wrn-28-10'"),
        ("wrn-27-10", "6n\\+4"),
        ("wrn-28-0", "at least 1"),
    ],
)
def test_a_wrong_name_is_refused_with_what_would_do(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_architecture(name, 10)


def test_no_classes_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one class"):
        build_architecture("resnet20", 0)


@pytest.mark.skipif(not (SHARED / "checkpoints").is_dir(), reason="the shared checkpoints are not beside the checkout")
def test_a_checkpoint_trained_elsewhere_loads_strictly_and_classifies() -> None:
    file = SHARED / "checkpoints" / "resnet20-12fca82f.th"
    stored = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    network = build_architecture("resnet20", 10)
    network.load_state_dict({key.removeprefix("module."): value for key, value in stored.items()})
    data = open_data(f"imagefolder:{SHARED / 'data' / 'cifar10-test.tar.xz'},split=test")
    assert isinstance(data, Dataset)
    rows = np.concatenate([np.flatnonzero(data.labels == label)[:50] for label in range(10)])
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.inference_mode():
        answers = network((data.images(rows).float() / 255 - mean) / std).argmax(1)
    # 9 173 of all 10 000, as published.
    assert int((answers == torch.from_numpy(data.labels[rows])).sum()) == 457
