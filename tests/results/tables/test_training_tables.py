from typing import Any

import pytest
from run_builder import RunBuilder

from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.report.document import build_report
from robustsweep.results.tables.headline import parameter_notes
from robustsweep.results.tables.table import Table
from robustsweep.results.tables.training_tables import equal_compute, training_cost

ALIKE = {
    "data": "shapes",
    "data_fingerprint": "d" * 64,
    "recipe": "short",
    "recipe_hash": "c" * 64,
    "epochs": 30,
    "batch_size": 128,
    "optimiser": "SGD",
    "epoch_kept": "last",
    "held_out": 0.0,
}


def trained(
    builder: RunBuilder, method: str, seed: int = 0, seconds: float = 10.0, right: int = 900, **changes: Any
) -> str:
    """Write a clean cell of a checkpoint whose epochs took ``seconds`` each."""
    card = ALIKE | changes
    name = f"{method}-e{card['epochs']}-s{seed}-{len(builder.cards)}"
    facts = {"device": "cpu, 1 thread", "precision": "float32", "seconds_per_epoch": seconds}
    facts |= {"wall_seconds": seconds * card["epochs"], "images_per_second": 1000 / seconds}
    facts |= changes.pop("training", {})
    builder.card(name, method, seed, **{**card, "training": facts})
    builder.clean(name, right)
    return name


def titles(builder: RunBuilder) -> list[str]:
    return [unit.scope.title for unit in split_units(load_frame([builder.root]))]


def test_checkpoints_trained_alike_share_a_table(builder: RunBuilder) -> None:
    for method in ("baseline", "cutmix"):
        for seed in (0, 1):
            trained(builder, method, seed, method_parameters={"alpha": 1.0} if method == "cutmix" else {})
    (title,) = titles(builder)
    assert "train" not in title


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"architecture": "resnet56"}, "architecture resnet56"),
        ({"data": "circles"}, "training data circles"),
        ({"data_fingerprint": "e" * 64}, "training images eeeeee"),
        ({"recipe_hash": "b" * 64}, "recipe short bbbbbb"),
        ({"epochs": 31}, "epochs 31"),
        ({"batch_size": 64}, "batch size 64"),
        ({"optimiser": "Adam"}, "optimiser Adam"),
        ({"epoch_kept": "best"}, "epoch kept best"),
        ({"held_out": 0.1}, "share held out 0.1"),
        ({"training": {"precision": "bfloat16"}}, "precision bfloat16"),
        ({"recipe_hash": None}, "training not stated"),
    ],
)
def test_what_was_not_trained_alike_never_shares_a_table_and_the_titles_name_the_field(
    builder: RunBuilder, changes: dict[str, Any], named: str
) -> None:
    one, other = trained(builder, "baseline"), trained(builder, "cutmix", **changes)
    units = split_units(load_frame([builder.root]))
    assert sorted(list(unit.checkpoints["checkpoint"]) for unit in units) == sorted([[one], [other]])
    (title,) = [unit.scope.title for unit in units if other in set(unit.checkpoints["checkpoint"])]
    assert named in title
    assert len({unit.scope.title for unit in units}) == 2


def test_several_parametrisations_are_several_methods_to_the_count_of_seeds(builder: RunBuilder) -> None:
    for seed in (0, 1):
        trained(builder, "baseline", seed)
    trained(builder, "cutmix", 0, method_parameters={"alpha": 1.0})
    trained(builder, "cutmix", 1, method_parameters={"alpha": 0.5})
    (unit,) = split_units(load_frame([builder.root]))
    assert unit.scope.checkpoint_level_only
    assert list(parameter_notes(unit)) == [
        "cutmix (cutmix-e30-s1-3): alpha 0.5.",
        "cutmix (cutmix-e30-s0-2): alpha 1.0.",
    ]


def test_the_cost_table_shows_what_cards_state_and_no_ratio_that_was_not_measured(builder: RunBuilder) -> None:
    trained(builder, "baseline", training={"ratio_to_baseline": 1.0})
    trained(builder, "cutmix", seconds=12.0, training={"ratio_to_baseline": 1.2})
    trained(builder, "mixup", seconds=11.0)
    builder.card("published", "augmix")
    builder.clean("published", 950)
    table = training_cost(load_frame([builder.root]))
    assert table is not None
    names = [column.name for column in table.columns]
    rows = {row[names.index("method")]: dict(zip(names, row, strict=True)) for row in table.rows}
    assert set(rows) == {"baseline", "cutmix", "mixup"}
    assert (rows["cutmix"]["seconds_per_epoch"], rows["cutmix"]["minutes"]) == (12.0, 6.0)
    assert [rows[m]["ratio_to_baseline"] for m in ("baseline", "cutmix", "mixup")] == [1.0, 1.2, None]
    assert rows["baseline"]["device"] == "cpu, 1 thread"


