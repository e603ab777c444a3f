"""Networks in memory on data in memory: the numbers of the command line, in every form."""

import gc
import multiprocessing
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from live_networks import SmallNet, digits
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset

from robustsweep import Results, evaluate, load
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.sweep.progress import Silent
from robustsweep.cli import main
from robustsweep.errors import CellsFailedError, CheckpointError, DataError, UsageError
from robustsweep.results.stored.store import CellStore

SUITES = ("clean", "gaussian_noise@3", "fog@3", "pgd3-linf@1/255,4/255")


def arrays(results: Results) -> dict[str, dict[str, np.ndarray]]:
    store = CellStore(results.runs[0])
    return {cell.condition["name"]: store.examples(cell).arrays() for cell in store.cells()}


def same(one: dict[str, dict[str, np.ndarray]], other: dict[str, dict[str, np.ndarray]]) -> bool:
    return one.keys() == other.keys() and all(
        one[condition].keys() == other[condition].keys()
        and all(np.array_equal(one[condition][name], other[condition][name]) for name in one[condition])
        for condition in one
    )


class Table:
    """What a data set of Hugging Face offers."""

    def __init__(self, rows: list[dict[str, object]], **features: object) -> None:
        self._rows, self.features, self.column_names = rows, features, list(features)
        self.info = SimpleNamespace(dataset_name="tiny-digits")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, object]:
        return self._rows[index]


def _feature(kind: str, **fields: object) -> object:
    return type(kind, (), fields)()


class Pairs(Dataset):
    """A map-style data set."""

    def __init__(self, pairs: list[tuple[object, object]]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[object, object]:
        return self.pairs[index]


def pictures(n: int = 12) -> list[tuple[Image.Image, int]]:
    images, labels = digits(n)
    return [(Image.fromarray(image), int(label)) for image, label in zip(images, labels, strict=True)]


def forms(n: int = 12) -> dict[str, object]:
    images, labels = digits(n)
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2)
    rows = [{"img": image, "label": label} for image, label in pictures(n)]
    return {
        "arrays": (images, labels),
        "tensors": (tensors / 255, torch.from_numpy(labels)),
        "list of images": ([image for image, _ in pictures(n)], labels.tolist()),
        "with ids": (images, labels, np.arange(n)),
        "list of pairs": pictures(n),
        "map-style": Pairs(pictures(n)),
        "tensor data set": TensorDataset(tensors, torch.from_numpy(labels)),
        "loader": DataLoader(TensorDataset(tensors, torch.from_numpy(labels)), batch_size=5),
        "loader with workers": DataLoader(TensorDataset(tensors / 255, torch.from_numpy(labels)), 5, num_workers=2),
        "loader without batches": DataLoader(TensorDataset(tensors, torch.from_numpy(labels)), batch_size=None),
        "table": Table(rows, img=_feature("Image"), label=_feature("ClassLabel", num_classes=10)),
        "table with plain features": Table(rows, img=_feature("Value"), label=_feature("Value")),
    }


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


@pytest.fixture(scope="module")
def by_spec() -> dict[str, dict[str, np.ndarray]]:
    """What the first twelve digits give, read from a file."""
    return arrays(evaluate(SmallNet(), digits(12), SUITES))


@pytest.mark.parametrize("form", forms())
def test_data_in_every_form_give_the_same_numbers(form, by_spec):
    results = evaluate(SmallNet(), forms()[form], SUITES)
    assert same(arrays(results), by_spec)
    if form.startswith("table"):
        assert set(results.frame["data"]) == {"tiny-digits"}


def test_all_digits_in_memory_give_what_their_spec_gives():
    images, labels = digits()
    found = evaluate(SmallNet(), (images, labels), ["clean", "fog@3"], limit=40)
    assert same(arrays(found), arrays(evaluate(SmallNet(), "digits", ["clean", "fog@3"], limit=40)))


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


