"""What a sweep stores of attacks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_sweeps import (
    Ledger,
    OneByOne,
    cells,
    same,
    stored,
    swept,
    tiny_checkpoint,
    tiny_data,
    tiny_plan,
)

from robustsweep.benchmark.plan.conditions import Attacked
from robustsweep.benchmark.plan.shard import Shard
from robustsweep.benchmark.sweep import attack_block as attacking
from robustsweep.results.stored.store import CellStore


def test_the_rungs_of_an_attack_agree_with_its_counts_and_with_the_clean_cell(tmp_path: Path) -> None:
    plan = tiny_plan("clean", "fgsm-linf@2/255", "pgd3-linf@1/255,4/255,16/255,1")
    swept(plan, tmp_path)
    labels = plan.source.labels
    right = stored(tmp_path)["tiny", "clean"]["prediction"] == labels
    for condition in plan.conditions:
        if not isinstance(condition, Attacked):
            continue
        n_eps = len(condition.attack.eps)
        counts, arrays = cells(tmp_path)[condition.name].counts, stored(tmp_path)["tiny", condition.name]
        rung: Any = arrays["rung"]
        assert ((rung == -1) == ~right).all()
        assert counts.n_clean_right == right.sum() == 50
        assert len(counts.n_robust) == n_eps
        assert list(counts.n_robust) == sorted(counts.n_robust, reverse=True)
        assert counts.n_robust == tuple((rung > k).sum() for k in range(n_eps))
        assert 0 <= counts.n_robust[-1] <= counts.n_robust[0] < counts.n_clean_right
        # What is stored of an image is the answer to what its verdict is about.
        assert ((arrays["prediction"] == labels) == (rung == n_eps)).all()
        assert counts.n_right == counts.n_robust[-1]
        never: Any = (rung == -1) | (rung == n_eps)
        assert ((arrays["step"] == -1) == never).all()
        assert ((arrays["restart"] == -1) == never).all()
    assert len(set(stored(tmp_path)["tiny", "pgd3-linf"]["rung"].tolist())) >= 4


def test_an_attack_in_pieces_is_the_attack_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan("pgd2-linf@1/255,8/255", data=tiny_data(20), checkpoints=[tiny_checkpoint("tiny", 0, OneByOne)])
    swept(plan, tmp_path / "one", batch_size=3)
    monkeypatch.setattr(attacking, "_PIECE_BYTES", 7 * 4 * 3 * 32 * 32)
    swept(plan, tmp_path / "pieces", batch_size=3)
    assert same(stored(tmp_path / "one"), stored(tmp_path / "pieces"))


def test_of_the_attacked_images_only_those_are_kept_that_are_shown_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    attack = attacking.run_attacks

    def noting(*arguments: Any, **options: Any) -> Any:
        outcomes = attack(*arguments, **options)
        kept.extend(len(outcome.images) for outcome in outcomes if outcome.images is not None)
        return outcomes

    monkeypatch.setattr(attacking, "run_attacks", noting)
    swept(tiny_plan("fgsm-linf@2/255", "fgsm-linf@4/255", data=tiny_data(20)), tmp_path, batch_size=8)
    assert kept == [8, 8]


def test_the_random_starts_of_an_attack_are_drawn_with_the_seed_of_the_sweep(tmp_path: Path) -> None:
    for seed in (0, 1):
        swept(tiny_plan("pgd1-linf@8/255", "fgsm-linf@8/255", seed=seed), tmp_path / str(seed))
    first, second = (stored(tmp_path / str(seed)) for seed in (0, 1))
    assert (first["tiny", "pgd1-linf@8/255"]["nll"] != second["tiny", "pgd1-linf@8/255"]["nll"]).mean() > 0.5
    assert (first["tiny", "fgsm-linf@8/255"]["nll"] == second["tiny", "fgsm-linf@8/255"]["nll"]).all()


FGSM = tuple(f"fgsm-linf@{levels}/255" for levels in (1, 2, 4))


def test_single_steps_of_one_sweep_share_gradients_and_keep_cells_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_data(24)
    checkpoints = [tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)]
    for name in FGSM:
        swept(tiny_plan(name, data=data, checkpoints=checkpoints), tmp_path / "alone")
    made: list[int] = []
    plain = torch.autograd.grad

    def counting(*args: Any, **options: Any) -> Any:
        made.append(1)
        return plain(*args, **options)

    monkeypatch.setattr(torch.autograd, "grad", counting)
    ledger = Ledger()
    plan = tiny_plan("clean", FGSM[0], "contrast@1", *FGSM[1:], data=data, checkpoints=checkpoints)
    swept(plan, tmp_path / "together", ledger)
    assert len(made) == len(checkpoints)
    assert (ledger.cells, ledger.units) == ledger.announced
    alone, together = stored(tmp_path / "alone"), stored(tmp_path / "together")
    assert same(alone, {cell: arrays for cell, arrays in together.items() if cell[1] in FGSM})
    keys = [{cell.key for cell in CellStore(tmp_path / run).cells()} for run in ("alone", "together")]
    assert keys[0] < keys[1]


def test_a_single_step_that_is_stored_is_left_alone(tmp_path: Path) -> None:
    data = tiny_data(12)
    swept(tiny_plan(FGSM[1], data=data), tmp_path)
    summary = swept(tiny_plan(*FGSM, data=data), tmp_path)
    assert (summary.computed, summary.reused) == (2, 1)
    assert set(cells(tmp_path)) == set(FGSM)


def test_shards_give_the_verdicts_of_the_whole(tmp_path: Path) -> None:
    plan = tiny_plan(
        "clean", *FGSM, "pgd2-linf@1/255,8/255", data=tiny_data(24), checkpoints=[tiny_checkpoint("tiny", 0, OneByOne)]
    )
    swept(plan, tmp_path / "whole")
    for index in (1, 2):
        swept(plan, tmp_path / "shards", shard=Shard(index, 2))
    assert same(stored(tmp_path / "whole"), stored(tmp_path / "shards"))


def test_the_torchattacks_protocol_counts_the_last_iterates_of_all_images(tmp_path: Path) -> None:
    name = "pgd2-linf@8/255:protocol=torchattacks"
    swept(tiny_plan(name, "pgd2-linf@8/255"), tmp_path)
    arrays, cell = stored(tmp_path)["tiny", name], cells(tmp_path)[name]
    assert set(arrays["rung"].tolist()) == {0, 1}
    assert cell.counts.n_robust == ((arrays["rung"] == 1).sum(),)
    assert cell.counts.n_right == cell.counts.n_robust[0]
    assert cell.counts.n_clean_right is None
    assert cell.key != cells(tmp_path)["pgd2-linf@8/255"].key
