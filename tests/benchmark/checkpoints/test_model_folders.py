"""The ``config.json`` of a published model: what is read of it, and what is refused."""

import json
from pathlib import Path

import pytest
from checkpoint_files import only
from hub_folders import CLASSES, STD, config, network, safetensors

from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.checkpoints.state_dicts import weights_hash
from robustsweep.errors import CheckpointError, UsageError


def folder(path: Path, description: bytes, weights: bytes | None = None) -> str:
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_bytes(description)
    (path / "model.safetensors").write_bytes(safetensors(network()) if weights is None else weights)
    return f"timm:local-dir:{path}"


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "test_byobnet"])
def test_what_timm_writes_is_read_back(tmp_path: Path, architecture: str) -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    hub = timm.models._hub
    module = timm.create_model(architecture, num_classes=CLASSES)
    hub.save_for_hf(module, tmp_path / "saved", safe_serialization=True)
    found = only(f"timm:local-dir:{tmp_path / 'saved'}")
    told = module.pretrained_cfg
    assert (found.name, found.card.architecture, found.card.classes) == ("saved", f"timm:{architecture}", CLASSES)
    assert (found.card.normalisation.mean, found.card.normalisation.std) == (tuple(told["mean"]), tuple(told["std"]))
    assert found.identity["weights"] == weights_hash(module)


def test_a_description_without_a_part_for_the_preprocessing_is_read_alike(tmp_path: Path) -> None:
    values = json.loads(config())
    flat = json.dumps(values.pop("pretrained_cfg") | values).encode()
    assert only(folder(tmp_path / "flat", flat)).id == only(folder(tmp_path / "nested", config())).id


def test_how_images_are_to_be_cut_is_said(tmp_path: Path) -> None:
    (note,) = only(folder(tmp_path, config())).notes
    assert "images of 160 px, cut from the middle of 182 px, bicubic: resize=182,crop=160" in note
    assert only(folder(tmp_path, config(crop_pct=None))).notes == ()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"architecture": "hf-hub:a/b"}, "architecture 'hf-hub:a/b', expected a name"),
        ({"architecture": 3}, "expected a name"),
        ({"architecture": "no_such_net"}, "timm has no model 'no_such_net'"),
        ({"num_classes": 0}, "num_classes=0; a classifier has one output or more"),
        ({"num_classes": "10"}, "num_classes=10"),
        ({"num_classes": 10**7}, "num_classes=10000000"),
        ({"num_classes": 8}, "does not fit the architecture"),
        ({"mean": None}, "no mean and std"),
        ({"mean": [0.5]}, "mean and std of config.json cannot be used"),
        ({"std": [0, 1, 1]}, "cannot be used .*positive deviations"),
        ({"std": [*STD[:2], "a"]}, "cannot be used"),
        ({"input_size": [1, 28, 28]}, r"input_size=\[1, 28, 28\]"),
        ({"input_size": [3, 10**9, 10**9]}, "input_size="),
        ({"input_size": 160}, "input_size=160"),
        ({"model_args": {"img_size": [96, 96]}}, r"changes timm's network by img_size=\[96, 96\]"),
        ({"model_args": {"global_pool": "max"}}, "changes timm's network by global_pool=max"),
        ({"model_args": {"in_chans": 1}}, "changes timm's network by in_chans=1"),
        ({"model_args": {"checkpoint_path": "/tmp/x.pth"}}, "changes timm's network by checkpoint_path="),
        ({"model_args": {"num_classes": 3}}, "do not fit num_classes=7"),
        ({"model_args": ["x"]}, "model_args in config.json do not fit"),
    ],
)
def test_a_description_that_cannot_be_followed_is_a_sentence(
    tmp_path: Path, changed: dict[str, object], sentence: str
) -> None:
    spec = folder(tmp_path, config(**changed))
    with pytest.raises(CheckpointError, match=sentence):
        resolve(spec)


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        (b"{", "cannot be read"),
        (b"[]", "expected an object"),
        (b"{}", "names no architecture"),
        (b'{"architecture": NaN}', "NaN is not a JSON number"),
        (b'{"architecture": "resnet18", "pretrained_cfg": 3}', "pretrained_cfg in config.json is a int"),
        (b'{"model_type": "vit", "architectures": ["V"]}', "a model of transformers .vit., which your own code builds"),
    ],
)
def test_a_file_that_is_no_such_description_is_a_sentence(tmp_path: Path, description: bytes, sentence: str) -> None:
    spec = folder(tmp_path, description)
    with pytest.raises(CheckpointError, match=sentence):
        resolve(spec)


def test_a_network_far_larger_than_its_file_is_never_built(tmp_path: Path) -> None:
    spec = folder(tmp_path, config(num_classes=1_000_000))
    with pytest.raises(CheckpointError, match="does not fit the architecture"):
        resolve(spec)


def test_a_folder_without_its_files_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        resolve(f"timm:local-dir:{tmp_path}")
    (tmp_path / "config.json").write_bytes(config())
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors or pytorch_model\.bin"):
        resolve(f"timm:local-dir:{tmp_path}")
    with pytest.raises(UsageError, match="leave arch= out"):
        resolve(f"timm:local-dir:{tmp_path},arch=resnet8")
