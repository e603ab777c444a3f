"""Forms in which training scripts leave weights: any suffix, anything beside them, any prefix."""

import argparse
import collections
import datetime
import enum
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoint_files import ARCHITECTURE, CLASSES, SPEC, logits, network, only, renamed, saved, weights
from safetensors.torch import save_file
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.checkpoints.checkpoint import notes_of
from robustsweep.cli.convert import convert
from robustsweep.errors import CheckpointError, UsageError


class Phase(enum.Enum):
    TRAINED = 1


class Settings(dict[str, Any]):
    """As easydict and others are: a dict whose items are attributes."""

    def __init__(self, **items: Any) -> None:
        super().__init__(items)
        self.__dict__ = self


BESIDE: dict[str, object] = {
    "numpy number": np.float64(91.2),
    "numpy array": np.arange(5),
    "numpy type": np.dtype("float32"),
    "namespace": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("x")),
    "path": pathlib.PurePosixPath("x"),
    "defaultdict": collections.defaultdict(list, {"loss": [1.0]}),
    "counter": collections.Counter("aab"),
    "ordered": collections.OrderedDict(a=1),
    "deque": collections.deque([1, 2]),
    "time": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    "member": Phase.TRAINED,
    "settings": Settings(lr=0.1, inner=Settings(a=[1])),
    "set": {1, 2},
    "tuple as key": {(1, 2): 3},
    "module": nn.Linear(2, 2),
    "size": torch.Size((1, 2)),
    "device": torch.device("cpu"),
    "type": torch.float16,
    "complex": torch.ones(2, dtype=torch.complex64),
}


@pytest.fixture(scope="module")
def plain_id(tmp_path_factory: pytest.TempPathFactory) -> str:
    return only(f"{saved(tmp_path_factory.mktemp('plain') / 'net.pth', weights())},{SPEC}").id


@pytest.mark.parametrize("name", ["net.pth.tar", "net.ckpt", "net.bin", "net.t7", "net.pkl", "net.tar", "net", "n.x.y"])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_the_content_decides_and_not_the_suffix(tmp_path: Path, plain_id: str, name: str, kind: str) -> None:
    if kind == "safetensors":
        save_file(weights(), tmp_path / name)
    else:
        torch.save(weights(), tmp_path / name, _use_new_zipfile_serialization=kind == "zip")
    found = only(f"{tmp_path / name},{SPEC}")
    assert found.id == plain_id
    assert found.name in ("net", "n.x")


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_whatever_lies_beside_the_weights_is_inert(tmp_path: Path, plain_id: str, is_zip: bool) -> None:
    for protocol in (2, 4):
        torch.save(
            {**BESIDE, "state_dict": weights()},
            tmp_path / "net.ckpt",
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=is_zip,
        )
        assert only(f"{tmp_path / 'net.ckpt'},{SPEC}").id == plain_id


def averaged() -> dict[str, Tensor]:
    return dict(torch.optim.swa_utils.AveragedModel(network()).state_dict())


@pytest.mark.parametrize(
    ("make", "left_out"),
    [
        (lambda: renamed(weights(), lambda name: f"backbone.{name}"), None),
        (lambda: renamed(weights(), lambda name: f"ema_model.module.{name}"), None),
        (lambda: nn.DataParallel(network()).state_dict(), None),
        (averaged, "n_averaged"),
        (
            lambda: renamed(weights(), lambda name: f"net.{name}") | {"criterion.weight": torch.ones(4, 9)},
            "criterion.weight",
        ),
    ],
    ids=["backbone", "ema", "parallel", "averaged", "with-criterion"],
)
def test_the_one_prefix_of_all_names_is_taken_and_the_rest_named(
    tmp_path: Path, plain_id: str, make: Callable[[], dict[str, Tensor]], left_out: str | None
) -> None:
    found = only(f"{saved(tmp_path / 'net.pth', make())},{SPEC}")
    assert found.id == plain_id
    assert torch.equal(logits(found), logits(only(f"{saved(tmp_path / 'plain.pth', weights())},{SPEC}")))
    notes = [note for note in found.notes if "left out" in note]
    assert len(notes) == (left_out is not None)
    assert all(left_out in note for note in notes if left_out)


def test_several_prefixes_need_a_choice_and_the_choice_decides(tmp_path: Path, plain_id: str) -> None:
    both = renamed(weights(), lambda name: f"student.{name}") | renamed(weights(1), lambda name: f"teacher.{name}")
    path = saved(tmp_path / "net.pth", both)
    with pytest.raises(CheckpointError, match=r"choose one with prefix=NAME: student, teacher\.$"):
        resolve(f"{path},{SPEC}")
    for prefix in ("student", "student."):
        assert only(f"{path},{SPEC},prefix={prefix}").id == plain_id
    assert only(f"{path},{SPEC},prefix=teacher").id != plain_id
    with pytest.raises(CheckpointError, match=r"no names under prefix=tutor\.; names begin with student\., teacher\."):
        resolve(f"{path},{SPEC},prefix=tutor")


def test_what_stands_under_the_prefix_beside_the_network_is_refused(tmp_path: Path) -> None:
    tensors = renamed(weights() | {"head.weight": torch.ones(2, 2)}, lambda name: f"model.{name}")
    with pytest.raises(CheckpointError, match=r"architecture: unexpected head\.weight; name the"):
        resolve(f"{saved(tmp_path / 'net.pth', tensors)},{SPEC},classes={CLASSES}")


