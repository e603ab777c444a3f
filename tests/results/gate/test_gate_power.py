"""What a baseline can show before there is a candidate, and what a workflow run is told of verdicts."""

import math

import numpy as np
import pytest
from answered_runs import put
from gated_runs import CLEAN, Make, first, gate, one_cell, pair_of_sweeps
from run_builder import RunBuilder
from scipy import stats

from robustsweep.results.gate.annotations import annotations
from robustsweep.results.gate.baseline_power import baseline_power
from robustsweep.results.gate.margins import margins_of
from robustsweep.results.gate.outcome import Outcome, run_gate
from robustsweep.results.gate.wrong_images import read_answers
from robustsweep.results.tables.table import Table


def power_of(builder: RunBuilder, *margins: str) -> Table | None:
    answers = read_answers(builder.root)
    return baseline_power(answers, margins_of(answers.scores, margins))


def normal_loss(standard_error: float, n: int, margin: float) -> float:
    wanted = stats.t.isf(0.05, n - 1) * standard_error
    return float(max(wanted, margin) + stats.norm.ppf(0.8) * standard_error)


def test_one_checkpoint_is_taken_to_meet_one_that_errs_independently(make_builder: Make) -> None:
    n = 2_000
    table = power_of(one_cell(make_builder, "base", first(200, n)))
    assert table is not None
    error = math.sqrt(2 * 0.1 * 0.9 / (n - 1))
    ((title, value, margin, loss, needed),) = table.rows
    assert (title, value, margin) == ("clean", pytest.approx(0.1), 0.01)
    assert loss == pytest.approx(normal_loss(error, n, 0.01))
    assert needed == math.ceil(n * (normal_loss(error, n, 0) / 0.01) ** 2)
    assert "2,000 images" in table.notes[0]


def test_a_loss_that_is_said_to_be_found_fails_that_often(make_builder: Make) -> None:
    n, repeats = 1_000, 60
    base = first(150, n)
    table = power_of(one_cell(make_builder, "base", base), "clean=3")
    assert table is not None
    loss, rng = float(table.rows[0][3] or 0), np.random.default_rng(0)
    shares = np.clip((0.15 + loss) * np.ones(n), 0, 1)  # independent of the baseline
    found = 0
    for _ in range(repeats):
        difference = (rng.random(n) < shares).astype(float) - base
        t = difference.mean() / (difference.std(ddof=1) / math.sqrt(n))
        found += bool(stats.t.sf(t, n - 1) < 0.05 and difference.mean() >= 0.03)
    assert 0.65 < found / repeats < 0.95


def test_training_runs_of_a_method_show_how_they_differ(make_builder: Make) -> None:
    n = 1_000
    builder = make_builder("base", n=n)
    shifted = [np.roll(first(100, n), 10 * seed) for seed in range(3)]
    for seed, wrong in enumerate(shifted):
        builder.card(f"net-{seed}", "cutmix", seed)
        put(builder, f"net-{seed}", CLEAN, wrong)
    table = power_of(builder)
    assert table is not None
    # The first differs from the second in 20 images and from the third in 40, as the third from the others.
    variance = np.mean([m / n / (n - 1) for m in (20, 40)])
    alpha = 0.05 / 3
    error = math.sqrt(variance)
    wanted = max(stats.t.isf(alpha, n - 1) * error, 0.01)
    assert table.rows[0][3] == pytest.approx(wanted + stats.norm.ppf(0.8) * error)
    assert "Holm over 3 scores" in table.notes[0]


def test_a_perfect_baseline_and_a_margin_of_zero_have_numbers_or_none(make_builder: Make) -> None:
    table = power_of(one_cell(make_builder, "base", np.zeros(300, bool)))
    assert table is not None
    assert table.rows[0][3] == pytest.approx(max(0.01, 1 - 0.05 ** (1 / 300)))
    needed = table.rows[0][4]
    assert needed == math.ceil(math.log(0.05) / math.log(0.99))
    table = power_of(one_cell(make_builder, "more", first(30, 300)), "clean=0")
    assert table is not None
    assert table.rows[0][4] is None
    few = power_of(one_cell(make_builder, "few", np.array([True, False, False])))
    assert few is not None
    assert few.rows[0][3] is None  # no possible loss
    assert power_of(one_cell(make_builder, "one", np.array([True]))) is None


def unclear_and_failed(make_builder: Make, name: str) -> Outcome:
    base, new = make_builder("base", n=1_000), make_builder("new", n=1_000)
    for kind, wrong in (("unclear", 107), ("worse", 300)):
        for builder, count in ((base, 100), (new, wrong)):
            builder.card(f"{kind} {name}", None, None, weights=f"{kind}{count}")
            put(builder, f"{kind} {name}", CLEAN, first(count, 1_000))
    new.card("alone", None, None)
    put(new, "alone", CLEAN, first(100, 1_000))
    return run_gate(new.root, base.root)


def test_failures_are_one_error_and_what_is_inconclusive_one_warning(make_builder: Make) -> None:
    error, warning = annotations(unclear_and_failed(make_builder, "net"))
    assert error.startswith(
        "::error title=Robustness gate::FAIL for 1 of 2 scores: worse net: clean error 10.00%25 in "
    )
    assert error.endswith("The baseline has no partner for alone.")
    assert warning.startswith("::warning title=Robustness gate::INCONCLUSIVE, neither passed nor failed, for 1 of 2 ")
    assert "unclear net: clean error 10.00%25" in warning


def test_a_name_gives_a_runner_no_command_and_no_line(make_builder: Make) -> None:
    hostile = "\n::error::x %0A::add-mask::y\r\x1b[31m"
    for command in annotations(unclear_and_failed(make_builder, hostile)):
        assert command.isprintable()
        assert "%0A" not in command.replace("%250A", "")
        assert command.count("%") == command.count("%25")


def test_a_run_that_passes_leaves_no_annotation(make_builder: Make) -> None:
    base = one_cell(make_builder, "base", first(100, 1_000))
    assert annotations(run_gate(base.root, base.root)) == []


def test_many_failures_are_counted_and_five_named(make_builder: Make) -> None:
    base, new = pair_of_sweeps(make_builder, n=300)
    outcome = gate(base, new)
    n_unclear = outcome.count("INCONCLUSIVE")
    assert n_unclear > 5
    warning = annotations(outcome)[-1]
    assert warning.count("new net: ") == 5
    assert f"; and {n_unclear - 5} more" in warning
