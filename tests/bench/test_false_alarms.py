"""Short, seeded forms of the simulations; ``false_alarms.py`` runs them at length."""

import pytest
from false_alarms import (
    BOUND,
    BOUND_PASS,
    POWER_BOUNDS,
    SEEDS,
    family_counts,
    mcnemar,
    simulation_a,
    simulation_b,
    simulation_c,
    simulation_d,
    times_found,
    times_found_as_planned,
    upper_bound,
)

REPEATS = 2_000


def test_the_paired_test_keeps_its_level_and_pooled_rows_do_not() -> None:
    counts = simulation_a(500, 0.0, REPEATS, seed=0)
    assert counts["paired by image"] / REPEATS < BOUND
    assert counts["unpaired by image"] < counts["paired by image"]
    assert counts["McNemar, rows pooled"] / REPEATS > 0.12


def test_pairing_finds_what_an_unpaired_test_misses() -> None:
    counts = simulation_a(500, 0.0065 * 20**0.5, REPEATS // 4, seed=1)
    assert counts["paired by image"] > 2 * counts["unpaired by image"]


def test_equal_methods_are_told_apart_no_more_often_than_declared() -> None:
    counts = simulation_b(3, 0.005, REPEATS, seed=0, n_images=500)
    assert counts["images and seeds"] / REPEATS < BOUND
    assert counts["images alone"] / REPEATS > 0.15


def test_a_family_keeps_its_level_with_the_recommended_seeds_and_not_with_two() -> None:
    repeats = 300
    assert family_counts((5, 5), 0.005, repeats, seed=0)["any of the family"] / repeats < BOUND
    counts = family_counts((2, 2), 0.01, repeats, seed=0)
    assert counts["any of the family"] / repeats > 2 * BOUND
    assert counts["but not the mean"] > counts["any of the family"] / 2


@pytest.mark.parametrize("distribution", SEEDS)
@pytest.mark.parametrize("n_seeds", [(3, 3), (5, 5), (10, 10), (3, 5)])
def test_what_is_said_to_be_found_is_found_as_often(n_seeds: tuple[int, int], distribution: str) -> None:
    low, high = POWER_BOUNDS
    assert low < times_found(n_seeds, distribution, REPEATS, seed=0) / REPEATS < high


@pytest.mark.parametrize("seed_sd", [0.0, 0.02])
def test_a_plan_from_a_pilot_keeps_its_promise(seed_sd: float) -> None:
    repeats = REPEATS // 2
    low, high = POWER_BOUNDS
    assert low < times_found_as_planned((3, 5), seed_sd, repeats, seed=0, n_images=300) / repeats < high


@pytest.mark.parametrize("n_seeds", [3, 5])
def test_one_more_training_of_a_method_fails_no_more_often_than_declared(n_seeds: int) -> None:
    counts = simulation_d(n_seeds, 0.005, REPEATS, seed=0, n_images=500)
    assert counts["images and seeds"] / REPEATS < BOUND
    assert counts["images, one seed"] / REPEATS > 0.08


@pytest.mark.parametrize(("better", "n_cells"), [(0.0, 1), (0.01, 1), (0.01, 5)])
def test_a_loss_as_large_as_the_margin_passes_no_more_often_than_declared(better: float, n_cells: int) -> None:
    counts = simulation_c(300, 0.01, better, n_cells, REPEATS, seed=0)
    assert counts["PASS"] / REPEATS < BOUND_PASS


def test_an_equal_candidate_fails_no_more_often_than_declared() -> None:
    assert simulation_c(500, 0.0, 0.05, 1, REPEATS, seed=0, margin=0.0)["FAIL"] / REPEATS < BOUND


def test_the_bound_is_that_of_the_binomial_distribution() -> None:
    assert 0.05 < upper_bound(250, 5_000) < 0.056
    assert upper_bound(0, 10) > 0.25
    assert upper_bound(10, 10) == 1


def test_mcnemar_is_a_binomial_test_of_the_discordant_images() -> None:
    assert mcnemar(0, 0) == 1
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)
