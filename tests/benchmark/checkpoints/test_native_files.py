"""Native checkpoint files: folders and globs of them, their cards, and what is not such a file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from checkpoint_files import CARD, SPEC, network, only, saved, weights
from safetensors.torch import save_file

from robustsweep.benchmark.checkpoints import Card, resolve, save_native
from robustsweep.benchmark.checkpoints.native import load_card
from robustsweep.errors import CheckpointError, UsageError


def native_files(folder: Path, *names: str) -> None:
    for seed, name in enumerate(names):
        save_native(folder / f"{name}.safetensors", network(seed), replace(CARD, seed=seed))


def test_a_folder_and_a_glob_give_every_native_file_in_order(tmp_path: Path) -> None:
    native_files(tmp_path / "all", "b", "a", "c")
    assert [found.name for found in resolve(str(tmp_path / "all"))] == ["a", "b", "c"]
    assert [found.name for found in resolve(str(tmp_path / "all" / "[ab].safetensors"))] == ["a", "b"]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    native_files(tmp_path / "all", "cutmix/last", "mixup/last")
    assert [found.name for found in resolve(str(tmp_path / "all"))] == ["cutmix/last", "mixup/last"]
    assert len(resolve(str(tmp_path / "**" / "last.safetensors"))) == 2


def test_a_glob_of_state_dicts_shares_the_options_that_several_files_can_share(tmp_path: Path) -> None:
    for seed in range(2):
        saved(tmp_path / f"net{seed}.pth", weights(seed))
    found = resolve(f"{tmp_path}/net*.pth,{SPEC},method=mixup")
    assert [(f.name, f.card.method) for f in found] == [("net0", "mixup"), ("net1", "mixup")]
    with pytest.raises(UsageError, match="names several files"):
        resolve(f"{tmp_path}/net*.pth,{SPEC},seed=1")


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    native_files(tmp_path, "net[1]")
    assert [found.name for found in resolve(str(tmp_path / "net[1].safetensors"))] == ["net[1]"]


def test_a_folder_or_a_glob_without_files_is_refused(tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "*.safetensors"):
        with pytest.raises(CheckpointError, match="matches no checkpoint files"):
            resolve(str(target))


def test_a_native_file_takes_no_other_key_than_name(tmp_path: Path) -> None:
    native_files(tmp_path, "net")
    assert only(f"{tmp_path / 'net.safetensors'},name=shown").name == "shown"
    with pytest.raises(UsageError, match="only name= can be given"):
        resolve(f"{tmp_path / 'net.safetensors'},method=mixup")


def test_a_safetensors_file_without_a_card_says_what_to_do(tmp_path: Path) -> None:
    save_file(weights(), tmp_path / "bare.safetensors")
    with pytest.raises(CheckpointError, match="carries no card; say arch= and norm="):
        resolve(str(tmp_path / "bare.safetensors"))


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": 5},
        {"classes": "seven"},
        {"classes": 0},
        {"classes": True},
        {"input_size": -1},
        {"resize_input": 1},
        {"normalisation": {"mean": [0, 0, 0]}},
        {"normalisation": {"mean": [0, 0, 0], "std": [1, 1]}},
        {"normalisation": {"mean": ["0", "0", "0"], "std": [1, 1, 1]}},
        {"method": ["cutmix"]},
        {"method_parameters": None},
        {"overlaps_corruptions": "no"},
        {"overlapped_corruptions": "fog"},
        {"overlapped_corruptions": [1]},
        {"overlaps_attacks": 1},
        {"epochs": True},
        {"a_later_field": 1},
    ],
)
def test_a_card_that_is_none_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    card = json.dumps(CARD.to_dict() | change)
    save_file(weights(), tmp_path / "net.safetensors", metadata={"robustsweep_card": card})
    with pytest.raises(CheckpointError, match="card|normalisation"):
        resolve(str(tmp_path / "net.safetensors"))


def test_the_overlap_with_corruptions_is_read_and_unknown_where_a_card_is_silent() -> None:
    for change in ({"overlaps_corruptions": True}, {"overlapped_corruptions": ["fog"]}, {"overlaps_attacks": True}):
        card = replace(CARD, **change)
        assert Card.from_json(card.to_json()) == card
        assert card.differing_fields(CARD) == []
    silent = {name: value for name, value in CARD.to_dict().items() if not name.startswith("overlap")}
    read = Card.from_json(json.dumps(silent))
    assert (read.overlapped_corruptions, read.overlaps_attacks, read.overlaps_corruptions) == (None, None, None)


@pytest.mark.parametrize("text", ["", "not json", "[]", "3", "null"])
def test_a_card_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="The card cannot be read"):
        Card.from_json(text)


def test_a_damaged_native_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_native(path, network(), CARD)
    content = path.read_bytes()
    for damaged in (b"", b"text", content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="not a readable safetensors file"):
            resolve(str(path))


def test_a_native_file_that_cannot_be_written_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "net.safetensors").mkdir()
    for path in (tmp_path / "file" / "net.safetensors", tmp_path / "net.safetensors"):
        with pytest.raises(CheckpointError, match="cannot be written"):
            save_native(path, network(), CARD)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "net.safetensors"]


def test_two_processes_that_write_one_native_file_do_not_collide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replaced = tmp_path / "net.safetensors", Path.replace

    def second_comes_in_between(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replaced)
        save_native(path, network(), replace(CARD, seed=2))
        return self.replace(target)

    monkeypatch.setattr(Path, "replace", second_comes_in_between)
    save_native(path, network(), replace(CARD, seed=1))
    assert load_card(path).seed == 1
    assert [file.name for file in tmp_path.iterdir()] == ["net.safetensors"]


def test_the_card_can_be_read_alone(tmp_path: Path) -> None:
    save_native(tmp_path / "net.safetensors", network(), CARD)
    assert load_card(tmp_path / "net.safetensors") == CARD


@pytest.mark.parametrize(
    "change",
    [
        {"clean_accuracy": float("nan")},
        {"held_out": float("inf")},
        {"training": {"seconds_per_epoch": [float("nan")]}},
        {"normalisation": {"mean": [0, 0, float("-inf")], "std": [1, 1, 1]}},
        {"normalisation": {"mean": [0, 0, 10**400], "std": [1, 1, 1]}},
        {"normalisation": {"mean": [0, 0, 0], "std": [1, 1, 1e-300]}},
        {"normalisation": [1, 2]},
        {"normalisation": "none"},
        {"seed": 1 << 63},
        {"training": {"a": "deep"}},
        {"training": {"a": "deeper"}},
        {"method": "\ud800"},
        {"classes": 7.0},
        {"\x1b]0;x\x07": 1},
    ],
)
def test_a_card_that_results_could_not_hold_is_refused_with_the_name_of_its_file(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "net.safetensors"
    text = json.dumps(CARD.to_dict() | change).replace('"deep"', "[" * 400 + "]" * 400)
    text = text.replace('"deeper"', "[" * 100_000 + "]" * 100_000)
    save_file(weights(), path, metadata={"robustsweep_card": text})
    with pytest.raises(CheckpointError) as caught:
        resolve(str(path))
    assert "\x1b" not in str(caught.value)
    assert str(path) in str(caught.value) or "normalisation" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [{"training": {"loss": float("nan")}}, {"method": "\udc80"}, {"seed": 1 << 63}, {"clean_accuracy": float("inf")}],
)
def test_a_card_that_could_not_be_read_back_is_never_written(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="card cannot be written"):
        save_native(tmp_path / "net.safetensors", network(), replace(CARD, **change))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_may_not_be_read_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native_files(tmp_path, "net")
    saved(tmp_path / "net.pth", weights())

    def refuses(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuses)
    for spec in (tmp_path / "net.safetensors", f"{tmp_path / 'net.pth'},{SPEC}"):
        with pytest.raises(CheckpointError, match=r"cannot be read \(Permission denied\)"):
            resolve(str(spec))
