"""What a plan says of its power, from published spreads and from those of its own run."""

from pathlib import Path
from typing import Any

import pytest
from answered_runs import put_sweep
from compared_runs import Make, method
from run_builder import RunBuilder

from robustsweep.errors import UsageError
from robustsweep.results.compare.comparison import compare
from robustsweep.results.compare.planned import PlannedComparison
from robustsweep.results.compare.request import declared_family
from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.metrics.scores import mean_score
from robustsweep.results.metrics.seed_spreads import run_spreads
from robustsweep.results.statistics.published_spreads import nearest_published

CONDITIONS = [
    {"name": "clean", "kind": "clean"},
    *({"name": f"{c}@{s}", "kind": "corruption", "corruption": c} for c in CORRUPTIONS for s in SEVERITIES),
]
LADDER = {"name": "pgd10-linf", "kind": "attack", "eps": ["1/255", "2/255", "8/255"], "eps_value": [0.004, 0.008, 0.03]}
FOG = [one for one in CONDITIONS if one.get("corruption", "fog") == "fog"]


def planned(**changes: Any) -> list[str]:
    given = {"conditions": CONDITIONS, "seeds": [5, 5], "n_images": [2_000], "data": "cifar100", "classes": 100}
    return PlannedComparison(**(given | changes)).lines()


def two_methods(builder: RunBuilder, seeds: int = 4) -> None:
    """Two methods whose seeds lie at errors 2 points apart."""
    for name, base in (("baseline", 0.3), ("cutmix", 0.35)):
        for seed in range(seeds):
            builder.card(f"{name}-{seed}", name, seed, recipe_hash="c" * 64)
            put_sweep(builder, f"{name}-{seed}", base + 0.02 * seed, seed + len(name), ("fog",))


def test_published_spreads_are_said_to_be_another_networks() -> None:
    said = planned(conditions=[*CONDITIONS, LADDER])
    spread = nearest_published(100).spread("mean_corruption_error")
    assert spread is not None
    least, held = (100 * spread.detectable((5, 5), 2_000, alpha) for alpha in (0.05, 0.05 / 20))
    assert said[0] == (
        f"With 5 seeds per method and 2,000 images, differences of {least:.1f} pp or more in the mean of 15 "
        "corruptions (C) would be found with 80% power."
    )
    assert said[1].split("  ")[0] == "pp (after Holm over 20 scores)"  # 15 corruptions, mean, clean, 3 eps
    assert said[2].split() == ["mean", "of", "15", "corruptions", "(C)", f"{least:.1f}", f"({held:.1f})"]
    names = ["clean", "gaussian_noise", "impulse_noise", "brightness", "pixelate", "pgd10-linf@2/255"]
    assert [line.split()[0] for line in said[3:9]] == names
    assert said[8].endswith("no stored spread")
    assert len({len(line) for line in said[1:9]}) == 1
    assert "another network's, WRN-28-4 on CIFAR-100, the nearest data set stored" in said[9]
    assert len(said) == 10


@pytest.mark.parametrize(("seeds", "most"), [([1, 1], "1 training seed per"), ([5, 2, 2], "2 training seeds per")])
def test_seeds_that_are_too_few_are_said_to_be_with_what_three_would_show(seeds: list[int], most: str) -> None:
    said = planned(seeds=seeds)
    assert said[0].startswith(f"{most} method cannot show that one method is better than another")
    assert said[1].startswith("With 3 seeds per method and 2,000 images")
    assert "more seeds help more than more images" in said[-2]
    assert "more seeds" not in " ".join(planned())


def test_uneven_seeds_are_judged_by_the_fewest_that_are_tested() -> None:
    assert planned(seeds=[10, 1, 3, 5])[0].startswith("With 3 and 5 seeds per method")


def test_several_numbers_of_images_have_a_column_each() -> None:
    said = planned(n_images=[1_000, 10_000])
    assert said[1].endswith("10,000 images")
    few, many = (float(text) for text in (said[3].split()[1], said[3].split()[3]))
    assert few > many