@pytest.mark.parametrize("value", ["10", None, -1.0, True, 0])
def test_a_card_that_states_no_usable_time_has_no_cost(builder: RunBuilder, value: object) -> None:
    trained(builder, "baseline", training={"wall_seconds": value})
    assert training_cost(load_frame([builder.root])) is None


def test_the_time_of_a_search_stands_below_the_costs(builder: RunBuilder) -> None:
    trained(builder, "baseline")
    for seed, seconds in ((0, 90.0), (1, 90.0), (2, None)):
        trained(builder, "fast_autoaugment", seed, training={"search_seconds": seconds})
    table = training_cost(load_frame([builder.root]))
    assert table is not None
    said = [note for note in table.notes if "searched" in note]
    assert said == ["Fast AutoAugment: its policy was searched for 1.5 minutes, which no row holds."]


def equal_tables(builder: RunBuilder) -> list[Table]:
    return equal_compute(split_units(load_frame([builder.root]), by_training=False))


def equal(builder: RunBuilder) -> Table:
    (table,) = equal_tables(builder)
    return table


def test_equal_compute_takes_the_longest_training_within_the_baselines_time(builder: RunBuilder) -> None:
    for seed, right in ((0, 900), (1, 920)):
        trained(builder, "baseline", seed, 10.0, right)
        trained(builder, "slow", seed, 20.0, 990)  # 600 s, above the budget of 300 s
        trained(builder, "slow", seed, 20.0, right + 20, epochs=15)  # just 300 s
        trained(builder, "slow", seed, 20.0, 800, epochs=7)
    trained(builder, "baseline", 0, 10.0, 100, epochs=5)
    table = equal(builder)
    assert [row[:3] for row in table.rows] == [("baseline", 30, 2), ("slow", 15, 2)]
    assert [row[3:5] for row in table.rows] == [(5.0, 1.0), (5.0, 1.0)]
    assert [row[5] for row in table.rows] == pytest.approx([0.09, 0.07])
    assert [row[6] for row in table.rows] == [None, None]
    assert table.scope is not None
    assert "trained" not in table.scope.title


def test_equal_compute_names_what_overlaps_the_corruptions(builder: RunBuilder) -> None:
    for method in ("baseline", "autoaugment"):
        name = trained(builder, method, overlaps_corruptions=method == "autoaugment")
        builder.sweep(name, lambda c, s: 700)
    (note,) = (note for note in equal(builder).notes if "overlap" in note)
    assert note.endswith(": autoaugment (brightness, contrast, saturate).")


def test_a_method_without_a_training_that_fits_says_which_one_would(builder: RunBuilder) -> None:
    trained(builder, "baseline", seconds=10.0)
    trained(builder, "slow", seconds=10.5, method_parameters={"alpha": 2})
    trained(builder, "endless", seconds=301.0)
    table = equal(builder)
    assert table.rows[2] == ("slow (alpha 2)", *[None] * 6)
    notes = " ".join(table.notes)
    assert "slow (alpha 2): no checkpoint within the budget; train it for at most 28 epochs (--epochs 28)." in notes
    assert "endless: not even one epoch fits the budget." in notes


def test_times_on_other_devices_and_other_recipes_are_never_compared(builder: RunBuilder) -> None:
    trained(builder, "baseline")
    trained(builder, "cutmix", seconds=1.0, training={"device": "a fast card"})
    trained(builder, "mixup", seconds=1.0, recipe_hash="b" * 64)
    assert equal_tables(builder) == []


def test_one_training_measured_in_two_precisions_is_one_seed(builder: RunBuilder) -> None:
    for method, right in (("baseline", 900), ("cutmix", 950)):
        builder.clean(trained(builder, method, right=right), 100, identity={"precision": "bfloat16"})
    report = build_report([builder.root])
    tables = [table for table in report.training if table.slug.startswith("equal_compute")]
    assert [[row[:3] for row in table.rows] for table in tables] == [[("baseline", 30, 1), ("cutmix", 30, 1)]] * 2
    assert sorted(table.rows[0][5] for table in tables) == pytest.approx([0.1, 0.9])


def test_the_report_has_both_views_and_the_parameters_under_the_table(builder: RunBuilder) -> None:
    trained(builder, "baseline")
    trained(builder, "cutmix", seconds=9.0, method_parameters={"alpha": 1.0, "probability": 0.5})
    report = build_report([builder.root])
    assert [table.slug for table in report.training] == ["equal_compute", "training_cost"]
    assert "cutmix: alpha 1.0, probability 0.5." in report.sections[0].tables[0].notes
