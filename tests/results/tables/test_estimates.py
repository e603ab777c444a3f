import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from answered_runs import corrupted, put, put_ladder, put_sweep
from rich.console import Console
from run_builder import RunBuilder

from robustsweep.results.alexnet_errors import ERRORS as ALEXNET_ERRORS
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.comparable.seed_groups import seed_groups
from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.metrics.estimates import estimate
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.json_report import report_json
from robustsweep.results.report.latex import to_latex
from robustsweep.results.report.terminal import to_rich
from robustsweep.results.statistics.intervals import wilson
from robustsweep.results.statistics.paired import paired_difference
from robustsweep.results.statistics.resampling import mean_ratios, resample
from robustsweep.results.tables.attack_tables import attack_tables
from robustsweep.results.tables.formats import to_csv, to_markdown
from robustsweep.results.tables.intervals_and_ties import with_intervals
from robustsweep.results.tables.table import Table

Make = Callable[..., RunBuilder]
T_299 = 1.967930  # 97.5% quantile of the t distribution with 299 degrees of freedom


def table_of(report: Report, slug: str) -> Table:
    (table,) = [table for table in report.tables if table.slug == slug]
    return table


def mean_over_severities(wrong: dict[str, np.ndarray], corruption: str) -> np.ndarray:
    return np.mean([wrong[f"{corruption}@{severity}"] for severity in SEVERITIES], axis=0)


@pytest.fixture
def swept(make_builder: Make) -> tuple[RunBuilder, dict[str, dict[str, np.ndarray]]]:
    builder, wrong = make_builder(n=300), {}
    for name, error in (("low", 0.30), ("near", 0.31), ("far", 0.60)):
        builder.card(name, name)
        wrong[name] = put_sweep(builder, name, error, seed=len(name), corruptions=("fog", "frost", "saturate"))
        held = np.where(wrong[name]["clean"], -1, np.arange(300) % 3)
        put_ladder(builder, name, [int(rung) for rung in held], ["1/255", "2/255"])
    return builder, wrong


@pytest.mark.parametrize(("slug", "corruption"), [("error_per_corruption", "fog"), ("extra_corruptions", "saturate")])
def test_a_corruption_has_intervals_clustered_by_image_over_its_severities(
    swept: tuple[RunBuilder, dict[str, dict[str, np.ndarray]]], slug: str, corruption: str
) -> None:
    builder, wrong = swept
    table = table_of(build_report([builder.root]), slug)
    row = [values[1] for values in table.rows].index(corruption)
    for place, column in enumerate(table.columns[2:], 2):
        mean = mean_over_severities(wrong[column.name], corruption)
        half = T_299 * mean.std(ddof=1) / np.sqrt(300)
        assert table.intervals[row, place] == pytest.approx((mean.mean() - half, mean.mean() + half), abs=1e-6)
    assert any("clustered by source image" in note for note in table.notes)
    mean_row = [values[1] for values in table.rows].index("mean of 15") if slug == "error_per_corruption" else None
    assert all(row != mean_row for row, _ in table.intervals)  # not all fifteen are measured


def test_ties_of_a_row_are_those_of_paired_differences(
    swept: tuple[RunBuilder, dict[str, dict[str, np.ndarray]]],
) -> None:
    builder, wrong = swept
    table = table_of(build_report([builder.root]), "error_per_corruption")
    names = [column.name for column in table.columns]
    for row in [r for r, values in enumerate(table.rows) if values[1] in ("fog", "frost")]:
        means = {name: mean_over_severities(wrong[name], str(table.rows[row][1])) for name in wrong}
        best = min(means, key=lambda name: float(means[name].mean()))
        others = sorted(
            means.keys() - {best}, key=lambda name: -paired_difference(means[name], means[best]).p_two_sided()
        )
        p_values = [paired_difference(means[name], means[best]).p_two_sided() for name in others]
        expected = {
            name for name, p in zip(others, p_values, strict=True) if p >= 0.05
        }  # the largest p is not adjusted
        assert {names[c] for r, c in table.tied if r == row} == expected
        assert "far" not in expected
    assert any("best of its row" in note and note.startswith("≈") for note in table.notes) == bool(table.tied)


def test_an_attack_has_the_intervals_of_wilson_turned_over(
    swept: tuple[RunBuilder, dict[str, dict[str, np.ndarray]]],
) -> None:
    builder, wrong = swept
    table = table_of(build_report([builder.root]), "robust_accuracy")
    names = [column.name for column in table.columns]
    held = np.where(wrong["near"]["clean"], -1, np.arange(300) % 3)
    for eps, n_right in (("clean images", (held >= 0).sum()), ("1/255", (held > 0).sum()), ("2/255", (held > 1).sum())):
        row = [values[1] for values in table.rows].index(eps)
        low, high = table.intervals[row, names.index("near")]
        assert table.rows[row][names.index("near")] == n_right / 300
        expected = wilson(300 - int(n_right), 300)
        assert (low, high) == (1 - expected.high, 1 - expected.low)
        assert low < n_right / 300 < high


def test_where_an_audit_warns_nothing_is_tied_with_a_best_that_is_not_marked(
    swept: tuple[RunBuilder, dict[str, dict[str, np.ndarray]]],
) -> None:
    builder, _ = swept
    (unit,) = split_units(load_frame([builder.root]))
    plain, flagged = (attack_tables(unit, flags)[0] for flags in ({}, {unit.checkpoints.index[0]: ("audit",)}))
    scores = {score.name: score for score, _ in plain.scores.values()}.values()
    estimates = estimate(unit, None, seed_groups(unit), [builder.root], list(scores)).checkpoints
    assert with_intervals(plain, estimates).tied
    assert not with_intervals(flagged, estimates).tied
    assert with_intervals(flagged, estimates).intervals == with_intervals(plain, estimates).intervals


