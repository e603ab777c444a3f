from pathlib import Path

import pytest
import torch
from checkpoint_files import ARCHITECTURE, CARD, CLASSES, SPEC, images, logits, network, only, renamed, saved, weights
from safetensors.torch import save_file

from robustsweep.benchmark.checkpoints import Card, resolve, save_native
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalised
from robustsweep.errors import CheckpointError, UsageError


def test_a_native_file_gives_back_its_card_and_its_logits_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cutmix.safetensors"
    save_native(path, network(), CARD)
    checkpoint = only(str(path))
    mean, std = (torch.tensor(c).view(1, 3, 1, 1) for c in (CARD.normalisation.mean, CARD.normalisation.std))
    with torch.inference_mode():
        expected = network()((images() - mean) / std)
    assert checkpoint.card == CARD
    assert checkpoint.name == "cutmix"
    assert torch.equal(logits(checkpoint), expected)
    assert sorted(p.name for p in path.parent.iterdir()) == ["cutmix.safetensors"]


def test_the_loaded_module_is_in_evaluation_mode_and_wants_no_gradients(state_dict: Path) -> None:
    module = only(f"{state_dict},{SPEC}").load()
    assert not any(part.training for part in module.modules())
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_a_converted_checkpoint_is_the_same_checkpoint(tmp_path: Path, state_dict: Path) -> None:
    before = only(f"{state_dict},{SPEC},method=cutmix,seed=3")
    save_native(tmp_path / "converted.safetensors", before.load_network(), before.card)
    after = only(str(tmp_path / "converted.safetensors"))
    assert (after.id, after.card) == (before.id, before.card)
    assert torch.equal(logits(after), logits(before))


def test_what_the_options_say_stands_in_the_card(state_dict: Path) -> None:
    checkpoint = only(f"{state_dict},{SPEC},method=smoothmix_s,seed=12,name=mine")
    card = checkpoint.card
    assert (card.architecture, card.classes, card.method, card.seed) == (ARCHITECTURE, CLASSES, "smoothmix_s", 12)
    assert card.normalisation == NORMALISATIONS["cifar10"]
    assert checkpoint.name == "mine"


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".th", ".safetensors"])
def test_the_same_weights_in_any_kind_of_file_are_the_same_checkpoint(
    tmp_path: Path, state_dict: Path, suffix: str
) -> None:
    path = tmp_path / f"other{suffix}"
    if suffix == ".safetensors":
        save_file(weights(), path)
    else:
        torch.save(weights(), path, _use_new_zipfile_serialization=suffix != ".th")
    assert only(f"{path},{SPEC}").id == only(f"{state_dict},{SPEC}").id


def test_only_what_decides_the_logits_decides_the_id(tmp_path: Path, state_dict: Path) -> None:
    first = only(f"{state_dict},{SPEC}").id
    assert only(f"{state_dict},{SPEC},method=mixup,seed=9,name=other").id == first
    assert len(first) == 12
    others = [
        only(f"{state_dict},arch={ARCHITECTURE},norm=cifar100").id,
        only(f"{state_dict},{SPEC},input_size=16").id,
        only(f"{saved(tmp_path / 'seed1.pth', weights(seed=1))},{SPEC}").id,
    ]
    assert len({first, *others}) == 4


