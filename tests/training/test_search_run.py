"""A search from images to a policy file: what it writes, continues and refuses."""

import shutil
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from searched_images import small_request
from torch import Tensor, nn
from typer.testing import CliRunner

from robustsweep.augmentations.policies.fast_autoaugment import FastAutoAugment
from robustsweep.augmentations.policies.policy_file import Policy, read_policy
from robustsweep.augmentations.policies.policy_pixels import apply_policy, sample_policy
from robustsweep.benchmark.data.dataset import from_array
from robustsweep.cli.commands import app
from robustsweep.draws import Draws
from robustsweep.errors import DataError, UsageError
from robustsweep.training.images.data_images import load_images
from robustsweep.training.recipe import RECIPES
from robustsweep.training.search import processes
from robustsweep.training.search.found_policy import IDENTITY
from robustsweep.training.search.request import plan_search
from robustsweep.training.search.rewards import right_in_any_draw
from robustsweep.training.search.run import run_search
from robustsweep.training.search.splits import split_images

pytest.importorskip("optuna", reason="a search needs optuna")
STEADY = ("rewards_searched_on", "rewards_held_out", "data_fingerprint", "trials_per_split", "kept_trials")


def assert_same_search(one: Policy, other: Policy) -> None:
    assert one.sub_policies == other.sub_policies
    assert [one.provenance[key] for key in STEADY] == [other.provenance[key] for key in STEADY]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search that nobody disturbed, on one thread as those in other processes."""
    folder, n_threads = tmp_path_factory.mktemp("whole"), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run_search(plan_search(small_request(folder)))
    finally:
        torch.set_num_threads(n_threads)
    return folder


def test_the_policy_states_its_origin_and_trains(whole: Path) -> None:
    policy = read_policy(whole / "out/policy.json")
    said = policy.provenance
    assert 2 <= len(policy.sub_policies) <= 10
    assert said["splits"] == [{"trained_on": 64, "searched_on": 44}] * 2
    assert (said["held_out"], said["trials_per_split"], said["kept_trials"], said["data_split"]) == (12, 3, 1, "all")
    assert set(said["rewards_held_out"]) == {
        "identity",
        "random",
        "found",
        "found minus identity",
        "found minus random",
    }
    for reward in said["rewards_held_out"].values():
        assert reward["low"] <= reward["value"] <= reward["high"]
    assert len(said["rewards_searched_on"]) == 2
    assert min(said["seconds"].values()) > 0
    method = FastAutoAugment(str(whole / "out/policy.json"))
    assert method.policy_hash == policy.hash


def test_a_finished_search_computes_nothing_and_another_is_refused(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SplitNetworks", None)
    found = run_search(plan_search(small_request(whole)))
    assert found.n_tried == 0
    assert found.policy == read_policy(found.path)
    with pytest.raises(UsageError, match=r"holds another search \(other seed\)"):
        run_search(plan_search(small_request(whole, seed=1)))
    with pytest.raises(UsageError, match=r"other splits, operations\)"):
        run_search(plan_search(small_request(whole, splits=1, operations=("Rotate", "Invert"))))


def test_more_trials_continue_a_search_and_processes_share_the_work(whole: Path, tmp_path: Path) -> None:
    one, several = (shutil.copytree(whole, tmp_path / name) for name in ("one", "several"))
    found = run_search(plan_search(small_request(one, trials=4)))
    assert found.n_tried == 2
    shared = run_search(plan_search(small_request(several, trials=4, workers=2)))
    assert_same_search(found.policy, shared.policy)


def test_a_search_that_is_killed_anywhere_finds_what_an_undisturbed_one_finds(whole: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("interrupted_search.py")
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=120)
    assert_same_search(read_policy(tmp_path / "out/policy.json"), read_policy(whole / "out/policy.json"))
    assert not [path for path in (tmp_path / "out/networks").iterdir() if path.suffix == ".state"]


def test_a_process_that_ends_by_itself_gives_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: processes.Crew, task: str, *arguments: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(processes.Crew, "submit", broken)
    with pytest.raises(DataError, match="fewer --workers"):
        run_search(plan_search(small_request(tmp_path)))


def test_the_command_says_what_it_does(tmp_path: Path, whole: Path) -> None:
    request = small_request(whole)
    options = {"data": request.data, "recipe": request.recipe, "out": request.out}
    line = ["search", "--splits", "2", "--trials", "3", "--keep", "1", "--device", "cpu"]
    line += [part for key, value in options.items() for part in (f"--{key}", str(value))]
    dry = CliRunner().invoke(app, [*line, "--dry-run", "--out", str(tmp_path / "none")])
    assert dry.exit_code == 0, dry.output
    assert "2 x 3 trials on 44 images, each drawn 5 times; 1 of each 3 are kept" in dry.output
    assert not (tmp_path / "none").exists()
    found = CliRunner().invoke(app, line)
    assert found.exit_code == 0, found.output
    assert "reward on 12 images held out: identity " in found.output
    assert "found minus identity " in found.output
    assert f"train --method fast_autoaugment,policy={whole / 'out/policy.json'} --data npz:" in found.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"operations": ("Rotat",)}, "did you mean 'Rotate'"),
        ({"operations": ("Rotate", "Rotate")}, "Name each operation once"),
        ({"operations": ()}, "at least one, got none"),
        ({"keep": 4}, "keep must be at most the number of trials, 3, got 4"),
        ({"arch": "torchvison:resnet18"}, "torchvison"),
    ],
)
def test_what_cannot_be_searched_is_refused(tmp_path: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run_search(plan_search(small_request(tmp_path, **options)))


def test_a_search_sees_no_test_images_and_enough_of_each_class(tmp_path: Path) -> None:
    request = small_request(tmp_path)
    with pytest.raises(UsageError, match="the split test; a search sees training images alone"):
        plan_search(replace(request, data="digits,split=test"))
    with pytest.raises(DataError, match="cannot be split for a search"):
        plan_search(replace(request, limit=11))


def test_splits_are_stratified_apart_from_each_other_and_from_what_is_held_out() -> None:
    labels = np.arange(100) % 4
    data = from_array("any", "train", np.zeros((100, 3, 4, 4), np.uint8), labels, 4)
    held_out, splits = split_images(data, 3, seed=0)
    assert len(held_out) == 10
    for one in splits:
        assert sorted([*held_out, *one.trained, *one.searched]) == list(range(100))
        assert (len(one.trained), len(one.searched)) == (54, 36)
        assert np.ptp(np.bincount(labels[one.searched])) <= 1
    assert not np.array_equal(splits[0].searched, splits[1].searched)
    assert np.array_equal(split_images(data, 3, seed=0)[1][2].trained, splits[2].trained)


class BySide(nn.Module):
    """Tells images apart by the brighter half."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([images[..., :4].mean((1, 2, 3)), images[..., 4:].mean((1, 2, 3))], dim=1)


