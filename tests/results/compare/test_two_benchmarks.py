"""Two methods on C and C-bar: when their order is a finding, and what is said where it is none."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from answered_runs import corrupted, put, put_sweep
from compared_runs import Make, method
from run_builder import RunBuilder

from robustsweep.results.comparable.sides import Side
from robustsweep.results.compare.comparison import compare
from robustsweep.results.compare.overview import main_findings
from robustsweep.results.compare.paired_scores import Comparison
from robustsweep.results.compare.two_benchmarks import Order, orders_among, orders_in_words
from robustsweep.results.corruption_names import C_BAR_SETS, CORRUPTIONS, SEVERITIES
from robustsweep.results.gate.outcome import run_gate
from robustsweep.results.metrics.benchmarks import BENCHMARKS, C_BARS, C, minus_c
from robustsweep.results.metrics.scores import Score
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.statistics.intervals import Estimate
from robustsweep.results.statistics.seeds import MethodDifference

CIFAR = "C-bar (CIFAR)"


def compared(
    score: Score, points: float, error: float = 0.05, seeds: tuple[int, int] = (5, 5), names: str = "ab"
) -> Comparison:
    """Make a comparison whose difference and standard error are so many percentage points."""
    estimate = Estimate(points / 100, error / 100, 1000.0, 1001)
    first, second = (Side(name, (name,), True) for name in names)
    difference = MethodDifference(estimate, seeds)
    return Comparison(score, first, second, (0.3, 0.3 - points / 100), difference, estimate.p_two_sided())


def pair(on_c: float, on_c_bar: float, **changes: Any) -> list[Comparison]:
    return [compared(BENCHMARKS[C], on_c, **changes), compared(C_BARS[CIFAR], on_c_bar, **changes)]


def only(comparisons: Sequence[Comparison], *, of_methods: bool = False) -> Order:
    (order,) = orders_among(comparisons, of_methods=of_methods)
    return order


def test_the_opposite_order_is_a_finding_only_with_both_differences_outside_their_intervals() -> None:
    order = only(pair(-1.0, 2.0))
    assert (order.is_shown, order.reading) == (True, "opposite order")
    assert order.sentence() == (
        "The order of a and b differs on C and C-bar (CIFAR): a is better on C by 1.00 pp (0.90 to 1.10), "
        "b on C-bar (CIFAR) by 2.00 pp (1.90 to 2.10)."
    )
    within = only(pair(-1.0, 0.05))
    assert (within.is_shown, within.reading) == (False, "no finding: the interval on C-bar (CIFAR) includes zero")
    assert within.sentence() == (
        "Order of a and b on C and C-bar (CIFAR): the means are in opposite order, which is not a finding (the "
        "interval on C-bar (CIFAR) includes zero): a is lower on C by 1.00 pp (0.90 to 1.10), b on C-bar (CIFAR) by "
        "0.05 pp (-0.05 to 0.15)."
    )
    assert only(pair(0.05, -0.05)).reading == "no finding: both intervals include zero"
    assert only(pair(1.0, 0.5)).reading == "same order"
    assert "is the same on C and C-bar (CIFAR): b is better on C by" in only(pair(1.0, 0.5)).sentence()


def test_pairs_are_one_family_and_too_few_seeds_are_not_tested() -> None:
    # 0.115 pp of 0.05 are significant alone (p = 0.02), and no longer as the smallest of three.
    few = [*pair(-0.115, 0.115), *pair(0.05, 0.05, names="ac"), *pair(0.0, 0.05, names="bc")]
    assert only(few[:2]).is_shown
    first, *_ = orders_among(few)
    assert first.reading == "no finding: not significant on both after Holm over 3 pairs"
    two = only(pair(-1.0, 2.0, seeds=(2, 5)))
    assert (two.p_holm, two.is_shown) == (None, False)
    assert "(not tested, for want of 3 seeds on both sides)" in two.sentence()
    single = pair(-1.0, 2.0, seeds=(1, 1))
    assert only(single).is_shown
    assert "one seed each, about these two checkpoints only" in only(single).sentence()
    assert not only(single, of_methods=True).is_shown


def said_of(*comparisons: Comparison, n: int = 3) -> list[str]:
    unit: Any = SimpleNamespace(subject="method", checkpoints=range(n))
    tables: Any = [SimpleNamespace(slug="c_and_c_bar")]
    return list(orders_in_words(unit, orders_among(comparisons), tables))


def test_several_pairs_are_counted_and_those_in_opposite_order_named() -> None:
    counted, finding, reversed_means = said_of(
        *pair(1.0, -2.0), *pair(1.0, 2.0, names="ac"), *pair(0.05, -0.05, names="bc")
    )
    assert counted == (
        "Order of methods on C and C-bar (CIFAR): of 3 pairs 2 differ significantly on both, 1 in the same order and 1 "
        "in opposite order; by their means alone 1 more are in opposite order, which is not a finding."
    )
    assert finding.startswith("The order of a and b differs on C and C-bar (CIFAR): b is better on C by 1.00 pp")
    assert reversed_means.startswith(
        "Order of b and c on C and C-bar (CIFAR): the means are in opposite order, which is"
    )
    assert len(said_of(*pair(1.0, -2.0))) == 1
    assert said_of() == []
    assert said_of(n=41) == [
        "Order on C and C-bar: of more than 40 methods no pairs are tested here; compare tests them."
    ]


def test_a_larger_family_of_a_comparison_keeps_its_word() -> None:
    on_c, on_c_bar = pair(-1.0, 2.0)
    assert only([on_c, replace(on_c_bar, p_holm=0.2)]).p_holm == 0.2


@pytest.mark.parametrize("name", list(C_BARS))
def test_c_bar_minus_c_is_the_difference_of_the_means(name: str) -> None:
    score = minus_c(name)
    rows = {cell: 0.4 for cell, _ in C_BARS[name].cells} | {cell: 0.3 for cell, _ in BENCHMARKS[C].cells}
    means = np.array(list(rows.values()))
    (value,) = score.values(pd.DataFrame({"net": means}, index=list(rows)))
    assert value == pytest.approx(0.1, abs=1e-12)
    assert score.bounds == pytest.approx((-1.0, 1.0))
    assert score.name == f"{name[7:-1].lower()}_c_bar_minus_c"


def with_c_bar(builder: RunBuilder, name: str, error: float, error_c_bar: float, seed: int) -> None:
    put_sweep(builder, name, error, seed)
    rng, hard = np.random.default_rng(seed + 1000), np.random.default_rng(0).random(builder.n)
    for corruption in C_BAR_SETS["CIFAR"]:
        for severity in SEVERITIES:
            wrong = 0.7 * hard + 0.3 * rng.random(builder.n) < error_c_bar
            put(builder, name, corrupted(builder, corruption, severity), wrong)


ERRORS = {"cutmix": (0.25, 0.4), "mixup": (0.28, 0.27)}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Two methods of three seeds; CutMix is better on C and worse on C-bar."""
    builder = RunBuilder(tmp_path_factory.mktemp("both") / "run", n=60)
    for number, (name, (error, error_c_bar)) in enumerate(ERRORS.items()):
        for seed in range(3):
            builder.card(f"{name}-{seed}", name, seed, recipe_hash="c" * 64)
            with_c_bar(builder, f"{name}-{seed}", error, error_c_bar, 10 * number + seed)
    return build_report([builder.root])


