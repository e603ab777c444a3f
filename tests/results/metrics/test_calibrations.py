import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from answered_runs import put, put_sweep
from run_builder import RunBuilder, means_of

from robustsweep.results.comparable.comparable_sets import Unit, split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.comparable.seed_groups import seed_groups
from robustsweep.results.figures.method_series import MAX_PANELS, who_is_drawn
from robustsweep.results.figures.reliability import reliability_diagrams
from robustsweep.results.metrics.confidence_bins import Calibration
from robustsweep.results.metrics.estimates import estimate
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.html.page import report_html
from robustsweep.results.report.json_report import report_json
from robustsweep.results.statistics.calibration import Bins
from robustsweep.results.stored.cells import Counts, Examples
from robustsweep.results.stored.compact.writer import compact_checkpoint
from robustsweep.results.tables.table import Table

Make = Callable[..., RunBuilder]


def table_of(report: Report, slug: str) -> Table:
    (table,) = [table for table in report.tables if table.slug == slug]
    return table


def values_of(table: Table) -> dict[str, dict[str, object]]:
    names = [column.name for column in table.columns]
    return {str(row[0]): dict(zip(names, row, strict=True)) for row in table.rows}


def unit_of(builder: RunBuilder) -> tuple[Unit, list[Calibration]]:
    (unit,) = split_units(load_frame([builder.root]))
    return unit, list(estimate(unit, None, seed_groups(unit), [builder.root], []).calibrations)


def confident(builder: RunBuilder, name: str, confidence: list[float], right: list[bool]) -> None:
    """Write clean images with these confidences."""
    n, zeros = len(right), np.zeros(len(right), np.float32)
    prediction = np.where(right, 1, 0).astype(np.int32)
    examples = Examples(prediction, zeros < 1, np.array(confidence, np.float32), zeros, zeros)
    counts = Counts(n, sum(right), n)
    cell = builder.cell(name, {"name": "clean", "kind": "clean"}, counts, means=means_of(examples))
    builder.store.write(cell, examples)
    builder.store.write_images(builder.data["images_key"], np.arange(n), np.ones(n, np.int64))


def test_ece_of_clean_and_pooled_corrupted_images_is_hand_arithmetic(make_builder: Make) -> None:
    builder = make_builder(n=200)
    builder.card("net", "cutmix")
    wrong = put_sweep(builder, "net", 0.4, seed=3)  # every confidence is 0.75
    clean, mean = wrong.pop("clean").mean(), np.mean(list(wrong.values()))
    table = table_of(build_report([builder.root]), "calibration")
    values = values_of(table)["net"]
    assert values["clean_ece"] == pytest.approx(abs(0.75 - (1 - clean)))
    assert values["clean_overconfidence"] == pytest.approx(0.75 - (1 - clean))
    assert values["corruptions_ece"] == pytest.approx(abs(0.75 - (1 - mean)))
    assert set(table.intervals) == {(0, 1), (0, 3)}
    # One bin of equal confidences: ECE moves as the error does, clustered by image.
    low, high = table.intervals[0, 3]
    assert (low + high) / 2 == pytest.approx(float(str(values["corruptions_ece"])))
    per_image = np.mean(list(wrong.values()), axis=0)
    assert (high - low) / 2 == pytest.approx(1.971957 * per_image.std(ddof=1) / np.sqrt(200), rel=1e-5)


def test_bins_are_written_for_programs_and_add_up(make_builder: Make) -> None:
    builder = make_builder(n=6)
    builder.card("net", "cutmix")
    confident(builder, "net", [0.95, 0.95, 0.97, 0.5, 0.5, 0.1], [True, True, False, True, False, False])
    report = build_report([builder.root])
    table = table_of(report, "confidence_bins")
    assert table.depth == "data"
    assert len(table.rows) == 15
    found = [row[2:] for row in table.rows if row[4]]
    assert found == [
        pytest.approx((1 / 15, 2 / 15, 1, 0.1, 0)),
        pytest.approx((7 / 15, 8 / 15, 2, 0.5, 0.5)),
        pytest.approx((14 / 15, 1, 3, (0.95 + 0.95 + 0.97) / 3, 2 / 3)),
    ]
    slugs = [t["slug"] for t in json.loads(report_json(report))["units"][0]["tables"]]
    assert "confidence_bins" in slugs


