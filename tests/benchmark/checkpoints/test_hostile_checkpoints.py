"""Checkpoint files made to run code or to take memory; each is refused, or what is asked for is left out."""

import io
import pickle
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from checkpoint_files import CARD, CLASSES, SPEC, only, renamed, saved, weights
from safetensors.torch import save_file

from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.checkpoints.files.inert_pickle import read_pickle
from robustsweep.benchmark.checkpoints.files.pickle_records import Call, Global
from robustsweep.benchmark.checkpoints.networks import network as networks
from robustsweep.benchmark.checkpoints.state_dicts import read_state_dict
from robustsweep.errors import CheckpointError

SHELL = b"cos\nsystem\n"
TOUCH = b"X\x07\x00\x00\x00touch x"
GADGETS = {
    "reduce": SHELL + TOUCH + b"\x85R.",
    "newobj": SHELL + TOUCH + b"\x85\x81.",
    "newobj_ex": b"\x80\x04" + SHELL + TOUCH + b"\x85}\x92.",
    "inst": b"(" + TOUCH + b"ios\nsystem\n.",
    "obj": b"(" + SHELL + TOUCH + b"o.",
    "stack_global": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + TOUCH + b"\x85R.",
    "dotted": b"\x80\x04\x8c\x05torch\x8c\x10_utils.os.system\x93" + TOUCH + b"\x85R.",
    "extension": b"\x82\x01" + TOUCH + b"\x85R.",
    "build": b"ccollections\nOrderedDict\n)R}X\x09\x00\x00\x00__class__" + SHELL + b"sb.",
    "build of a name": SHELL + b"}X\x08\x00\x00\x00__dict__}sb.",
    "nested call": SHELL + TOUCH + b"\x85R" + TOUCH + b"\x85R.",
}


def inert(content: bytes) -> object:
    return read_pickle(io.BytesIO(content), {}, lambda identity: Call("persistent", (identity,)))


