"""RobustBench's zoo from a local folder: with a small package in its place, and itself where it is installed."""

import base64
import hashlib
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch
from checkpoint_files import only, saved
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints import resolve, save_native
from robustsweep.benchmark.checkpoints.networks.robustbench import (
    build_zoo_network,
    names_in_zoo,
    split_name,
    weights_path,
)
from robustsweep.benchmark.checkpoints.strict_copy import load_strictly
from robustsweep.errors import CheckpointError, MissingDependencyError, UsageError

ZOO = """
from enum import Enum
import torch
from torch import nn

class Dataset(Enum):
    cifar_10 = "cifar10"
    imagenet = "imagenet"

class Threat(Enum):
    Linf = "Linf"
    corruptions = "corruptions"

class Plain(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.linear = nn.Linear(3, classes)
        self.register_buffer("mu", torch.full((1, 3, 1, 1), 0.5))
        self.register_buffer("sigma", torch.full((1, 3, 1, 1), 0.25))

    def forward(self, images):
        return self.linear(((images - self.mu) / self.sigma).mean((2, 3)))

class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.normalize = nn.Identity()
        self.normalize.register_buffer("mean", torch.zeros(3))
        self.model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1000))

    def forward(self, images):
        return self.model(images - self.normalize.mean.view(1, 3, 1, 1))

def one(model):
    return {"model": model, "gdrive_id": "1abc"}

model_dicts = {
    Dataset.cifar_10: {
        Threat.Linf: {
            "Plain2020": one(Plain),
            "Kireev2021Effectiveness_Plain": one(Plain),
            "Ensemble2020": {"model": Plain, "gdrive_id": ["1", "2"]},
            "Timm2020": {"model": Plain, "gdrive_id": None},
        },
    },
    Dataset.imagenet: {Threat.corruptions: {"Wrapped2020": one(Wrapped), "Standard_R50": {"gdrive_id": ""}}},
}
"""


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "robustbench"]:
            del sys.modules[name]

    forget()
    yield
    forget()


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a small robustbench whose own import fails, as the real one's does; returns a model folder."""
    package, record = tmp_path / "site" / "robustbench", tmp_path / "site" / "robustbench-1.1.1.dist-info"
    (package / "model_zoo").mkdir(parents=True)
    record.mkdir()
    (package / "__init__.py").write_text("import autoattack_of_another_name\n")
    (package / "model_zoo" / "__init__.py").write_text(ZOO)
    digest = base64.urlsafe_b64encode(hashlib.sha256(ZOO.encode()).digest()).rstrip(b"=").decode()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: robustbench\nVersion: 1.1.1\n")
    (record / "RECORD").write_text(f"robustbench/model_zoo/__init__.py,sha256={digest},{len(ZOO)}\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


def plain_weights(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "linear.weight": torch.randn((10, 3), generator=generator),
        "linear.bias": torch.randn(10, generator=generator),
        "mu": torch.full((1, 3, 1, 1), 0.1),
        "sigma": torch.full((1, 3, 1, 1), 0.2),
    }


def put(folder: Path, name: str, content: object) -> Path:
    path = folder / f"{name}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    return saved(path, content)


def answers(tensors: dict[str, Tensor], images: Tensor) -> Tensor:
    means = ((images - tensors["mu"]) / tensors["sigma"]).mean((2, 3))
    return means @ tensors["linear.weight"].T + tensors["linear.bias"]


def test_a_zoo_network_answers_with_the_weights_of_the_folder(zoo: Path) -> None:
    weights, images = plain_weights(), torch.rand(4, 3, 32, 32)
    put(zoo, "cifar10/Linf/Plain2020", weights)
    checkpoint = only("robustbench:cifar10/Linf/Plain2020,method=cutmix")
    assert (checkpoint.name, checkpoint.card.classes, checkpoint.card.method) == ("Plain2020", 10, "cutmix")
    assert torch.allclose(checkpoint.load()(images), answers(weights, images), atol=1e-6)
    elsewhere = zoo.rename(zoo.with_name("elsewhere"))
    assert only(f"robustbench:cifar10/Linf/Plain2020,model_dir={elsewhere}").id == checkpoint.id
    file = elsewhere / "cifar10" / "Linf" / "Plain2020.pt"
    assert only(f"robustbench:cifar10/Linf/Plain2020,weights={file}").id == checkpoint.id
    assert "robustbench" not in sys.modules  # the stand-in is not left to others


@pytest.mark.parametrize("prefix", ["module.", "model.", "module.model."])
def test_prefixes_and_the_entry_are_found(zoo: Path, prefix: str) -> None:
    weights = plain_weights()
    put(zoo, "cifar10/Linf/Plain2020", weights)
    plain = only("robustbench:cifar10/Linf/Plain2020")
    wrapped = {f"{prefix}{name}": tensor for name, tensor in weights.items()}
    put(zoo, "cifar10/Linf/Plain2020", {"state_dict": wrapped, "epoch": 3})
    assert only("robustbench:cifar10/Linf/Plain2020").id == plain.id


def test_constants_that_normalise_may_be_missing_and_nothing_else(zoo: Path) -> None:
    weights, images = plain_weights(), torch.rand(2, 3, 32, 32)
    without = {name: weights[name] for name in ("linear.weight", "linear.bias")}
    put(zoo, "cifar10/Linf/Plain2020", without)
    expected = answers(without | {"mu": torch.tensor(0.5), "sigma": torch.tensor(0.25)}, images)
    assert torch.allclose(only("robustbench:cifar10/Linf/Plain2020").load()(images), expected, atol=1e-5)
    put(zoo, "cifar10/Linf/Plain2020", {"linear.weight": weights["linear.weight"]})
    with pytest.raises(CheckpointError, match=r"missing linear\.bias"):
        resolve("robustbench:cifar10/Linf/Plain2020")
    put(zoo, "cifar10/Linf/Plain2020", without | {"conv.weight": torch.ones(1)})
    with pytest.raises(CheckpointError, match=r"unexpected conv\.weight"):
        resolve("robustbench:cifar10/Linf/Plain2020")
    put(zoo, "cifar10/Linf/Plain2020", without | {"conv1.scores": torch.ones(1), "model_preact_hl1.1.weight": images})
    assert only("robustbench:cifar10/Linf/Plain2020").card.classes == 10


def test_the_last_of_several_states_is_taken_where_the_zoo_takes_it(zoo: Path) -> None:
    put(zoo, "cifar10/Linf/Kireev2021Effectiveness_Plain", {"last": plain_weights(1), "best": plain_weights(2)})
    name = "robustbench:cifar10/Linf/Kireev2021Effectiveness_Plain"
    images = torch.rand(2, 3, 32, 32)
    assert torch.allclose(only(name).load()(images), answers(plain_weights(1), images), atol=1e-6)
    assert torch.allclose(only(f"{name},entry=best").load()(images), answers(plain_weights(2), images), atol=1e-6)


def test_a_network_inside_a_normalising_wrapper_takes_bare_names(zoo: Path) -> None:
    put(zoo, "imagenet/corruptions/Wrapped2020", {"2.weight": torch.ones(1000, 3), "2.bias": torch.arange(1000.0)})
    checkpoint = only("robustbench:imagenet/corruptions/Wrapped2020")
    assert checkpoint.card.classes == 1000
    assert int(checkpoint.load()(torch.rand(1, 3, 224, 224)).argmax()) == 999
    full = {"module.model.2.weight": torch.ones(1000, 3), "module.model.2.bias": torch.arange(1000.0)}
    put(zoo, "imagenet/corruptions/Wrapped2020", full | {"module.normalize.mean": torch.zeros(3)})
    assert only("robustbench:imagenet/corruptions/Wrapped2020").id == checkpoint.id


def test_a_native_file_of_a_zoo_network_is_the_same_checkpoint(zoo: Path, tmp_path: Path) -> None:
    put(zoo, "cifar10/Linf/Plain2020", plain_weights())
    checkpoint = only("robustbench:cifar10/Linf/Plain2020")
    save_native(tmp_path / "zoo.safetensors", checkpoint.load_network(), checkpoint.card)
    assert only(str(tmp_path / "zoo.safetensors")).id == checkpoint.id


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("ran"),))


