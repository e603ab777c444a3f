import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_sweeps import CONDITIONS, conditions, official_set, stored, swept, tiny_checkpoint, tiny_data, tiny_plan
from torch import nn

from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints import Card, Checkpoint, resolve
from robustsweep.benchmark.plan import source as sources
from robustsweep.benchmark.plan.conditions import Condition, Corrupted
from robustsweep.benchmark.plan.plan import Plan, make_plan
from robustsweep.benchmark.plan.shard import Shard
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.errors import CheckpointError, UsageError
from robustsweep.results.stored.store import CellStore


def keys(plan: Plan) -> list[str]:
    return [cell.key for cell in plan.wanted(Shard())]


def key_of(
    condition: Condition, *, seed: int = 0, limit: int | None = None, checkpoint: Checkpoint | None = None
) -> str:
    source = Source.choose(tiny_data(), limit=limit, seed=seed)
    return keys(make_plan(source, [checkpoint or tiny_checkpoint()], (condition,)))[0]


def with_card(checkpoint: Checkpoint, **changes: Any) -> Checkpoint:
    return replace(checkpoint, card=replace(checkpoint.card, **changes))


def saved(folder: Path, *, scale: float = 1.0) -> Path:
    """Write the state dict of a ResNet-8, with its last bias scaled."""
    network = build_architecture("resnet8", 5)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
        list(network.parameters())[-1].mul_(scale)
    path = folder / f"net-{scale}.pth"
    torch.save(network.state_dict(), path)
    return path


def test_the_key_of_a_cell_depends_on_everything_that_decides_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    fog, frost, attack = Corrupted("fog", 3), Corrupted("frost", 3), conditions("pgd3-linf@1/255,2/255")[0]
    found = [
        key_of(fog),
        key_of(fog, seed=1),
        key_of(fog, limit=20),
        key_of(replace(fog, severity=4)),
        key_of(replace(fog, table="imagenet")),
        key_of(replace(fog, jpeg_quality=85)),
        key_of(replace(fog, jpeg_quality=84)),
        key_of(Corrupted("brightness", 3)),
        key_of(frost),
        key_of(attack),
        key_of(attack, seed=1),
        *(key_of(c) for c in conditions("pgd3-linf@1/255,4/255", "pgd4-linf@1/255,2/255", "pgd3-l2@1/255,2/255")),
        *(key_of(c) for c in conditions("clean", "fgsm-linf@1/255")),
    ]
    assert key_of(fog) == key_of(replace(fog, table="cifar"))
    monkeypatch.setattr(sources, "codec", lambda: "another decoder")
    found.append(key_of(frost))
    assert key_of(fog) == found[0]
    assert len(set(found)) == len(found)


def test_the_key_of_a_cell_depends_on_weights_and_normalisation_and_not_on_names(tmp_path: Path) -> None:
    path, other = saved(tmp_path), saved(tmp_path, scale=2.0)
    same = [f"{path},arch=resnet8,norm=half{more}" for more in ("", ",name=mine", ",method=cutmix,seed=3")]
    unlike = [f"{other},arch=resnet8,norm=half", f"{path},arch=resnet8,norm=imagenet"]
    fog = Corrupted("fog", 3)
    of_same, of_unlike = (
        [key_of(fog, checkpoint=resolve(spec)[0]) for spec in specs] for specs in (same, [same[0], *unlike])
    )
    assert len(set(of_same)) == 1
    assert len(set(of_unlike)) == 3


def test_a_cell_is_the_same_for_any_batch_size(tmp_path: Path) -> None:
    plan = tiny_plan("clean", data=tiny_data(10))
    assert swept(plan, tmp_path, batch_size=3).computed == 1
    again = swept(plan, tmp_path, batch_size=10)
    assert (again.computed, again.reused) == (0, 1)