def archive(path: Path, content: bytes, compression: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("net/data.pkl", content)
        for name, member in members.items():
            file.writestr(f"net/data/{name}", member)
    return path


@pytest.mark.parametrize("gadget", GADGETS.values(), ids=GADGETS)
def test_nothing_that_a_pickle_asks_for_is_imported_or_called(
    gadget: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise AssertionError("something was run")

    monkeypatch.setattr("os.system", fails)
    monkeypatch.setattr("importlib.import_module", fails)
    assert isinstance(inert(gadget), Call | Global)
    (tmp_path / "bare.pth").write_bytes(gadget)
    for path in (tmp_path / "bare.pth", archive(tmp_path / "zip.pth", gadget)):
        with pytest.raises(CheckpointError, match=r"nothing in it was executed|holds no state dict"):
            read_state_dict(path)


def test_a_state_never_becomes_attributes() -> None:
    value = inert(b"ccollections\nOrderedDict\n)R}X\x07\x00\x00\x00__doc__K\x01sb.")
    assert isinstance(value, Call)
    assert value.name == "collections.OrderedDict"
    assert value.arguments == ()


def test_persistent_ids_that_are_no_storages_are_inert(tmp_path: Path) -> None:
    for identity in (b"Pos.system\n", b"(X\x06\x00\x00\x00module" + SHELL + b"NtQ", b"(X\x07\x00\x00\x00storageNNNNtQ"):
        with pytest.raises(CheckpointError, match="it asks to run"):
            read_state_dict(archive(tmp_path / "net.pth", identity + b"."))


def nested_tuples_as_key() -> bytes:
    return b"\x80\x02})" + b"q\x00h\x00\x86" * 80 + b"K\x01s."


def copies_of_a_dict() -> bytes:
    items = b"".join(b"J" + struct.pack("<i", number) + b"N" for number in range(2000))
    call = b"h\x01h\x00\x85R"
    return b"\x80\x02}q\x00(" + items + b"uccollections\nOrderedDict\nq\x01" + call * 2000 + b"\x85."


HOSTILE = {
    "a memo of gigabytes": b"\x80\x02Nr\x00\x00\x00\x20.",
    "hashing forever": nested_tuples_as_key(),
    "many copies of one dict": copies_of_a_dict(),
    "a promised gigabyte": b"\x80\x05\x96" + struct.pack("<Q", 1 << 33) + b"x.",
    "a frame of gigabytes": b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"N.",
    "deep lists": b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b".",
    "digits": b"L" + b"9" * 100_000 + b"L\n.",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_pickles_that_take_memory_or_time_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bare.pth").write_bytes(content)
    for path in (tmp_path / "bare.pth", archive(tmp_path / "zip.pth", content)):
        with pytest.raises(CheckpointError, match="state dict"):
            resolve(f"{path},{SPEC}")


def test_operations_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustsweep.benchmark.checkpoints.files.inert_pickle._MOST_OPERATIONS", 1000)
    path = saved(tmp_path / "net.pth", {"state_dict": {"w": torch.ones(1)}, "log": [1.0] * 1000})
    with pytest.raises(CheckpointError, match="not a state dict"):
        read_state_dict(path)


def test_a_compressed_archive_is_refused_unread(tmp_path: Path) -> None:
    path = archive(tmp_path / "net.pth", pickle.dumps([0] * 100_000), zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="not a state dict that PyTorch can read"):
        read_state_dict(path)


def test_tensors_of_more_elements_than_their_storage_are_refused(tmp_path: Path) -> None:
    tensors = weights() | {"linear.weight": torch.zeros(1).expand(40_000_000, 64)}
    for is_zip in (True, False):
        torch.save(tensors, tmp_path / "net.pth", _use_new_zipfile_serialization=is_zip)
        with pytest.raises(CheckpointError, match=r"linear\.weight has shape \(40000000, 64\), more than the file"):
            resolve(f"{tmp_path / 'net.pth'},{SPEC},classes={CLASSES}")


def stored(offset: int = 0, shape: bytes = b"K\x02\x85", stride: bytes = b"K\x01\x85", numel: int = 2) -> bytes:
    """Pickle {"w": tensor} over a storage "0" of floats."""
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    storage += b"J" + struct.pack("<i", numel) + b"tQ"
    arguments = b"(" + storage + b"J" + struct.pack("<i", offset) + shape + stride + b"\x89)t"
    return b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."


def test_the_file_that_is_changed_below_is_right(tmp_path: Path) -> None:
    path = archive(tmp_path / "net.pth", stored(), **{"0": struct.pack("<2f", 1.5, 2.5)})
    state = read_state_dict(path)
    assert torch.equal(state.read(["w"])["w"], torch.tensor([1.5, 2.5]))


@pytest.mark.parametrize(
    "content",
    [
        stored(offset=1),
        stored(offset=-1),
        stored(numel=1 << 30),
        stored(numel=-1),
        stored(shape=b"K\x03\x85"),
        stored(stride=b"K\x02\x85"),
        stored(stride=b"J\xff\xff\xff\xff\x85"),
        stored(shape=b"J\xff\xff\xff\xff\x85"),
        stored(shape=b"\x8a\x14" + b"\x01" * 20 + b"\x85"),
        stored(shape=b"K\x02K\x01\x86"),
        stored(shape=b"G?\xf0\x00\x00\x00\x00\x00\x00\x85"),
    ],
)
def test_tensors_outside_their_storage_are_never_read(tmp_path: Path, content: bytes) -> None:
    path = archive(tmp_path / "net.pth", content, **{"0": struct.pack("<2f", 1.5, 2.5)})
    try:
        state = read_state_dict(path)
    except CheckpointError:
        return
    assert list(state.shapes) == []
    assert list(state.unusable) == ["w"]


def test_a_tensor_over_what_is_no_storage_is_inert(tmp_path: Path) -> None:
    arguments = b"(NK\x00)" + b")" + b"\x89)ctorch\nfloat8_e5m2\nt"
    content = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v3\n" + arguments + b"Rs."
    with pytest.raises(CheckpointError, match="it asks to run torch._utils._rebuild_tensor"):
        read_state_dict(archive(tmp_path / "net.pth", content))


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every network that is built for real fail."""

    def fails(*_: object, **__: object) -> None:
        raise AssertionError("the network was built")

    monkeypatch.setattr("robustsweep.benchmark.checkpoints.weights.build_network", fails)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": 50_000_000},
        {"classes": 1 << 62},
        {"architecture": "torchvision:vit_h_14"},
        {"architecture": "torchvision:regnet_y_128gf"},
        {"architecture": "wrn-100-999"},
    ],
)
@pytest.mark.usefixtures("no_memory")
def test_a_card_that_does_not_fit_its_file_is_refused_before_anything_is_built(
    tmp_path: Path, change: dict[str, object]
) -> None:
    card = replace(CARD, **change)
    save_file(weights(), tmp_path / "net.safetensors", metadata={"robustsweep_card": card.to_json()})
    with pytest.raises(CheckpointError, match=r"does not fit the architecture|cannot be built"):
        resolve(str(tmp_path / "net.safetensors"))


@pytest.mark.usefixtures("no_memory")
def test_an_architecture_that_does_not_fit_is_refused_before_it_is_built(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", weights())
    with pytest.raises(CheckpointError, match="does not fit the architecture"):
        resolve(f"{path},arch=torchvision:vit_h_14,norm=half")
    with pytest.raises(CheckpointError, match="does not fit the architecture"):
        resolve(f"{path},{SPEC},classes=50000000")


@pytest.mark.usefixtures("no_memory")
def test_a_small_file_whose_tensors_share_their_numbers_is_not_a_large_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robustsweep.benchmark.checkpoints.weights._ALWAYS_ALLOWED", 0)

    def large(*_: object) -> networks.Network:
        return networks.Network(torch.nn.Sequential(*(torch.nn.Linear(100, 100, bias=False) for _ in range(40))))

    monkeypatch.setattr("robustsweep.benchmark.checkpoints.outlines.build_network", large)
    shared = torch.ones(100, 100)
    path = saved(tmp_path / "net.pth", {f"{number}.weight": shared for number in range(40)})
    with pytest.raises(CheckpointError, match="its tensors share their numbers"):
        resolve(f"{path},{SPEC}")


def test_names_in_errors_cannot_steer_a_terminal(tmp_path: Path) -> None:
    escape = "\x1b]0;x\x07"
    for content in (
        weights() | {escape: torch.ones(1)},
        {escape: weights(), f"{escape}2": weights()},
        {f"{escape}.{name}": tensor for name, tensor in weights().items() if name != "linear.bias"},
    ):
        with pytest.raises(CheckpointError) as caught:
            resolve(f"{saved(tmp_path / 'net.pth', content)},{SPEC}")
        assert "\x1b" not in str(caught.value)
    (tmp_path / "code.pth").write_bytes(f"c{escape}\nsystem\n)R.".encode())
    with pytest.raises(CheckpointError, match="asks to run") as caught:
        resolve(f"{tmp_path / 'code.pth'},{SPEC}")
    assert "\x1b" not in str(caught.value)
    wrapped = renamed(weights(), lambda name: f"model.{name}") | {escape: torch.ones(1)}
    found = only(f"{saved(tmp_path / 'net.pth', wrapped)},{SPEC}")
    assert not any("\x1b" in note for note in found.notes)
