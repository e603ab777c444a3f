"""What is left of a sweep is handed out whole, each cell once, so that workers end together."""

import pytest
from tiny_sweeps import OneByOne, tiny_checkpoint, tiny_data, tiny_plan

from robustsweep.benchmark.plan.plan import Plan, PlannedCell
from robustsweep.benchmark.plan.shard import Shard, cost
from robustsweep.benchmark.workers.portions import Portions

CONDITIONS = ("clean", "fog@1", "fgsm-linf@1/255", "fgsm-linf@2/255", "pgd3-linf@4/255")


@pytest.fixture(scope="module")
def plan() -> Plan:
    checkpoints = [tiny_checkpoint(f"net{seed}", seed, OneByOne) for seed in range(12)]
    return tiny_plan(*CONDITIONS, data=tiny_data(6), checkpoints=checkpoints)


def total(cells: list[PlannedCell]) -> int:
    return sum(cost(cell.condition) for cell in cells)


def taken(portions: Portions) -> list[list[PlannedCell]]:
    found = []
    while portion := portions.take():
        found.append(portion)
    return found


@pytest.mark.parametrize("n_workers", [1, 2, 4, 100])
def test_every_missing_cell_is_in_one_portion(plan: Plan, n_workers: int) -> None:
    missing = plan.wanted(Shard())[7:]
    portions = taken(Portions(missing, n_workers))
    assert sorted(cell.key for portion in portions for cell in portion) == sorted(cell.key for cell in missing)


def test_attacks_that_share_gradients_stay_together(plan: Plan) -> None:
    for portion in taken(Portions(plan.wanted(Shard()), 4)):
        places = {(cell.checkpoint.id, cell.condition.name) for cell in portion}
        for identity, name in places:
            if name.startswith("fgsm"):
                assert (identity, "fgsm-linf@1/255") in places
                assert (identity, "fgsm-linf@2/255") in places


@pytest.mark.parametrize("n_workers", [2, 4])
def test_workers_of_one_speed_end_within_an_eighth_of_a_share_and_ask_seldom(plan: Plan, n_workers: int) -> None:
    portions, busy_until, n_portions = Portions(plan.wanted(Shard()), n_workers), [0] * n_workers, 0
    while portion := portions.take():
        first = busy_until.index(min(busy_until))
        busy_until[first] += total(portion)
        n_portions += 1
    share = sum(busy_until) / n_workers
    assert max(busy_until) - min(busy_until) <= share / 8
    assert n_portions <= 10 * n_workers


def test_the_rest_is_all_that_was_not_taken(plan: Plan) -> None:
    portions = Portions(plan.wanted(Shard()), 3)
    first = portions.take()
    rest = portions.rest()
    assert {cell.key for cell in first}.isdisjoint(cell.key for cell in rest)
    assert len(first) + len(rest) == len(plan.cells)
    assert portions.take() == []
    assert portions.rest() == []
