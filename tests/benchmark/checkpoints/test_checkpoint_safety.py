import builtins
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from checkpoint_files import CLASSES, SPEC, network, only, saved, weights
from safetensors.torch import save_file

from robustsweep.benchmark.checkpoints import Card, resolve, save_native
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.errors import CheckpointError

# PyTorch's own messages explain how to switch the protection off; ours never do.
ADVICE = ("weights_only", "safe_globals")


class Trap:
    """Pickles to a call that writes a sentinel file where it is unpickled."""

    def __init__(self, function: Callable[..., object], argument: str) -> None:
        self.call = (function, (argument,))

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return self.call


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    return tmp_path / "sentinel"


@pytest.fixture(params=["os.system", "builtins.exec", "builtins.eval"])
def trap(request: pytest.FixtureRequest, sentinel: Path) -> Trap:
    if request.param == "os.system":
        return Trap(os.system, f"touch {sentinel}")
    function = builtins.exec if request.param == "builtins.exec" else builtins.eval
    return Trap(function, f"__import__('pathlib').Path({str(sentinel)!r}).touch()")


def refused(spec: str) -> str:
    with pytest.raises(CheckpointError) as caught:
        resolve(spec)
    message = str(caught.value)
    assert not any(word in message for word in ADVICE)
    assert "\n" not in message
    return message


def test_the_trap_would_have_worked(trap: Trap, sentinel: Path) -> None:
    pickle.loads(pickle.dumps(trap))
    assert sentinel.exists()


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".th"])
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_a_pickle_that_asks_to_run_code_for_a_weight_is_refused_and_nothing_runs(
    tmp_path: Path, trap: Trap, sentinel: Path, suffix: str, is_zip: bool
) -> None:
    path = tmp_path / f"evil{suffix}"
    content = {"state_dict": weights() | {"linear.weight": trap}}
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    message = refused(f"{path},{SPEC},classes={CLASSES}")
    assert "linear.weight asks to run" in message
    assert "Nothing in it was executed" in message
    assert not sentinel.exists()


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_what_asks_to_run_code_beside_the_weights_is_inert(
    tmp_path: Path, trap: Trap, sentinel: Path, is_zip: bool
) -> None:
    path = tmp_path / "evil.pth"
    content = {"extra": trap, "state_dict": weights(), "more": [{"deep": trap}]}
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    assert only(f"{path},{SPEC}").id == only(f"{saved(tmp_path / 'plain.pth', weights())},{SPEC}").id
    assert not sentinel.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_bare_pickle_is_refused_and_nothing_runs(tmp_path: Path, trap: Trap, sentinel: Path, protocol: int) -> None:
    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps({"weight": trap}, protocol=protocol))
    assert "nothing in it was executed" in refused(f"{path},{SPEC},classes=3")
    assert not sentinel.exists()


def test_an_entry_is_no_way_around(tmp_path: Path, trap: Trap, sentinel: Path) -> None:
    path = saved(tmp_path / "evil.pth", {"model": weights(), "other": trap})
    with pytest.raises(CheckpointError, match="has no state dict 'other'; it has model"):
        resolve(f"{path},{SPEC},entry=other")
    assert not sentinel.exists()


def test_a_pickled_network_is_refused_naming_what_it_asks_for(tmp_path: Path) -> None:
    message = refused(f"{saved(tmp_path / 'whole.pth', network())},{SPEC}")
    assert "it asks to run robustsweep.benchmark.architectures.parameter_free_resnet.ParameterFreeResNet" in message
    assert "save the state_dict alone" in message


def archive_of_torchscript(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, its files are still about
        torch.jit.save(torch.jit.trace(torch.nn.Identity(), torch.ones(1)), path)


def archive_of_text(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no tensors")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        lambda path: path.write_text("<!DOCTYPE html>"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x80\x02}"),
        lambda path: path.write_bytes(bytes(range(256)) * 4),
        archive_of_text,
        archive_of_torchscript,
    ],
    ids=["lfs-pointer", "html", "empty", "cut-pickle", "noise", "zip-of-text", "torchscript"],
)
def test_what_is_no_pytorch_file_is_refused_in_one_sentence(tmp_path: Path, write: Callable[[Path], object]) -> None:
    path = tmp_path / "net.pth"
    write(path)
    assert "is not a state dict that PyTorch can read" in refused(f"{path},{SPEC}")


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, is_zip: bool, share: float) -> None:
    path = tmp_path / "net.pth"
    torch.save(weights(), path, _use_new_zipfile_serialization=is_zip)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(f"{path},{SPEC}")


@pytest.mark.parametrize(
    "content",
    [[1, 2], torch.ones(3), {}, {"a": 1}, {1: torch.ones(2, 2)}, {"state_dict": {"n": 3, "w": torch.ones(1)}}, None],
    ids=["list", "tensor", "empty", "numbers", "integer-names", "mixed", "none"],
)
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    assert "state dict" in refused(f"{saved(tmp_path / 'net.pth', content)},{SPEC}")


def test_the_card_of_a_file_never_chooses_what_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sentinel: Path
) -> None:
    source = f"from pathlib import Path\nPath({str(sentinel)!r}).touch()\ndef build(): ...\n"
    (tmp_path / "planted_factory.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    card = Card(architecture="py:planted_factory:build", classes=CLASSES, normalisation=NORMALISATIONS["none"])
    save_native(tmp_path / "net.safetensors", network(), card)
    assert "never runs code" in refused(str(tmp_path / "net.safetensors"))
    assert not sentinel.exists()


def test_a_card_that_names_no_architecture_of_ours_runs_nothing(tmp_path: Path, sentinel: Path) -> None:
    for architecture in ("os:system", "pickle:loads", f"exec:open({str(sentinel)!r}, 'w')"):
        card = Card(architecture=architecture, classes=CLASSES, normalisation=NORMALISATIONS["none"])
        save_file(weights(), tmp_path / "net.safetensors", metadata={"robustsweep_card": card.to_json()})
        with pytest.raises(Exception, match="Unknown architecture"):
            resolve(str(tmp_path / "net.safetensors"))
    assert not sentinel.exists()