def test_a_declared_family_is_that_of_the_plan() -> None:
    said = planned(metrics=["fog_error", "clean_error"], n_opponents=3, conditions=FOG)
    assert said[1].startswith("pp (after Holm over 6 scores)")
    said = planned(metrics=["mean_corruption_error"])
    assert "(" in said[2]
    assert "(" not in said[3]  # exploratory


@pytest.mark.parametrize(
    "changes", [{"seeds": [5]}, {"seeds": []}, {"n_images": [1]}, {"conditions": []}, {"conditions": CONDITIONS[1:3]}]
)
def test_nothing_is_said_of_what_cannot_be_compared(changes: dict[str, Any]) -> None:
    assert planned(**changes) == []


def test_what_no_difference_can_reach_is_none() -> None:
    said = planned(n_images=[2])
    assert "no difference in the mean of 15 corruptions (C) would be found" in said[0]
    assert said[2].split()[-2:] == ["none", "(none)"]


def test_a_run_with_several_seeds_shows_its_own_spreads(make_builder: Make) -> None:
    builder = make_builder(n=400)
    two_methods(builder)
    said = planned(conditions=FOG, seeds=[4, 4], n_images=[400], data="shapes", classes=10, run=builder.root)
    assert said[-1].endswith(f"are measured in {builder.root}: 8 training runs of 2 methods.")
    fog = run_spreads(
        builder.root, "shapes", [mean_score("fog_error", "fog", "corruption", [f"fog@{s}" for s in SEVERITIES])]
    )
    assert fog is not None
    sd = 100 * fog.spreads["fog_error"].seeds ** 0.5
    assert 1.5 < sd < 4  # errors of 0.30, 0.32, 0.34 and 0.36 have 2.6
    # What compare says afterwards of the same run is what the plan said, but for the noise that it counts twice.
    found = next(
        one
        for one in compare([builder.root], "baseline", "cutmix", metrics=["fog_error"])[0].comparisons
        if one.score.name == "fog_error"
    )
    claimed = float(next(line for line in said if line.startswith("fog")).split()[1])
    assert claimed == pytest.approx(100 * found.difference.estimate.smallest_detectable(), rel=0.1)


def test_a_run_with_too_few_seeds_shows_none(make_builder: Make, tmp_path: Path) -> None:
    clean = [mean_score("clean_error", "clean", "clean", ["clean"])]
    assert run_spreads(tmp_path / "nowhere", "shapes", clean) is None
    builder = make_builder(n=100)
    method(builder, "baseline", 0.3, 2)
    assert run_spreads(builder.root, "shapes", clean) is None
    method(builder, "cutmix", 0.3, 3)
    assert run_spreads(builder.root, "shapes", clean) is None  # three seeds beyond the first
    method(builder, "mixup", 0.3, 2)
    found = run_spreads(builder.root, "shapes", clean)
    assert found is not None
    assert (found.n_methods, found.n_trainings) == (3, 7)
    assert run_spreads(builder.root, "other", clean) is None
    unknown = [mean_score("x", "x", "corruption", ["snow@1"])]
    assert run_spreads(builder.root, "shapes", unknown) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ((), 1)),
        ('[compare]\nmethods = ["a", "b"]', ((), 1)),
        ('out = "r"\n[compare]\nmethods = ["a", "b", "c"]\nmetrics = ["fog_error"]', (("fog_error",), 2)),
        ('out = "r"\n[compare]\nmethods = ["a"]', ((), 0)),
    ],
)
def test_the_family_is_read_from_the_plan(text: str, expected: tuple[tuple[str, ...], int], tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text)
    assert declared_family(tmp_path / "plan.toml") == expected


def test_a_plan_that_declares_nonsense_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('out = "r"\n[compare]\nmetrics = 3')
    with pytest.raises(UsageError, match="metrics must be a list"):
        declared_family(tmp_path / "plan.toml")