def test_the_report_says_on_whom_the_benchmarks_disagree(report: Report) -> None:
    (section,) = report.sections
    (said,) = [sentence for sentence in section.summary if "rder of" in sentence]
    assert said.startswith(
        "The order of CutMix and Mixup differs on C and C-bar (CIFAR): few seeds (3 of 5): CutMix is"
    )
    means = [sentence.partition(":")[0] for sentence in section.summary[:2]]
    assert means == [
        "Lowest mean error over the 15 corruptions of C",
        "Lowest mean error over the 10 corruptions of C-bar (CIFAR)",
    ]


def test_tables_and_figures_have_both_side_by_side(report: Report) -> None:
    (section,) = report.sections
    tables = {table.slug: table for table in section.tables}
    both = tables["method_c_and_c_bar"]
    assert [column.name for column in both.columns[2:]] == [
        *("mean_corruption_error", "mean_corruption_error_cifar_c_bar", "cifar_c_bar_minus_c"),
    ]
    assert set(both.intervals) == {(row, column) for row in range(2) for column in (2, 3, 4)}
    for _, _, c, c_bar, difference in both.rows:
        assert difference == pytest.approx(float(str(c_bar)) - float(str(c)))
    orders = tables["method_order_on_two_benchmarks"]
    assert [(*row[:3], row[-1]) for row in orders.rows] == [("cutmix", "mixup", CIFAR, "opposite order")]
    headline = tables["method_headline"]
    assert [column.title for column in headline.columns[2:5]] == [
        *("mean corruption C", "mean corruption C-bar (CIFAR)", "clean"),
    ]
    figures = {picture.slug: picture for picture in section.pictures}
    assert figures["c_against_c_bar"].table_slug == "method_c_and_c_bar"
    (axes,) = figures["c_against_c_bar"].figure.axes
    # The seeds' dots, a bar for each error and the mean of two methods; and the line of equal errors.
    assert len(axes.lines) == 2 * 4 + 1
    panels = figures["heat_map"].figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in panels] == ["C", CIFAR]
    assert [len(axes.texts) for axes in panels] == [2 * 16, 2 * 11]
    assert [axes.get_xticklabels()[-1].get_text() for axes in panels] == ["mean\nof 15", "mean\nof 10"]


