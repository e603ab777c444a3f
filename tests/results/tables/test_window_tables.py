import csv
import io
import math
from collections.abc import Callable

import numpy as np
import pytest
from run_builder import RunBuilder

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.comparable.seed_groups import seed_groups
from robustsweep.results.metrics.estimates import estimate
from robustsweep.results.report.writer import write_report
from robustsweep.results.tables.formats import to_csv, to_markdown
from robustsweep.results.tables.table import Table, footnotes
from robustsweep.results.tables.window_tables import window_scores, window_tables

Make = Callable[..., RunBuilder]

LABELS = [0, 0, 1, 1]
CLEAN = {"name": "clean", "kind": "clean"}
# Right or wrong per image of the four, by edge and fraction: what each says is 0 or 1, the labels are above.
SAID = {
    ("hard", 0.25): [0, 0, 1, 0],
    ("hard", 0.375): [0, 1, 1, 0],
    ("hard", 0.5): [1, 1, 1, 0],
    ("linear", 0.25): [0, 0, 1, 1],
    ("linear", 0.375): [0, 1, 1, 1],
    ("linear", 0.5): [0, 1, 1, 0],
    ("gauss", 0.25): [0, 0, 1, 1],
    ("gauss", 0.375): [0, 0, 1, 1],
    ("gauss", 0.5): [0, 0, 1, 1],
}


@pytest.fixture
def small(make_builder: Make) -> RunBuilder:
    return make_builder(n=4)


def fill(
    builder: RunBuilder, name: str = "net", clean: bool = True, leave_out: tuple[str, float] | None = None
) -> None:
    if clean:
        builder.answers(name, CLEAN, [0, 0, 1, 0], LABELS)
    for (edge, fraction), said in SAID.items():
        if (edge, fraction) != leave_out:
            builder.window(name, edge, "noise", fraction, said, LABELS)


def tables_of(*builders: RunBuilder) -> dict[str, Table]:
    runs = [builder.root for builder in builders]
    (unit,) = split_units(load_frame(runs))
    found = estimate(unit, None, seed_groups(unit), runs, window_scores(unit)).checkpoints
    return {table.slug: footnotes(table) for table in window_tables(unit, found)}


def row_of(table: Table, row: int = 0) -> dict[str, object]:
    return dict(zip((column.name for column in table.columns), table.rows[row], strict=True))


def test_hard_minus_soft_and_its_error_are_hand_arithmetic(small: RunBuilder) -> None:
    fill(small)
    row = row_of(tables_of(small)["window_edges"])
    assert (row["filling"], row["checkpoint"]) == ("noise", "net")
    # Right under hard: image 0 in 2 of 3 fractions, image 1 in 1, image 2 in 3, image 3 in none.
    hard, linear, gauss = [2 / 3, 1 / 3, 1, 0], [1, 1 / 3, 1, 2 / 3], [1, 1, 1, 1]
    for edge, per_image in (("hard", hard), ("linear", linear), ("gauss", gauss)):
        assert row[f"{edge}_accuracy"] == pytest.approx(sum(per_image) / 4)
    for soft, per_image in (("linear", linear), ("gauss", gauss)):
        differences = [h - s for h, s in zip(hard, per_image, strict=True)]
        mean = sum(differences) / 4
        error = math.sqrt(sum((d - mean) ** 2 for d in differences) / 3) / 2
        assert row[f"hard_minus_{soft}"] == pytest.approx(mean)
        assert row[f"hard_minus_{soft}_standard_error"] == pytest.approx(error)
    assert row["hard_minus_linear"] == pytest.approx(-0.25)
    assert row["hard_minus_linear_standard_error"] == pytest.approx(math.sqrt(11 / 108) / 2)


def test_changed_predictions_are_counted_against_the_clean_ones_and_not_the_labels(small: RunBuilder) -> None:
    fill(small)
    tables = tables_of(small)
    # Clean says 0 0 1 0: under hard 0, 1 and 2 of 4 change; under gauss always the last, which becomes right.
    row = row_of(tables["window_edges"])
    assert row["hard_changed"] == pytest.approx((0 + 1 + 2) / 12)
    assert row["gauss_changed"] == pytest.approx(1 / 4)
    changed = {name: value for _, name, value in tables["window_changed"].rows}
    assert changed["window-hard-noise@0.375"] == pytest.approx(1 / 4)
    assert changed["window-linear-noise@0.5"] == pytest.approx(1 / 4)
    assert tables["window_changed"].depth == "detail"


def test_accuracies_stand_edge_by_edge_below_the_clean_one(small: RunBuilder) -> None:
    fill(small)
    assert tables_of(small)["window_accuracy"].rows == (
        ("none", "clean images", 0.75),
        ("noise", "window-hard-noise@0.25", 0.75),
        ("noise", "window-linear-noise@0.25", 1.0),
        ("noise", "window-gauss-noise@0.25", 1.0),
        ("noise", "window-hard-noise@0.375", 0.5),
        ("noise", "window-linear-noise@0.375", 0.75),
        ("noise", "window-gauss-noise@0.375", 1.0),
        ("noise", "window-hard-noise@0.5", 0.25),
        ("noise", "window-linear-noise@0.5", 0.5),
        ("noise", "window-gauss-noise@0.5", 1.0),
    )