def test_conditions_that_are_the_same_on_this_data_are_planned_once() -> None:
    asked = conditions_of(["smoke", "cifar-c", "clean"])
    plan = make_plan(Source.choose(tiny_data(), limit=None, seed=0), [tiny_checkpoint()], asked)
    assert len(plan.conditions) == 77
    assert len(set(keys(plan))) == len(keys(plan)) == 77


def test_conditions_of_one_name_and_other_settings_are_both_planned() -> None:
    asked = (
        Corrupted("fog", 3, "cifar"),
        Corrupted("fog", 3, "imagenet", 85),
        *conditions("pgd3-linf@1/255,2/255", "pgd3-linf@1/255,4/255"),
    )
    plan = make_plan(Source.choose(tiny_data(), limit=None, seed=0), [tiny_checkpoint()], asked)
    assert len({condition.name for condition in asked}) == 2
    assert [cell.condition for cell in plan.wanted(Shard())] == list(asked)
    assert len(set(keys(plan))) == 4


def test_conditions_of_official_images_are_the_same_whatever_suite_asked_for_them() -> None:
    source = Source.choose(official_set(tiny_data(), clean=False), limit=None, seed=0)
    asked = (Corrupted("fog", 3, "cifar"), Corrupted("fog", 3, "imagenet", 85), Corrupted("fog", 3))
    assert make_plan(source, [tiny_checkpoint()], asked).conditions == (Corrupted("fog", 3),)


def test_every_checkpoint_meets_every_condition_condition_by_condition() -> None:
    checkpoints = [tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)]
    plan = tiny_plan("clean", "fog@1", checkpoints=checkpoints)
    names = [(cell.checkpoint.name, cell.condition.name) for cell in plan.wanted(Shard())]
    assert names == [("a", "clean"), ("b", "clean"), ("a", "fog@1"), ("b", "fog@1")]


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 20])
def test_shards_part_the_cells_among_them(count: int) -> None:
    plan = tiny_plan(checkpoints=[tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)])
    parts = [plan.wanted(Shard(index, count)) for index in range(1, count + 1)]
    assert sorted(cell.key for part in parts for cell in part) == sorted(keys(plan))