def test_images_of_other_modes_become_rgb_as_files_do():
    grey = [(image.convert("L"), label) for image, label in pictures()]
    assert same(arrays(evaluate(SmallNet(), grey, "clean")), arrays(evaluate(SmallNet(), pictures(), "clean")))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (17, "Data must be a data spec .* got int"),
        ({"image": 1}, "Data must be a data spec .* got dict"),
        (np.zeros((2, 32, 32, 3)), "Data must be a data spec .* got ndarray"),
        ((digits(12)[0], digits(11)[1]), r"Labels must be whole numbers \(12,\)"),
        ((digits(12)[0], np.full(12, 0.5)), r"Labels must be whole numbers \(12,\)"),
        ((digits(12)[0], digits(12)[1] - 20), "labels must be 0 or more"),
        ((digits(12)[0], digits(12)[1] + 9), "Labels of arrays must be from 0 to 9, as there are 10 classes, got 1."),
        ((*digits(12), np.zeros(12, dtype=int)), "Ids must be given once each"),
        ((digits(12)[0] / 255 * 2 - 1, digits(12)[1]), "must lie in .0, 1., they span -1 to 1"),
        ([], "holds no image"),
        (
            [(Image.new("RGB", (32, 32)), 0), (Image.new("RGB", (40, 32)), 1)],
            "Image 1 of list is 40x32, the first one 32x32",
        ),
        (
            [(Image.new("RGB", (32, 32)), "cat")],
            "Image 0 of list does not fit: its label must be a whole number, got 'cat'",
        ),
        (
            [(torch.zeros(2, 3, 32, 32), torch.tensor([0, 1]))],
            r"Image 0 of list does not fit: its label must be a whole number, got tensor\(\[0, 1\]\)",
        ),
        ([(Image.new("I;16", (32, 32)), 1)], "it has Pillow's mode 'I;16'"),
        ([Image.new("RGB", (32, 32))], r"Item 0 of list must be \(image, label\), got a Image"),
        (DataLoader(Pairs(pictures()), shuffle=True), "shuffle=False"),
        (DataLoader(Pairs(pictures()), sampler=RandomSampler(range(12))), "shuffle=False"),
        (DataLoader(Pairs(pictures()), batch_sampler=[[3, 1]]), "shuffle=False"),
        (
            DataLoader(
                TensorDataset(torch.zeros(12, 3, 32, 32), torch.zeros(12, dtype=torch.int64)), 5, drop_last=True
            ),
            "leaves 2 of 12 images out",
        ),
        (Table([], a=_feature("Value"), b=_feature("Value")), "one column of images, and has none among a, b"),
        (
            Table([], img=_feature("Image"), fine=_feature("ClassLabel"), coarse=_feature("ClassLabel")),
            r"one column of labels, and has fine, coarse; keep one of each, such as data.select_columns",
        ),
    ],
)
def test_data_that_do_not_fit_are_refused_with_a_sentence(data, sentence):
    with pytest.raises(DataError, match=sentence):
        evaluate(SmallNet(), data, "clean")


def test_splits_and_streams_are_named():
    class Splits(dict):
        column_names = {"test": ["image", "label"]}

    with pytest.raises(DataError, match=r"several splits \(test\); give one, such as data\['test'\]"):
        evaluate(SmallNet(), Splits(test=1), "clean")
    with pytest.raises(DataError, match="streamed has no length"):
        evaluate(SmallNet(), SimpleNamespace(column_names=["image"], features={}), "clean")


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
def test_what_the_caller_has_switched_on_changes_no_number(around, tmp_path, by_spec):
    for label in range(10):
        (tmp_path / "files" / str(label)).mkdir(parents=True)
        pictures()[label][0].save(tmp_path / "files" / str(label) / "0.png")
    spec = f"imagefolder:{tmp_path / 'files'}"
    expected = evaluate(SmallNet(), spec, SUITES)
    with around():
        assert same(arrays(evaluate(SmallNet(), digits(12), SUITES)), by_spec)
        assert same(arrays(evaluate(SmallNet(), spec, SUITES)), arrays(expected))
