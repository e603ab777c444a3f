"""What a dry run says of the differences that its seeds and images would show."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_sweeps import tiny_checkpoint, tiny_data

from robustsweep.benchmark.checkpoints import Checkpoint
from robustsweep.benchmark.plan.plan import Plan, make_plan
from robustsweep.benchmark.plan.power import power_of_sweep, seeds_by_method
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of


def trained(method: str | None, seed: int | None, number: int, **parameters: object) -> Checkpoint:
    found = tiny_checkpoint(f"tiny-{number}", number)
    card = replace(found.card, method=method, method_parameters=dict(parameters), seed=seed)
    return replace(found, card=card)


def plan_of(checkpoints: list[Checkpoint], *suites: str) -> Plan:
    return make_plan(Source.choose(tiny_data(40), limit=None, seed=0), checkpoints, conditions_of(suites))


def methods(seeds: int) -> list[Checkpoint]:
    return [trained(name, seed, 10 * seed + at) for at, name in enumerate(("a", "b")) for seed in range(seeds)]


def test_seeds_are_counted_by_method_parameters_and_architecture() -> None:
    checkpoints = [*methods(3), trained("a", 0, 90, length=0.5), trained(None, None, 91), trained("b", 2, 92)]
    assert sorted(seeds_by_method(checkpoints)) == [1, 3, 3]


def test_a_sweep_says_what_its_methods_would_show(tmp_path: Path) -> None:
    said = power_of_sweep(plan_of(methods(3), "clean", "fog", "pgd3-linf@1/255,4/255"), tmp_path / "run", None)
    assert said[0].startswith("With 3 seeds per method and 40 images, differences of")
    assert said[0].endswith("in the errors on clean images would be found with 80% power.")
    assert "after Holm over 4" in said[1]
    assert [line.split()[0] for line in said[2:5]] == ["clean", "fog", "pgd3-linf@4/255"]
    assert "on CIFAR-10, the nearest data set" in said[6]


def test_the_family_is_that_of_the_plan_file(tmp_path: Path) -> None:
    toml = tmp_path / "plan.toml"
    toml.write_text('out = "r"\n[compare]\nmethods = ["a"]\nmetrics = ["clean_error"]')
    plan = plan_of([*methods(3), trained("c", 0, 90)], "clean", "fog")
    assert "after Holm over 2" in power_of_sweep(plan, tmp_path / "run", toml)[1]


@pytest.mark.parametrize("checkpoints", [methods(3)[:3], [trained(None, None, k) for k in range(4)]])
def test_checkpoints_of_no_two_methods_have_no_power_to_speak_of(checkpoints: list[Checkpoint], tmp_path: Path) -> None:
    assert power_of_sweep(plan_of(checkpoints, "clean"), tmp_path, None) == []