def test_people_see_percent_points_and_whose_probe_it_is(small: RunBuilder) -> None:
    fill(small)
    for table in tables_of(small).values():
        assert "our probe of SmoothMix's claim" in table.title
        assert any("not its paper's protocol" in note for note in table.notes)
    text = to_markdown(tables_of(small)["window_edges"])
    assert "| hard - linear (pp) |" in text
    assert "| -25.00 |" in text
    (row,) = csv.DictReader(io.StringIO(to_csv(tables_of(small)["window_edges"])))
    assert float(row["hard_minus_gauss"]) == pytest.approx(-0.5)


def test_a_fraction_that_is_missing_takes_its_means_along_and_is_never_zero(small: RunBuilder) -> None:
    fill(small, leave_out=("linear", 0.5))
    tables = tables_of(small)
    row = row_of(tables["window_edges"])
    missing = {name for name, value in row.items() if value is None}
    expected = {"linear_accuracy", "hard_minus_linear", "hard_minus_linear_standard_error", "linear_changed"}
    assert missing == expected
    assert row["hard_minus_gauss"] == pytest.approx(-0.5)
    assert "window-linear-noise@0.5" not in [name for _, name, _ in tables["window_accuracy"].rows]
    assert any("not measured" in note for note in tables["window_edges"].notes)


def test_a_checkpoint_without_windows_is_missing_beside_one_that_has_them(small: RunBuilder) -> None:
    fill(small, "a")
    small.answers("b", CLEAN, [0, 0, 1, 1], LABELS)
    tables = tables_of(small)
    assert row_of(tables["window_edges"], 1)["checkpoint"] == "b"
    assert set(tables["window_edges"].rows[1][2:]) == {None}
    assert tables["window_accuracy"].rows[0] == ("none", "clean images", 0.75, 1.0)
    assert tables["window_accuracy"].rows[1][2:] == (0.75, None)
    assert tables["window_changed"].rows[0][2:] == (0.0, None)


def test_without_a_clean_cell_nothing_counts_as_changed_and_the_table_says_why(small: RunBuilder) -> None:
    fill(small, clean=False)
    tables = tables_of(small)
    assert list(tables) == ["window_edges", "window_accuracy"]
    row = row_of(tables["window_edges"])
    assert {row[f"{edge}_changed"] for edge in ("hard", "linear", "gauss")} == {None}
    assert row["hard_minus_linear"] == pytest.approx(-0.25)
    assert all(any("need the clean suite" in note and "net" in note for note in t.notes) for t in tables.values())


def test_single_windows_have_no_means_over_fractions(small: RunBuilder) -> None:
    small.answers("net", CLEAN, LABELS, LABELS)
    small.window("net", "hard", "mean", 0.5, [0, 0, 0, 0], LABELS)
    assert list(tables_of(small)) == ["window_accuracy", "window_changed"]


def test_one_image_has_a_difference_and_no_error(make_builder: Make) -> None:
    builder = make_builder(n=1)
    for edge in ("hard", "linear"):
        for fraction in (0.25, 0.375, 0.5):
            builder.window("net", edge, "noise", fraction, [int(edge == "hard")], [1])
    row = row_of(tables_of(builder)["window_edges"])
    assert (row["hard_minus_linear"], row["hard_minus_linear_standard_error"]) == (1.0, None)


def test_many_checkpoints_become_rows_with_a_column_per_window(small: RunBuilder) -> None:
    for k in range(7):
        fill(small, f"net{k}")
    table = tables_of(small)["window_accuracy"]
    assert [column.name for column in table.columns][:3] == ["checkpoint", "clean images", "window-hard-noise@0.25"]
    assert len({column.name for column in table.columns}) == 11


def test_runs_without_windows_have_no_table_of_them(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    builder.corruption("net", "fog", 1, 800)
    assert tables_of(builder) == {}


def test_cells_are_found_in_whichever_run_holds_them(make_builder: Make) -> None:
    first, second = make_builder("one", n=4), make_builder("two", n=4)
    fill(first, leave_out=("gauss", 0.25))
    second.window("net", "gauss", "noise", 0.25, SAID["gauss", 0.25], LABELS)
    assert row_of(tables_of(first, second)["window_edges"])["hard_minus_gauss"] == pytest.approx(-0.5)


def test_windows_share_a_unit_with_corruptions_of_their_seed(small: RunBuilder) -> None:
    fill(small)
    small.corruption("net", "fog", 1, 2)
    small.ladder("net", 3, (2, 1))
    (unit,) = split_units(load_frame([small.root]))
    assert (len(unit.rows), len(unit.attacks), len(unit.windows)) == (2, 2, 9)


def test_labels_that_are_not_those_of_the_cells_are_refused(small: RunBuilder) -> None:
    fill(small)
    (path,) = small.root.glob("images/*.npz")
    path.unlink()
    small.store.write_images(small.data["images_key"], np.arange(3), np.zeros(3, np.int64))
    with pytest.raises(DataError, match=r"images/.*\.npz holds 3 images, its cells 4"):
        tables_of(small)


def test_the_report_writes_the_tables_of_windows(small: RunBuilder) -> None:
    fill(small)
    report = write_report([small.root])
    names = {path.name for path in report.files}
    assert {"window_edges.csv", "window_accuracy.csv", "window_changed.csv"} <= names
    text = (small.root / "report" / "report.md").read_text()
    assert "Hard against soft edges of a pasted window (our probe of SmoothMix's claim)" in text
    assert "-25.00" in text
    cells = list(csv.DictReader(io.StringIO((small.root / "report/tables/cells.csv").read_text())))
    found = [row for row in cells if row["condition"] == "window-linear-noise@0.375"]
    assert [(row["edge"], row["filling"], row["fraction"], row["n_right"]) for row in found] == [
        ("linear", "noise", "0.375", "3")
    ]
