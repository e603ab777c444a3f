"""Networks in memory: the numbers of the command line, under any name, mode and wrapper."""

import gc
import multiprocessing
import sys
from pathlib import Path

import pytest
import torch
from live_networks import SUITES, SmallNet, arrays, digits, pictures, same
from torch import nn

from robustsweep import Results, evaluate, load
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.sweep.progress import Silent
from robustsweep.cli import main
from robustsweep.errors import CellsFailedError, CheckpointError, UsageError


def test_the_numbers_are_those_of_the_command_line_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = build_architecture("resnet20", 10, seed=4)
    torch.save(network.state_dict(), "net.pth")
    results = evaluate(network, "digits", SUITES, normalise="half", limit=30, name="net")
    suites = [argument for suite in SUITES for argument in ("--suite", suite)]
    checkpoint = ["--checkpoint", "net.pth,arch=resnet20,norm=half"]
    monkeypatch.setattr(sys, "argv", ["robustsweep", "sweep", *checkpoint, *suites, "--limit", "30", "--out", "run"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    commanded = Results("run")
    assert same(arrays(results), arrays(commanded))
    columns = ["condition", "eps", "n", "n_right", "error"]
    assert (
        results.frame[columns]
        .sort_values(["condition", "eps"], ignore_index=True)
        .equals(commanded.frame[columns].sort_values(["condition", "eps"], ignore_index=True))
    )
    assert same(arrays(evaluate("net.pth,arch=resnet20,norm=half", "digits", SUITES, limit=30)), arrays(commanded))


def test_a_network_is_evaluated_in_evaluation_mode_and_stays_as_it_is():
    network = SmallNet().train()
    network.bn.eval()
    network.conv.weight.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found = evaluate(network, digits(12), "clean")
    assert same(arrays(found), arrays(evaluate(SmallNet().eval(), digits(12), "clean")))
    assert network.training
    assert network.dropout.training
    assert not network.bn.training
    assert not network.conv.weight.requires_grad
    assert network.linear.weight.requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_what_spreads_or_wraps_a_network_computes_what_it_computes():
    wrapped = evaluate(nn.DataParallel(SmallNet()), digits(12), "clean")
    assert list(wrapped.frame["checkpoint"]) == ["SmallNet"]
    assert set(wrapped.frame["checkpoint_id"]) == set(evaluate(SmallNet(), digits(12), "clean").frame["checkpoint_id"])


class Counted(Silent):
    def __init__(self) -> None:
        self.cells = 0

    def advance(self, cells: int, units: int) -> None:
        self.cells += cells


def test_a_run_continues_and_knows_a_network_by_its_weights_buffers_and_layers(tmp_path):
    def computed(network: nn.Module, suites: tuple[str, ...], **options: object) -> int:
        counted = Counted()
        evaluate(network, digits(12), suites, out=tmp_path / "run", progress=counted, **options)
        return counted.cells

    assert computed(SmallNet(), ("clean",)) == 1
    assert computed(SmallNet(), ("clean", "fog@3")) == 1
    assert computed(SmallNet(), ("clean", "fog@3"), method="cutmix", name="renamed") == 0
    other = SmallNet()
    other.bn.running_mean += 0.01
    assert computed(other, ("clean",), name="buffers") == 1
    padded = SmallNet()
    padded.conv.padding_mode = "reflect"
    assert computed(padded, ("clean",), name="layers") == 1
    constants = [SmallNet(), SmallNet()]
    for value, network in enumerate(constants):
        network.register_buffer("constant", torch.full((1,), float(value)), persistent=False)
        assert computed(network, ("clean",), name=f"constant {value}") == 1
    assert computed(SmallNet(), ("clean",), normalise="half", name="normalised") == 1
    results = evaluate(SmallNet(), digits(12), ("clean",), out=tmp_path / "run", name="renamed")
    assert any("plain attribute, is not noticed" in note for note in results.notes)
    found = set(results.frame["checkpoint"])
    assert found == {"renamed", "buffers", "layers", "constant 0", "constant 1", "normalised"}


class Acted(nn.Module):
    """Prints the function that it applies, with its address."""

    def __init__(self) -> None:
        super().__init__()
        self.function = lambda features: features.flatten(1)

    def extra_repr(self) -> str:
        return repr(self.function)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.function(features)


def test_the_address_of_a_function_is_no_part_of_a_network():
    linear = nn.Linear(48, 10)
    one, other = (nn.Sequential(nn.AvgPool2d(8), Acted(), linear) for _ in range(2))
    assert repr(one) != repr(other)
    found = [evaluate(network, digits(12), "clean").frame["checkpoint_id"].item() for network in (one, other)]
    assert found[0] == found[1]


def test_weights_that_are_not_there_yet_are_named():
    with pytest.raises(CheckpointError, match="a lazy layer must have seen an image"):
        evaluate(nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), digits(12), "clean")


def test_classes_whose_source_is_unknown_are_named(tmp_path):
    scope: dict[str, type] = {}
    exec("from torch import nn\nclass Typed(nn.Flatten):\n    pass\n", scope)
    network = nn.Sequential(nn.AvgPool2d(8), scope["Typed"](), nn.Linear(48, 10))
    results = evaluate(network, digits(12), "clean", out=tmp_path)
    assert any("the source of Typed cannot be read" in note for note in results.notes)


def test_a_run_without_a_folder_is_gone_with_its_results_and_not_with_a_copy_in_another_process():
    held = [evaluate(SmallNet(), digits(12), "clean")]
    folder = held[0].runs[0]
    process = multiprocessing.get_context("fork").Process(target=_forget, args=(held,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert (folder / "cells").is_dir()
    _forget(held)
    assert not folder.exists()


def _forget(held: list[Results]) -> None:
    held.clear()
    gc.collect()


def test_nothing_is_left_behind_by_an_evaluation_that_fails(tmp_path, monkeypatch):
    class Broken(SmallNet):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if len(images) > 1:
                raise ValueError("planted")
            return super().forward(images)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(CellsFailedError, match="planted"):
        evaluate(Broken(), digits(12), "clean")
    assert not list(tmp_path.glob("robustsweep-*"))


def test_several_networks_have_names_and_methods():
    several = evaluate([SmallNet(0), SmallNet(1)], digits(12), "clean")
    assert sorted(several.frame["checkpoint"]) == ["SmallNet-1", "SmallNet-2"]
    named = evaluate({"a": SmallNet(0), "b": SmallNet(1)}, digits(12), "clean", method={"b": "cutmix"})
    assert dict(zip(named.frame["checkpoint"], named.frame["method"], strict=True)) == {
        "a": "unspecified",
        "b": "cutmix",
    }
    mixed = evaluate(
        {"live": SmallNet(), "spec": "torchvision:resnet18,weights=random,classes=10,input_size=32"},
        digits(12),
        "clean",
        method="baseline",
    )
    assert set(mixed.frame["checkpoint"]) == {"live", "spec"}
    assert set(mixed.frame["method"]) == {"baseline"}


def test_a_loaded_checkpoint_is_a_module_on_unit_images():
    spec = "torchvision:resnet18,weights=random,classes=10,input_size=32"
    network = load(spec)
    assert not network.training
    assert same(arrays(evaluate(network, digits(12), "clean")), arrays(evaluate(spec, digits(12), "clean")))
    with pytest.raises(UsageError, match="expected key=value"):
        load("net.pth,arch")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "sentence"),
    [
        ((SmallNet(), "digit"), {}, UsageError, "did you mean 'digits'"),
        ((SmallNet(), "digits", "cifra-c"), {}, UsageError, "Unknown suite 'cifra-c'; did you mean 'cifar-c'"),
        ((SmallNet(), "digits", [3]), {}, UsageError, "suites.* must be"),
        ((SmallNet(), "digits"), {"limit": 0}, UsageError, "limit must be 1 or more, got 0"),
        (
            (SmallNet(), "digits"),
            {"device": "cpu,cpu"},
            UsageError,
            "one device, got 'cpu,cpu', since networks",
        ),
        (
            (SmallNet(), "digits"),
            {"device": ["cpu", "cpu"]},
            UsageError,
            "in a plan for robustsweep.sweep",
        ),
        ((SmallNet(), "digits"), {"device": "tpu"}, UsageError, "device must be auto, cpu, cuda or cuda:N, got 'tpu'"),
        ((SmallNet(), "digits"), {"seed": "x"}, UsageError, "seed must be a whole number"),
        ((SmallNet(), "digits"), {"normalise": "cifar11"}, UsageError, "did you mean 'cifar10'"),
        ((3, "digits"), {}, UsageError, "A model must be a torch.nn.Module, a checkpoint spec, .* got int"),
        (([], "digits"), {}, UsageError, "at least one network"),
        (([SmallNet(), SmallNet(1)], "digits"), {"name": "a"}, UsageError, "name= is for a single network"),
        (
            ("net.pth,arch=resnet20,norm=half", "digits"),
            {"normalise": "half"},
            UsageError,
            "say norm= in a checkpoint spec",
        ),
        ((SmallNet(), "digits"), {"method": {"SmalNet": "cutmix"}}, UsageError, "did you mean 'SmallNet'"),
        ((Path("gone.pth"), "digits"), {}, CheckpointError, "gone.pth does not exist"),
        ((SmallNet(classes=7), "digits"), {}, CheckpointError, "has 7 outputs, digits has 10 classes"),
        ((nn.Flatten(0), "digits"), {}, CheckpointError, r"expected logits of shape \(1, classes\)"),
        ((nn.Linear(5, 5), "digits"), {}, CheckpointError, "Linear cannot take an image of 32x32 pixels"),
        (([SmallNet(), SmallNet()], "digits"), {}, CheckpointError, "have the same weights"),
    ],
)
def test_wrong_arguments_get_the_sentences_of_the_command_line(arguments, options, error, sentence):
    with pytest.raises(error, match=sentence):
        evaluate(*arguments, **{"limit": 10, **options})


def test_a_network_that_cannot_be_copied_is_named():
    network = SmallNet()
    network.cached = network.linear(torch.zeros(1, 96))  # part of a graph
    with pytest.raises(CheckpointError, match="SmallNet cannot be copied"):
        evaluate(network, digits(12), "clean")


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", torch.bfloat16)])
def test_what_the_caller_has_switched_on_changes_no_number(around, tmp_path):
    for label in range(10):
        (tmp_path / "files" / str(label)).mkdir(parents=True)
        pictures()[label][0].save(tmp_path / "files" / str(label) / "0.png")
    spec = f"imagefolder:{tmp_path / 'files'}"
    expected = [arrays(evaluate(SmallNet(), data, SUITES)) for data in (digits(12), spec)]
    with around():
        found = [arrays(evaluate(SmallNet(), data, SUITES)) for data in (digits(12), spec)]
    assert all(map(same, found, expected))