def test_the_diagram_draws_accuracy_against_mean_confidence_and_the_share_of_images(make_builder: Make) -> None:
    builder = make_builder(n=40)
    builder.card("net", "cutmix")
    confident(builder, "net", [0.9] * 30 + [0.3] * 10, [True] * 24 + [False] * 6 + [True] * 2 + [False] * 8)
    figure = reliability_diagrams(*unit_of(builder))
    assert figure is not None
    diagram, histogram = figure.axes
    _, many, few = diagram.lines
    assert np.asarray(many.get_xydata()) == pytest.approx(np.array([[30, 20], [90, 80]]), abs=1e-4)
    assert not np.asarray(few.get_xydata()).size
    heights = [bar.get_height() for bar in histogram.patches]
    assert {place: height for place, height in enumerate(heights) if height} == {4: 25, 13: 75}
    assert "ECE 10.0 (clean)" in diagram.get_title()


def test_a_bin_of_few_predictions_is_hollow_and_apart(make_builder: Make) -> None:
    builder = make_builder(n=12)
    builder.card("net", "cutmix")
    confident(builder, "net", [0.9] * 10 + [0.3] * 2, [True] * 12)
    figure = reliability_diagrams(*unit_of(builder))
    assert figure is not None
    _, many, few = figure.axes[0].lines
    assert np.asarray(many.get_xdata()) == pytest.approx([90])
    assert np.asarray(few.get_xdata()) == pytest.approx([30])
    assert (few.get_linestyle(), few.get_markerfacecolor()) == ("None", "white")


def test_seeds_of_a_method_share_a_diagram_and_the_best_of_many_methods_are_drawn(make_builder: Make) -> None:
    builder = make_builder(n=20)
    for method in range(17):
        for seed in range(2):
            builder.card(f"m{method}s{seed}", f"m{method}", seed)
            put(builder, f"m{method}s{seed}", {"name": "clean", "kind": "clean"}, np.arange(20) < 2 + method % 3 + seed)
    unit, found = unit_of(builder)
    figure = reliability_diagrams(unit, found)
    assert figure is not None
    drawn = [axes.get_title().split(" (")[0] for axes in figure.axes if axes.get_title()]
    (left_out,) = {f"m{method}" for method in range(17)} - set(drawn)
    assert len(drawn) == MAX_PANELS == 16
    assert int(left_out[1:]) % 3 == 2
    assert who_is_drawn(unit, MAX_PANELS) == " (the lowest mean errors: 16 of 17; the tables have all)"
    assert figure.axes[0].lines[1].get_ydata() == pytest.approx([87.5])  # of 2 and 3 wrong out of 20


def test_what_cannot_be_told_apart_from_the_best_calibrated_is_marked(make_builder: Make) -> None:
    builder = make_builder(n=400)
    rng = np.random.default_rng(0)
    for name, accuracy in (("good", 0.76), ("near", 0.775), ("bad", 0.4)):
        builder.card(name, name)
        put(builder, name, {"name": "clean", "kind": "clean"}, rng.permutation(400) >= 400 * accuracy)
    table = table_of(build_report([builder.root]), "calibration")
    names = [str(row[0]) for row in table.rows]
    assert table.tied == {(names.index("near"), 1)}
    assert any(note.startswith("≈") for note in table.notes)


def test_where_confidences_cannot_be_read_the_page_says_so(builder: RunBuilder, tmp_path: Path) -> None:
    builder.clean("net", 900)
    report = build_report([builder.root])
    table = table_of(report, "calibration")
    assert values_of(table)["net"]["clean_ece"] is None
    assert not [p for section in report.sections for p in section.pictures if p.slug == "reliability"]
    text = report_html(report)
    assert "reliability diagrams or intervals are missing" in text
    assert table.notes[-2].startswith(
        "Some confidences cannot be read, so that reliability diagrams or intervals are missing: "
    )


def test_pooled_bins_add_up() -> None:
    one = Bins(np.arange(15), np.zeros(15, np.int64), np.ones(15))
    both = Bins.pooled([one, one])
    assert (both.counts.sum(), both.right.sum(), both.confidence.sum()) == (210, 0, 30)
    assert both.overconfidence == pytest.approx(30 / 210)


def test_a_compacted_run_keeps_the_diagram_and_says_that_its_intervals_are_gone(make_builder: Make) -> None:
    builder = make_builder(n=60)
    builder.card("net", "cutmix")
    put_sweep(builder, "net", 0.4, seed=3)
    before = build_report([builder.root])
    for identifier in {cell.checkpoint["id"] for cell in builder.store.cells()}:
        compact_checkpoint(builder.store, identifier)
    shutil.rmtree(builder.root / "cells")
    after = build_report([builder.root])
    table, old = (table_of(report, "calibration") for report in (after, before))
    assert values_of(table)["net"] == pytest.approx(values_of(old)["net"])
    assert old.intervals
    assert not table.intervals
    assert any("intervals are missing" in note and "compacted" in note for note in table.notes)
    assert "reliability" in [picture.slug for picture in after.sections[0].pictures]
    assert table_of(after, "error_per_corruption").intervals == table_of(before, "error_per_corruption").intervals