COSTS = {
    "alike": ([1] * 75, 1000),
    "attacks": ([1] * 75 + [31, 31, 751, 301, 2701], 40),
    "one attack": ([3001], 90),
    "one checkpoint": ([1] * 75 + [31], 1),
}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 16, 64])
@pytest.mark.parametrize("costs", COSTS)
def test_shards_are_of_about_equal_cost_and_keep_checkpoints_together(costs: str, count: int) -> None:
    each, n_checkpoints = COSTS[costs]
    parts = [Shard(index, count).takes(each, n_checkpoints) for index in range(1, count + 1)]
    together = sorted(place for part in parts for place in part)
    assert together == list(itertools.product(range(len(each)), range(n_checkpoints)))
    loads = [sum(each[row] for row, _ in part) for part in parts]
    share = sum(loads) / count
    # A shard that gets more than its share had least before its last chunk.
    assert max(loads) <= share + max(share / 4, max(each))
    n_makings = sum(len({row for row, _ in part}) for part in parts)
    # Each condition's images are made a few times, or for eight checkpoints or more.
    assert n_makings <= max(len(each) + 5 * count, len(each) * n_checkpoints // 8)


@pytest.mark.parametrize("n_checkpoints", [32, 35, 200])
def test_shards_of_many_checkpoints_are_alike_whatever_conditions_cost(n_checkpoints: int) -> None:
    parts = [Shard(index, 4).takes([1, 1, 4, 31, 301], n_checkpoints) for index in range(1, 5)]
    for row in range(5):
        held = [sum(place[0] == row for place in part) for part in parts]
        assert max(held) - min(held) <= 0.15 * n_checkpoints / 4


def test_more_shards_than_cells_leave_some_without_work() -> None:
    parts = [Shard(index, 9).takes([1, 4], 2) for index in range(1, 10)]
    assert sorted(map(len, parts)) == [0] * 5 + [1] * 4


def test_shards_compute_what_one_sweep_computes(tmp_path: Path) -> None:
    plan = tiny_plan(data=tiny_data(24))
    swept(plan, tmp_path / "whole")
    for index in (3, 1, 2):
        swept(plan, tmp_path / "parts", shard=Shard(index, 3))
    whole, parts = stored(tmp_path / "whole"), stored(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert {name for _, name in whole} == {c.name for c in conditions(*CONDITIONS)}
    for cell, arrays in whole.items():
        assert all((arrays[name] == parts[cell][name]).all() for name in arrays), cell


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1 /3", "²/3", "1/3.0"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        Shard.parse(text)


def test_a_shard_is_read() -> None:
    assert Shard.parse("2/3") == Shard(2, 3)


def test_stored_cells_are_not_missing(tmp_path: Path) -> None:
    plan = tiny_plan("clean", "fog@1", data=tiny_data(6))
    store = CellStore(tmp_path)
    assert len(plan.missing(store, Shard())) == 2
    swept(tiny_plan("fog@1", data=tiny_data(6)), tmp_path)
    assert [cell.condition.name for cell in plan.missing(store, Shard())] == ["clean"]


def test_the_same_checkpoint_twice_is_refused() -> None:
    with pytest.raises(CheckpointError, match="b and a have the same weights"):
        tiny_plan(checkpoints=[tiny_checkpoint("a"), tiny_checkpoint("b")])


def test_two_checkpoints_of_one_name_are_refused() -> None:
    with pytest.raises(CheckpointError, match="Two different checkpoints are called 'a'; tell them apart with name="):
        tiny_plan(checkpoints=[tiny_checkpoint("a", 0), tiny_checkpoint("a", 1)])


def test_no_checkpoint_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one checkpoint"):
        make_plan(Source.choose(tiny_data(6), limit=None, seed=0), [], conditions("clean"))


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(CheckpointError, match="tiny has 10 outputs, tiles has 5 classes"):
        tiny_plan(checkpoints=[with_card(tiny_checkpoint(), classes=10)])


def test_another_image_size_is_refused_unless_the_module_resizes() -> None:
    wide = with_card(tiny_checkpoint(), input_size=64)
    with pytest.raises(CheckpointError, match="expects 64x64 images, tiles has 32x32; add input_size=64"):
        tiny_plan(checkpoints=[wide])
    assert tiny_plan(checkpoints=[with_card(wide, resize_input=True)]).cells
    assert tiny_plan(checkpoints=[with_card(wide, input_size=32)]).cells


def test_a_corruption_that_an_official_set_lacks_is_left_out_and_the_rest_planned() -> None:
    plan = tiny_plan("fog@1", "snow@1", data=official_set(tiny_data(6), clean=True))
    assert [condition.name for condition in plan.conditions] == ["fog@1"]
    assert [(one.condition.name, one.reason) for one in plan.skipped] == [("snow@1", "tiles-c does not hold these")]
    with pytest.raises(UsageError, match="Nothing that is asked for can be measured on tiles-c: .*: snow$"[:-1]):
        tiny_plan(*(f"snow@{s}" for s in range(1, 6)), data=official_set(tiny_data(6), clean=True))


def test_a_plan_of_which_nothing_can_be_computed_is_refused() -> None:
    with pytest.raises(UsageError, match="no clean images were given .*: clean, fgsm-linf@1/255"):
        tiny_plan("clean", "fgsm-linf@1/255", data=official_set(tiny_data(6), clean=False))


def test_a_card_without_the_input_size_fits_any_image() -> None:
    checkpoint = tiny_checkpoint()
    assert isinstance(checkpoint.card, Card)
    assert isinstance(checkpoint.load(), nn.Module)
    assert tiny_plan(data=tiny_data(6, side=16), checkpoints=[checkpoint]).cells