def test_without_c_bar_nothing_is_said_of_it(make_builder: Make) -> None:
    builder = make_builder(n=40)
    method(builder, "cutmix", 0.3, 1, CORRUPTIONS)
    method(builder, "mixup", 0.4, 1, CORRUPTIONS)
    (section,) = build_report([builder.root]).sections
    assert "C-bar" not in " ".join(section.summary)
    assert not any("c_bar" in one.slug or "benchmark" in one.slug for one in (*section.tables, *section.pictures))


def test_compare_and_gate_judge_the_mean_of_c_bar_like_that_of_c(report: Report, tmp_path: Path) -> None:
    run = report.runs[0]
    (found,) = compare([run], "cutmix", "mixup")
    said = list(main_findings(found, ()))
    assert [sentence.partition(":")[0] for sentence in said] == [
        "cutmix against mixup, mean of 15 corruptions (C)",
        "cutmix against mixup, mean corruption error C-bar (CIFAR)",
        "The order of cutmix and mixup differs on C and C-bar (CIFAR)",
    ]
    by_name = {one.score.name: one for one in found.comparisons}
    assert by_name["mean_corruption_error_cifar_c_bar"].is_significant
    assert by_name["lines_error"].p_holm is None
    assert by_name["lines_error"].score.named == "lines (C-bar)"
    assert list(main_findings(found, ["fog_error"]))[1:] == []
    for name, (error, c_bar) in {"before": (0.3, 0.25), "after": (0.3, 0.45)}.items():
        builder = RunBuilder(tmp_path / name, n=200)
        builder.card("net", "cutmix", 0)
        with_c_bar(builder, "net", error, c_bar, 5)
    outcome = run_gate(tmp_path / "after", tmp_path / "before")
    verdicts = {one.score.named: one for one in outcome.judged}
    mean = verdicts["mean corruption error C-bar (CIFAR)"]
    assert (mean.verdict, mean.margin) == ("FAIL", 0.005)
    assert verdicts["mean of 15 corruptions (C)"].verdict == "PASS"
    assert verdicts["lines (C-bar)"].verdict == "FAIL"