def test_many_checkpoints_are_rows_with_their_own_intervals(make_builder: Make) -> None:
    builder, wrong = make_builder(n=300), {}
    for number in range(7):
        name = f"net{number}"
        builder.card(name, name)
        wrong[name] = put_sweep(builder, name, 0.3 + 0.05 * number, number, corruptions=("fog", "frost"))
    table = table_of(build_report([builder.root]), "error_per_corruption")
    place = [column.name for column in table.columns].index("frost")
    for row, values in enumerate(table.rows):
        mean = mean_over_severities(wrong[str(values[0])], "frost")
        assert sum(table.intervals[row, place]) / 2 == pytest.approx(mean.mean())
    assert all("best of its column" in note for note in table.notes if note.startswith("≈"))


def test_equal_errors_have_no_best_and_no_ties(make_builder: Make) -> None:
    builder = make_builder(n=50)
    for name in ("a", "b"):
        builder.card(name, name)
        put_sweep(builder, name, 0.3, 1, corruptions=("fog",))
    report = build_report([builder.root])
    assert not any(table.tied for table in report.tables)
    assert table_of(report, "error_per_corruption").intervals


def test_a_single_severity_has_the_interval_of_its_cell(make_builder: Make) -> None:
    builder = make_builder(n=100)
    builder.card("net", "net")
    put(builder, "net", corrupted(builder, "fog", 3), np.arange(100) < 20)
    table = table_of(build_report([builder.root]), "error_per_severity")
    expected = wilson(20, 100)
    assert table.intervals == {(0, 2): (expected.low, expected.high)}
    assert any("Wilson's." in note for note in table.notes)


def test_intervals_of_the_corruption_table_reach_every_format(
    swept: tuple[RunBuilder, dict[str, dict[str, np.ndarray]]],
) -> None:
    builder, _ = swept
    report = build_report([builder.root])
    table = table_of(report, "error_per_corruption")
    (row, column), (low, high) = next(iter(table.intervals.items()))
    name, shown = table.columns[column].name, f"[{100 * low:.2f}, {100 * high:.2f}]"
    assert shown in to_markdown(table)
    assert shown in to_latex(table)
    found = list(csv.DictReader(io.StringIO(to_csv(table))))[row]
    assert (float(found[f"{name}_low"]), float(found[f"{name}_high"])) == (low, high)
    stored = next(t for t in json.loads(report_json(report))["units"][0]["tables"] if t["slug"] == table.slug)
    assert {"row": row, "column": column, "low": low, "high": high} in stored["intervals"]
    assert stored["tied_with_best"] == [list(place) for place in sorted(table.tied)]


@pytest.mark.parametrize("is_wide", [True, False])
def test_a_terminal_marks_ties_and_explains_the_intervals_that_it_shows(
    swept: tuple[RunBuilder, dict[str, dict[str, np.ndarray]]], is_wide: bool
) -> None:
    builder, _ = swept
    table = table_of(build_report([builder.root]), "headline")
    assert table.tied
    # Where nothing is the best of its column, intervals are shown where all fit.
    shown = table if is_wide else replace(table, best_along=None)
    console = Console(width=200 if is_wide else 40, file=io.StringIO(), highlight=False)
    with console.capture() as capture:
        console.print(to_rich(shown, console.width))
    lines = capture.get()
    assert lines.count(" ≈\n") + lines.count(" ≈ ") == len(table.tied)
    assert ("[a, b]" in lines) == is_wide
    assert all((table.shown_interval(*place) in lines) == is_wide for place in table.intervals)


def column_of(table: Table, prefix: str) -> int:
    (place,) = [place for place, column in enumerate(table.columns) if column.name.startswith(prefix)]
    return place


def test_mce_by_a_measured_reference_has_the_interval_of_resampling_both(make_builder: Make) -> None:
    builder, errors = make_builder(n=500), {}
    for name, error in (("baseline", 0.5), ("better", 0.4), ("worse", 0.6)):
        builder.card(name, name)
        wrong = put_sweep(builder, name, error, seed=len(name))
        errors[name] = np.stack([mean_over_severities(wrong, corruption) for corruption in CORRUPTIONS], axis=1)
    table = table_of(build_report([builder.root]), "headline")
    place = column_of(table, "mce_vs_baseline")
    drawn = resample(np.stack([errors["baseline"], errors["better"], errors["worse"]], axis=2), mean_ratios)
    for checkpoint, values in enumerate(drawn.T):
        row = ["baseline", "better", "worse"].index(["better", "worse"][checkpoint])
        low, high = table.intervals[row, place]
        assert (low, high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])), abs=0.1 * (high - low))
        assert low < float(str(table.rows[row][place])) < high
    assert (0, place) not in table.intervals
    assert any("a reference is a sample of the same images" in note for note in table.notes)


def test_mce_by_published_errors_is_a_weighted_mean_with_its_interval(make_builder: Make) -> None:
    builder = make_builder(n=300, classes=1000, data="imagenet")
    builder.card("a", "a")
    wrong = put_sweep(builder, "a", 0.95, seed=1)
    table = table_of(build_report([builder.root]), "headline")
    place = column_of(table, "mce_vs_AlexNet")
    scores = [mean_over_severities(wrong, c) / np.mean(ALEXNET_ERRORS[c]) for c in CORRUPTIONS]
    mean = np.mean(scores, axis=0)
    half = T_299 * mean.std(ddof=1) / np.sqrt(300)
    assert table.intervals[0, place] == pytest.approx((mean.mean() - half, mean.mean() + half), abs=1e-6)
    assert mean.mean() + half > 1