@pytest.mark.parametrize(
    "prefix",
    ["module.", "model.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "_orig_mod.model.module."],
)
def test_prefixes_of_wrappers_are_stripped_however_they_nest(tmp_path: Path, state_dict: Path, prefix: str) -> None:
    path = saved(tmp_path / "wrapped.pth", renamed(weights(), lambda name: prefix + name))
    assert only(f"{path},{SPEC}").id == only(f"{state_dict},{SPEC}").id


def test_a_prefix_on_some_names_alone_is_not_stripped(tmp_path: Path) -> None:
    tensors = renamed(weights(), lambda name: f"module.{name}" if name.startswith("linear") else name)
    with pytest.raises(CheckpointError, match=r"missing linear\.weight, linear\.bias; unexpected module\.linear"):
        resolve(f"{saved(tmp_path / 'half.pth', tensors)},{SPEC}")


def test_the_only_entry_of_a_known_name_is_taken(tmp_path: Path, state_dict: Path) -> None:
    content = {"epoch": 3, "best": torch.tensor(0.9), "state_dict": weights(), "optimizer": {"lr": 0.1}}
    path = saved(tmp_path / "training.pth", content)
    assert only(f"{path},{SPEC}").id == only(f"{state_dict},{SPEC}").id


def test_several_entries_need_a_choice_and_the_choice_decides(tmp_path: Path) -> None:
    path = saved(tmp_path / "both.pth", {"model": weights(), "ema": weights(seed=1), "epoch": 3})
    with pytest.raises(CheckpointError, match="choose one with entry=NAME: model, ema"):
        resolve(f"{path},{SPEC}")
    with pytest.raises(CheckpointError, match="has no state dict 'epoch'; it has model, ema"):
        resolve(f"{path},{SPEC},entry=epoch")
    chosen = {entry: only(f"{path},{SPEC},entry={entry}").id for entry in ("model", "ema")}
    assert chosen["ema"] == only(f"{saved(tmp_path / 'ema.pth', weights(seed=1))},{SPEC}").id
    assert chosen["model"] != chosen["ema"]


def test_missing_unexpected_and_misshapen_tensors_are_listed(tmp_path: Path) -> None:
    tensors = weights()
    tensors["extra.weight"] = tensors.pop("bn1.weight")
    with pytest.raises(CheckpointError, match=r"missing bn1\.weight; unexpected extra\.weight"):
        resolve(f"{saved(tmp_path / 'other.pth', tensors)},{SPEC}")
    with pytest.raises(CheckpointError, match=r"architecture: unexpected extra\.weight; name the"):
        resolve(f"{saved(tmp_path / 'more.pth', weights() | {'extra.weight': torch.ones(1)})},{SPEC}")
    tensors = weights() | {"bn1.bias": torch.zeros(5)}
    with pytest.raises(CheckpointError, match=r"bn1\.bias is \(5,\), expected \(16,\)"):
        resolve(f"{saved(tmp_path / 'shape.pth', tensors)},{SPEC}")


def test_a_long_list_is_cut_with_the_number_of_the_rest(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"missing .* and \d+ more"):
        resolve(f"{saved(tmp_path / 'head.pth', {'linear.weight': torch.ones(CLASSES, 64)})},{SPEC}")


def test_files_from_before_the_batch_counter_are_read(tmp_path: Path, state_dict: Path) -> None:
    old = {name: tensor for name, tensor in weights().items() if not name.endswith("num_batches_tracked")}
    assert only(f"{saved(tmp_path / 'old.th', old)},{SPEC}").id == only(f"{state_dict},{SPEC}").id


def test_shared_tensors_are_written_one_by_one(tmp_path: Path, state_dict: Path) -> None:
    tied = network()
    norm = tied.get_submodule("bn1")
    norm.register_parameter("bias", norm.get_parameter("weight"))
    save_native(tmp_path / "tied.safetensors", tied, CARD)
    assert only(str(tmp_path / "tied.safetensors")).id != only(f"{state_dict},{SPEC}").id


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path, value: float) -> None:
    tensors = weights()
    tensors["bn1.running_var"][3] = value
    with pytest.raises(CheckpointError, match=r"not finite, in bn1\.running_var"):
        resolve(f"{saved(tmp_path / 'broken.pth', tensors)},{SPEC}")


def test_values_that_overflow_in_the_network_are_refused(tmp_path: Path) -> None:
    tensors = weights() | {"linear.bias": torch.full((CLASSES,), 1e300, dtype=torch.float64)}
    with pytest.raises(CheckpointError, match=r"not finite, in linear\.bias"):
        resolve(f"{saved(tmp_path / 'double.pth', tensors)},{SPEC}")


def test_tensors_without_values_are_refused(tmp_path: Path) -> None:
    tensors = {name: tensor.to("meta") for name, tensor in weights().items()}
    with pytest.raises(CheckpointError):
        resolve(f"{saved(tmp_path / 'meta.pth', tensors)},{SPEC}")


def test_classes_are_read_off_the_last_matrix_or_must_be_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", weights())
    assert only(f"{path},{SPEC},classes={CLASSES}").card.classes == CLASSES
    with pytest.raises(CheckpointError, match="does not fit the architecture"):
        resolve(f"{path},{SPEC},classes=10")
    with pytest.raises(CheckpointError, match="say classes=N"):
        resolve(f"{saved(tmp_path / 'flat.pth', {'bias': torch.ones(3)})},{SPEC}")