def test_a_file_that_asks_for_code_is_refused_and_runs_nothing(zoo: Path) -> None:
    put(zoo, "cifar10/Linf/Plain2020", {"state_dict": plain_weights() | {"linear.bias": Payload()}})
    with pytest.raises(CheckpointError, match=r"linear\.bias asks to run"):
        resolve("robustbench:cifar10/Linf/Plain2020")
    assert not Path("ran").exists()


def test_a_missing_file_is_named_and_nothing_is_fetched(zoo: Path) -> None:
    with pytest.raises(CheckpointError, match=r"models/cifar10/Linf/Plain2020\.pt does not exist, and nothing is down"):
        resolve("robustbench:cifar10/Linf/Plain2020")
    assert not zoo.exists()


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("cifar10/Linf/Plane2020,weights=random", "Unknown model of RobustBench .* did you mean 'Plain2020'"),
        ("cifar10/Linf/Ensemble2020,weights=random", "is not one file of weights"),
        ("cifar10/Linf/Timm2020,weights=random", "is not one file of weights"),
        ("imagenet/corruptions/Standard_R50,weights=random", "is not one file of weights"),
        ("cifar10/Plain2020", "cannot be read; write robustbench:DATASET/THREAT/ID"),
        ("cifar10/Linf/../../Plain2020", "cannot be read"),
        ("cifar10/Linf/..", "cannot be read"),
        ("cifar11/Linf/Plain2020", "Unknown data set of RobustBench 'cifar11'; did you mean 'cifar10'"),
        ("cifar10/linf/Plain2020", "Unknown threat of RobustBench 'linf'; did you mean 'Linf'"),
        ("cifar10/Linf/Plain2020,norm=cifar10", "leave norm= out"),
        ("cifar10/Linf/Plain2020,classes=10", "leave classes= out"),
        ("cifar10/Linf/Plain2020,weights=random,model_dir=here", "not both"),
    ],
)
@pytest.mark.usefixtures("zoo")
def test_what_the_zoo_does_not_have_is_refused(spec: str, sentence: str) -> None:
    with pytest.raises((CheckpointError, UsageError), match=sentence):
        resolve(f"robustbench:{spec}")