def test_an_image_counts_where_any_of_its_draws_is_right() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    pixels = rng.integers(0, 100, (60, 3, 8, 8), dtype=np.uint8)
    pixels[labels == 0, :, :, :4] += 30
    data = from_array("sides", "train", pixels, labels, 2)
    recipe = replace(RECIPES["digits"], crop_padding=1)
    images, network = load_images(data, torch.device("cpu"), recipe), BySide()
    policy = Policy(((("Invert", 0.5, 0.0), ("TranslateX", 0.5, 1.0)),))
    draws: list[Tensor] = []
    for draw in range(3):
        sample = sample_policy(Draws(7, f"search/policy/{draw}", images.ids))
        (crops,) = images.crops(torch.arange(60)[None], recipe, 7, draw)
        draws.append(network(images.normalised(apply_policy(policy, crops, sample))).argmax(1) == images.labels)
        found = right_in_any_draw(network, images, policy, recipe, draws=draw + 1, seed=7)
        assert torch.equal(found, torch.stack(draws).any(0))
    assert 0 < draws[0].sum() < found.sum()
    turned = Policy(((("Invert", 1.0, 0.0), ("Invert", 0.0, 0.0)),))
    same = right_in_any_draw(network, images, Policy(IDENTITY), recipe, draws=1, seed=7)
    assert torch.equal(right_in_any_draw(network, images, turned, recipe, draws=1, seed=7), ~same)