def test_six_numbers_are_a_normalisation(state_dict: Path) -> None:
    text = ".4914/.4822/.4465/.2470/.2435/.2616"
    spaces = text.replace("/", " ")
    named = only(f"{state_dict},{SPEC}")
    for form in (text, spaces):
        assert only(f"{state_dict},arch={ARCHITECTURE},norm={form}").id == named.id


@pytest.mark.parametrize(
    ("norm", "sentence"),
    [
        ("cifar", "did you mean 'cifar100'|did you mean 'cifar10'"),
        ("imagnet", "did you mean 'imagenet'"),
        (".5 .5 .5 .2 .2", "nor six numbers"),
        (".5 .5 .5 .2 .2 .2 .2", "nor six numbers"),
        (".5 .5 .5 .2 .2 x", "nor six numbers"),
        (".5 .5 .5 .2 0 .2", "positive deviations"),
        (".5 .5 .5 -1 1 1", "positive deviations"),
        ("nan nan nan 1 1 1", "finite"),
        (".5 .5 .5 inf 1 1", "finite"),
    ],
)
def test_what_is_no_normalisation_is_refused(state_dict: Path, norm: str, sentence: str) -> None:
    with pytest.raises((CheckpointError, UsageError), match=sentence):
        resolve(f"{state_dict},arch={ARCHITECTURE},norm={norm}")


def test_unknown_architectures_suggest_near_names(state_dict: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'resnet20'"):
        resolve(f"{state_dict},arch=resnt20,norm=half")


@pytest.mark.parametrize(
    ("options", "lacking"), [("", {"arch", "norm"}), (",arch=resnet8", {"norm"}), (",norm=half", {"arch"})]
)
def test_a_state_dict_without_architecture_and_normalisation_says_what_is_missing(
    state_dict: Path, options: str, lacking: set[str]
) -> None:
    with pytest.raises(UsageError, match="holds weights, and nothing says") as caught:
        resolve(f"{state_dict}{options}")
    assert {key for key in ("arch", "norm") if f"add ,{key}=NAME" in str(caught.value)} == lacking


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("weights=random", "leave weights= out"),
        ("seed=-1", "seed= must be"),
        ("input_size=0", "input_size= must be"),
        ("clean_accuracy=92.6", "clean_accuracy= must be a number from 0 to 1"),
    ],
)
def test_options_that_have_no_meaning_are_refused(state_dict: Path, options: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        resolve(f"{state_dict},{SPEC},{options}")


def test_an_entry_of_a_flat_file_is_refused(tmp_path: Path) -> None:
    save_file(weights(), tmp_path / "net.safetensors")
    with pytest.raises(CheckpointError, match="leave entry= out"):
        resolve(f"{tmp_path / 'net.safetensors'},{SPEC},entry=ema")


def test_a_checkpoint_of_another_input_size_resizes_inside_its_module(state_dict: Path) -> None:
    checkpoint = only(f"{state_dict},{SPEC},input_size=16")
    small = torch.nn.functional.interpolate(images(), (16, 16), mode="bilinear", antialias=True)
    with torch.inference_mode():
        assert torch.equal(logits(checkpoint), checkpoint.load()(small))
    assert checkpoint.card.resize_input


@pytest.mark.parametrize("size", [(32, 32), (48, 32), (32, 48), (48, 48)])
def test_the_input_size_holds_for_both_sides(size: tuple[int, int]) -> None:
    module = Normalised(torch.nn.Identity(), NORMALISATIONS["none"], 32)
    assert module(torch.rand(1, 3, *size)).shape == (1, 3, 32, 32)


def test_resolving_a_built_in_architecture_runs_no_image(state_dict: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(network()), "forward", None)
    assert only(f"{state_dict},{SPEC},input_size=99999").card.input_size == 99999


def test_a_stated_accuracy_is_on_the_card_and_changes_no_identity(state_dict: Path) -> None:
    stated, plain = only(f"{state_dict},{SPEC},clean_accuracy=0.926"), only(f"{state_dict},{SPEC}")
    assert (stated.card.clean_accuracy, plain.card.clean_accuracy) == (0.926, None)
    assert stated.id == plain.id
    assert Card.from_json(stated.card.to_json()) == stated.card


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        resolve(f"{tmp_path / 'none.pth'},{SPEC}")
    with pytest.raises(CheckpointError, match="does not exist"):
        resolve(f"torchvision:resnet18,norm=half,weights={tmp_path / 'none.pth'}")
    with pytest.raises(CheckpointError, match="is not a file"):
        resolve(f"torchvision:resnet18,norm=half,weights={tmp_path}")