def test_a_nested_entry_is_named_with_dots(tmp_path: Path, plain_id: str) -> None:
    path = saved(tmp_path / "net.pth", {"model": {"state_dict": weights(), "a.b": weights(1)}, "epoch": 3})
    with pytest.raises(CheckpointError, match=r"choose one with entry=NAME: model\.state_dict, model\.a\.b"):
        resolve(f"{path},{SPEC}")
    assert only(f"{path},{SPEC},entry=model.state_dict").id == plain_id
    assert only(f"{path},{SPEC},entry=model.a.b").id != plain_id


@pytest.mark.parametrize("content", [{"anything": weights()}, {"outer": {"anything": weights()}}])
def test_the_only_state_dict_of_a_file_is_taken_whatever_its_name(
    tmp_path: Path, plain_id: str, content: object
) -> None:
    assert only(f"{saved(tmp_path / 'net.pth', content)},{SPEC}").id == plain_id


@pytest.mark.parametrize("key", ["entry", "prefix"])
def test_entries_and_prefixes_are_for_files(key: str) -> None:
    with pytest.raises(UsageError, match=f"{key}= is for weights=FILE"):
        resolve(f"torchvision:resnet18,weights=random,{key}=model")


def test_half_precision_and_tied_weights_and_parameters_with_attributes_are_read(tmp_path: Path) -> None:
    halves = {name: t.bfloat16() if t.is_floating_point() else t for name, t in weights().items()}
    as_float = {name: t.float() if t.is_floating_point() else t for name, t in halves.items()}
    tagged = nn.Parameter(as_float["linear.weight"])
    tagged.tag = "x"
    expected = only(f"{saved(tmp_path / 'float.pth', as_float)},{SPEC}").id
    assert only(f"{saved(tmp_path / 'half.pth', halves)},{SPEC}").id == expected
    assert only(f"{saved(tmp_path / 'tagged.pth', as_float | {'linear.weight': tagged})},{SPEC}").id == expected
    joined = torch.arange(32.0)
    tied = weights() | {"bn1.weight": joined[16:], "bn1.bias": joined[:16], "bn1.running_mean": joined[::2]}
    apart = {name: tensor.clone() for name, tensor in tied.items()}
    for is_zip in (True, False):
        torch.save(tied, tmp_path / "tied.pth", _use_new_zipfile_serialization=is_zip)
        assert only(f"{tmp_path / 'tied.pth'},{SPEC}").id == only(f"{saved(tmp_path / 'apart.pth', apart)},{SPEC}").id


@pytest.mark.parametrize(
    ("beside", "readings"),
    [
        ({"acc": 91.5}, (0.915,)),
        ({"acc": 0.915}, (0.915,)),
        ({"best_acc1": torch.tensor(91.5), "acc1": np.float64(90.5)}, (0.905,)),
        ({"best_acc1": torch.tensor([91.5])}, (0.915,)),
        ({"best_err1": 8.5}, (0.915,)),
        ({"best_err1": 0.75}, (0.9925, 0.25)),
        ({"best_prec1": 91.5}, (0.915,)),
        ({"best_top1": np.float32(91.5)}, (0.915,)),
        ({"arch": "resnet8", "metric": 91.5}, (0.915,)),
    ],
)
def test_the_accuracy_beside_the_weights_is_read(
    tmp_path: Path, beside: dict[str, object], readings: tuple[float, ...]
) -> None:
    found = only(f"{saved(tmp_path / 'net.pth', {'state_dict': weights(), **beside})},{SPEC}")
    assert found.file_accuracy is not None
    assert found.file_accuracy.readings == pytest.approx(readings)
    assert found.card.clean_accuracy is None


@pytest.mark.parametrize(
    "beside",
    [{"acc": 0}, {"acc": float("nan")}, {"acc": 101.0}, {"acc": "92"}, {"best_acc5": 99.0}, {"train_acc": 99.0}]
    + [{"metric": 1.5}, {"acc": True}, {"accuracy": [1.0]}, {"acc": 10**400}]
    + [{"acc": torch.tensor(1j)}, {"acc": torch.tensor(True)}, {"acc": torch.ones(2)}],
)
def test_what_says_nothing_of_the_accuracy_is_not_taken_for_it(tmp_path: Path, beside: dict[str, object]) -> None:
    assert only(f"{saved(tmp_path / 'net.pth', {'state_dict': weights(), **beside})},{SPEC}").file_accuracy is None


def test_a_note_says_that_much_public_code_divides_by_other_constants(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", weights())
    assert [note for note in only(f"{path},{SPEC}").notes if "norm=cifar10-2023" in note]
    assert only(f"{path},arch={ARCHITECTURE},norm=cifar10-2023").notes == ()
    assert only(f"{path},arch={ARCHITECTURE},norm=cifar10-2023").card.normalisation.std == (0.2023, 0.1994, 0.2010)


def test_convert_says_what_it_left_out_and_what_the_file_states(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plain_id: str
) -> None:
    wrapped = renamed(weights(), lambda name: f"net.{name}") | {"criterion.weight": torch.ones(3)}
    path = saved(tmp_path / "net.pth.tar", {"state_dict": wrapped, "best_acc1": 91.5})
    convert(f"{path},{SPEC}", tmp_path / "net.safetensors")
    printed = capsys.readouterr().out
    assert "left out: criterion.weight" in printed
    assert "the file states best_acc1 = 91.5" in printed
    assert only(str(tmp_path / "net.safetensors")).id == plain_id
    convert(f"{path},{SPEC},clean_accuracy=0.9", tmp_path / "net.safetensors")
    assert "best_acc1" not in capsys.readouterr().out


def test_notes_that_several_checkpoints_share_are_told_once(tmp_path: Path) -> None:
    for seed in range(2):
        saved(tmp_path / f"net{seed}.pth", weights(seed))
    (note,) = notes_of(resolve(f"{tmp_path}/*.pth,{SPEC}"))
    assert note.startswith("net0, net1: norm=cifar10 divides by")
