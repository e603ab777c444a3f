from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint_files import only, saved
from torch import nn
from torchvision import models

from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.checkpoints.networks import network as networks
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalisation
from robustsweep.errors import CheckpointError, UsageError

SOURCE = """
import torch
from torch import nn

class Wrapper(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, classes))

    def forward(self, images):
        return self.model(images)

def with_classes(classes):
    return Wrapper(classes or 4)

def fixed():
    return Wrapper(6)

def num_classes(num_classes=4):
    return Wrapper(num_classes)

def n_classes(width=1, *, n_classes=4):
    return Wrapper(n_classes)

def passes_on(**options):
    return num_classes(**options)

def leaves():
    raise SystemExit(0)

def needs_more(width):
    return Wrapper(width)

def broken():
    raise RuntimeError("planted")

def no_module():
    return 3

def tuples():
    class Twice(nn.Module):
        def forward(self, images):
            return images, images
    return Twice()

def maps():
    return nn.Conv2d(3, 4, 1)

def one_size():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 5))

NUMBER = 3
"""
NETS = 0


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable module of factories, of a name that no other test has used."""
    global NETS
    NETS += 1
    (tmp_path / f"own_nets_{NETS}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return f"own_nets_{NETS}"


def test_an_own_factory_is_called_with_the_classes_if_it_takes_them(module: str) -> None:
    assert only(f"py:{module}:with_classes,classes=9").card.classes == 9
    assert only(f"py:{module}:with_classes").card.classes == 4
    assert only(f"py:{module}:fixed").card.classes == 6
    assert only(f"py:{module}:fixed").name == "fixed"


@pytest.mark.parametrize("factory", ["num_classes", "n_classes", "passes_on"])
def test_the_classes_are_given_under_the_name_that_a_factory_has(module: str, factory: str, tmp_path: Path) -> None:
    assert only(f"py:{module}:{factory},classes=9").card.classes == 9
    assert only(f"py:{module}:{factory}").card.classes == 4
    path = saved(tmp_path / "own.pth", {"model.2.weight": torch.ones(5, 3), "model.2.bias": torch.ones(5)})
    assert only(f"py:{module}:{factory},weights={path}").card.classes == 5


def test_classes_that_the_network_does_not_have_are_refused(module: str, tmp_path: Path) -> None:
    reason = "fixed has no parameter classes or num_classes or n_classes"
    with pytest.raises(CheckpointError, match=f"has 6 outputs with these weights, not classes=10; .*{reason}"):
        resolve(f"py:{module}:fixed,classes=10")
    path = saved(tmp_path / "own.pth", {"model.2.weight": torch.ones(5, 3), "model.2.bias": torch.ones(5)})
    with pytest.raises(CheckpointError, match=rf"model\.2\.weight is \(5, 3\), expected \(6, 3\).*{reason}"):
        resolve(f"py:{module}:fixed,weights={path}")


def test_a_normalisation_that_is_assumed_is_said(module: str) -> None:
    assert "norm= was not given, so images enter" in only(f"py:{module}:fixed").notes[0]
    (note,) = only("torchvision:resnet18,weights=random,classes=10").notes
    assert "norm=0.485/0.456/0.406/0.229/0.224/0.225" in note
    assert only(f"py:{module}:fixed,norm=half").notes == ()


def test_own_weights_for_a_network_of_a_library_need_a_normalisation(tmp_path: Path) -> None:
    network = models.get_model("squeezenet1_1", num_classes=10)
    path = saved(tmp_path / "own.pth", network.state_dict())
    with pytest.raises(UsageError, match=r"say norm= .*torchvision .* are norm=0\.485/0\.456/0\.406/0\.229"):
        resolve(f"torchvision:squeezenet1_1,classes=10,weights={path}")
    assert only(f"torchvision:squeezenet1_1,classes=10,norm=half,weights={path}").notes == ()


def test_small_networks_of_pytorchcv_have_the_constants_of_its_training_scripts() -> None:
    pytest.importorskip("pytorchcv")
    for name, expected in (("resnet20_cifar10", "cifar10-2023"), ("resnet20_svhn", "cifar10-2023")):
        assert only(f"pytorchcv:{name},weights=random").card.normalisation == NORMALISATIONS[expected]


def test_the_source_of_a_factory_is_part_of_the_id(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "changed_nets.py").write_text(SOURCE + "# another line\n")
    (tmp_path / "same_nets.py").write_text(SOURCE)
    first, same, changed = (only(f"py:{name}:fixed") for name in (module, "same_nets", "changed_nets"))
    assert first.identity["weights"] == changed.identity["weights"]
    assert first.identity["source"] == same.identity["source"] != changed.identity["source"]
    assert first.id != changed.id


def test_weights_of_an_own_network_keep_names_that_look_like_a_wrappers_prefix(module: str, tmp_path: Path) -> None:
    tensors = {"model.2.weight": torch.ones(6, 3), "model.2.bias": torch.arange(6.0)}
    wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
    plain = only(f"py:{module}:fixed,weights={saved(tmp_path / 'own.pth', tensors)}")
    assert only(f"py:{module}:fixed,weights={saved(tmp_path / 'wrapped.pth', wrapped)}").id == plain.id
    assert plain.id != only(f"py:{module}:fixed").id


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        ("needs_more", "needs_more failed .*width"),
        ("broken", "failed .*planted"),
        ("leaves", "failed .*SystemExit"),
        ("no_module", "returned a int, expected a torch.nn.Module"),
        ("tuples", "returned tuple for one image"),
        ("maps", r"returned \(1, 4, 32, 32\) for one image"),
        ("one_size", "cannot take an image of 32x32"),
        ("NUMBER", "cannot be imported"),
        ("nowhere", "cannot be imported .*nowhere"),
    ],
)
def test_a_factory_that_fails_or_returns_something_else_is_a_sentence(module: str, factory: str, sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        resolve(f"py:{module}:{factory}")


def test_a_network_of_one_size_is_tried_at_the_size_that_is_said(module: str) -> None:
    assert only(f"py:{module}:one_size,input_size=24").card.input_size == 24


@pytest.mark.parametrize("spec", ["py:no_such_module_anywhere:f", "py:os", "py::f", "py:.relative:f", "py:os:abort"])
def test_what_cannot_be_imported_is_a_sentence(spec: str) -> None:
    with pytest.raises(CheckpointError, match="py:"):
        resolve(spec)


def test_a_module_that_does_not_compile_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ill_written.py").write_text("def (:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be imported .*SyntaxError"):
        resolve("py:ill_written:f")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [("arch=resnet8", "leave arch= out"), ("weights=pretrained", "no pretrained"), ("entry=ema", "entry= is for")],
)
def test_options_that_mean_nothing_for_a_factory_are_refused(module: str, options: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        resolve(f"py:{module}:fixed,{options}")


def test_random_library_weights_are_always_the_same_and_leave_the_global_generators_alone() -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002 - it must stay untouched
    first = only("torchvision:resnet18,weights=random,classes=10")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(77)
        second = only("torchvision:resnet18,weights=random,classes=10,name=again")
    assert first.id == second.id
    assert torch.equal(torch_state, torch.get_rng_state())
    assert np.array_equal(numpy_state[1], np.random.get_state()[1])  # noqa: NPY002
    assert first.name == "resnet18"
    assert (first.card.classes, first.card.input_size, first.card.resize_input) == (10, 224, False)
    assert first.card.normalisation == NORMALISATIONS["imagenet"]


def test_unknown_library_models_are_refused() -> None:
    with pytest.raises(CheckpointError, match="torchvision has no classifier 'resnet19'"):
        resolve("torchvision:resnet19,weights=random")
    with pytest.raises(CheckpointError, match="torchvision has no classifier 'fcn_resnet50'"):
        resolve("torchvision:fcn_resnet50,weights=random")


def test_pretrained_weights_that_cannot_be_fetched_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(CheckpointError, match="could not be fetched .* give weights=FILE, or weights=random"):
        resolve("torchvision:resnet18")


def test_classes_other_than_those_of_the_pretrained_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Head(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(images), 1000)

    def fetched(name: str, classes: int | None, *, pretrained: bool) -> networks.Network:
        return networks.Network(Head(), Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), 224)

    monkeypatch.setattr("robustsweep.benchmark.checkpoints.weights.build_network", fetched)
    assert only("torchvision:resnet18").card.classes == 1000
    with pytest.raises(CheckpointError, match="has 1000 outputs with these weights, not classes=10"):
        resolve("torchvision:resnet18,classes=10")
