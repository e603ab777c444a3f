"""How many images fall at which eps, and the curves drawn of it."""

import pytest
from run_builder import RunBuilder

from robustsweep.results.figures.attack_curves import attack_curves_figure, fooling_distributions
from robustsweep.results.report.document import build_report


def test_each_image_is_counted_once_at_the_eps_that_fools_it_first(builder: RunBuilder) -> None:
    builder.card("a", "cutmix")
    builder.ladder("a", 900, (800, 500, 100, 0))
    (section,) = build_report([builder.root]).sections
    (table,) = fooling_distributions(section.unit)
    assert [column.title for column in table.columns] == [
        "checkpoint",
        "wrong without attack",
        "at 1/255",
        "at 2/255",
        "at 4/255",
        "at 8/255",
        "withstood 8/255",
    ]
    assert table.rows == (("a", *map(pytest.approx, (0.1, 0.1, 0.3, 0.4, 0.1, 0.0))),)


def test_a_ladder_that_a_checkpoint_lacks_is_missing_and_one_eps_is_no_ladder(builder: RunBuilder) -> None:
    builder.ladder("a", 900, (800, 500))
    builder.clean("b", 950)
    builder.fgsm("b", 1, 950, 300)
    (section,) = build_report([builder.root]).sections
    (table,) = fooling_distributions(section.unit)
    assert table.rows[1] == ("b", None, None, None, None)
    assert "robust_accuracy" in {picture.table_slug for picture in section.pictures}


def test_without_a_ladder_there_is_neither_table_nor_curve(builder: RunBuilder) -> None:
    builder.clean("a", 950)
    builder.fgsm("a", 1, 950, 300)
    (section,) = build_report([builder.root]).sections
    assert not fooling_distributions(section.unit)
    assert attack_curves_figure(section.unit) is None
    assert not section.pictures


@pytest.mark.parametrize("methods", [1, 9, 20])
def test_curves_are_drawn_for_any_number_of_methods_and_seeds(builder: RunBuilder, methods: int) -> None:
    for number in range(methods):
        for seed in range(1 + number % 3):
            name = f"$m{number}-{seed}"
            builder.card(name, f"method{number}", seed)
            builder.ladder(name, 950, (900 - 20 * number, 700 - 20 * number - seed, 200, 1))
    (section,) = build_report([builder.root]).sections
    (picture,) = [picture for picture in section.pictures if picture.slug == "attack_curves"]
    assert picture.rendered().startswith(b"\x89PNG")