def test_a_model_folder_means_nothing_elsewhere() -> None:
    with pytest.raises(UsageError, match="model_dir= is for robustbench:"):
        resolve("torchvision:resnet18,model_dir=models")


def test_another_packages_copy_over_it_is_refused(zoo: Path, tmp_path: Path) -> None:
    put(zoo, "cifar10/Linf/Plain2020", plain_weights())
    (tmp_path / "site" / "robustbench" / "model_zoo" / "__init__.py").write_text(ZOO + "# older\n")
    with pytest.raises(CheckpointError, match=r"an old copy over it\. Mend it with: pip install --force-reinstall"):
        resolve("robustbench:cifar10/Linf/Plain2020")


def test_an_absent_package_is_one_sentence_naming_the_extra(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(zoo, "cifar10/Linf/Plain2020", plain_weights())

    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("robustsweep.benchmark.checkpoints.networks.robustbench.files", absent)
    with pytest.raises(MissingDependencyError, match=r"not installed; .*'robustsweep\[robustbench\]'"):
        resolve("robustbench:cifar10/Linf/Plain2020")


def _is_installed() -> bool:
    try:
        return bool(version("robustbench"))
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not _is_installed(), reason="robustbench is not installed")
@pytest.mark.parametrize(
    "name", ["cifar10/corruptions/Modas2021PRIMEResNet18", "cifar100/Linf/Addepalli2022Efficient_RN18"]
)
def test_networks_of_the_real_zoo_load_from_a_local_file(tmp_path: Path, name: str) -> None:
    network, side = build_zoo_network(name)
    bare = {f"module.{key}": tensor for key, tensor in network.state_dict().items()}
    file = put(tmp_path / "models", name, {"state_dict": bare})
    assert weights_path(name, str(tmp_path / "models")) == file
    checkpoint = only(f"robustbench:{name},model_dir={tmp_path / 'models'}")
    images = torch.rand(2, 3, side, side)
    with torch.inference_mode():
        assert torch.equal(checkpoint.load()(images), network.eval()(images))
    assert checkpoint.card.classes == (100 if name.startswith("cifar100") else 10)


def test_names_split_into_three() -> None:
    assert split_name("imagenet/corruptions/A_b-c") == ("imagenet", "corruptions", "A_b-c")


def test_renamed_tensors_fit_strictly() -> None:
    network = nn.Sequential(nn.Linear(2, 2))
    tensors = {"module.0.weight": torch.eye(2), "module.0.bias": torch.ones(2)}
    names = names_in_zoo(tensors, network)
    load_strictly(network, {name: tensors[original] for name, original in names.items()}, "file")
    assert torch.equal(network[0].weight, torch.eye(2))
