from run_builder import RunBuilder

from robustsweep.results.comparable.comparable_sets import Unit, split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.comparable.seed_groups import seed_groups
from robustsweep.results.figures.method_series import MAX_DRAWN, drawn_groups, who_is_drawn
from robustsweep.results.report.document import build_report


def unit_of(builder: RunBuilder, n_methods: int) -> Unit:
    """Measure a baseline that is the worst of all, and methods that get worse by one image each."""
    for number in range(n_methods):
        name = f"method{number:02d}" if number else "baseline"
        builder.card(name, name)
        builder.clean(name, 900 - number if number else 1)
        builder.corruption(name, "fog", 3, 800 - number if number else 0)
    (unit,) = split_units(load_frame([builder.root]))
    return unit


def test_figures_draw_the_baseline_and_the_best_of_many_methods_in_the_tables_order(builder: RunBuilder) -> None:
    unit = unit_of(builder, MAX_DRAWN + 3)
    assert len(seed_groups(unit)) == MAX_DRAWN + 3
    names = [group.label for group in drawn_groups(unit)]
    assert names == ["baseline", *(f"method{number:02d}" for number in range(1, MAX_DRAWN))]


def test_a_caption_says_how_many_methods_are_drawn(builder: RunBuilder) -> None:
    unit = unit_of(builder, MAX_DRAWN + 3)
    for label in unit.checkpoints["label"]:
        builder.ladder(label, 800, (700, 600))
    assert who_is_drawn(unit) == " (the baseline and the lowest mean errors: 40 of 43; the tables have all)"
    report = build_report([builder.root])
    pictures = report.sections[0].pictures
    assert pictures
    assert all(picture.title.endswith(who_is_drawn(unit)) for picture in pictures)
    assert len(report.tables[0].rows) == MAX_DRAWN + 3


def test_no_more_than_that_are_all_drawn(builder: RunBuilder) -> None:
    unit = unit_of(builder, MAX_DRAWN)
    assert drawn_groups(unit) == seed_groups(unit)
    assert who_is_drawn(unit) == ""
