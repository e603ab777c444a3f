"""Accuracy over distance: what is drawn is counted from the images' distances."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from run_builder import RunBuilder

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.figures.distance_curves import distance_curves_figure
from robustsweep.results.report.document import build_report

FAR = [0.0, 1 / 255, 2 / 255, 3 / 255, np.inf]


@pytest.fixture
def small(tmp_path: Path) -> RunBuilder:
    return RunBuilder(tmp_path / "small", n=len(FAR))


def unit_of(builder: RunBuilder) -> Unit:
    (section,) = build_report([builder.root]).sections
    return section.unit


def drawn(builder: RunBuilder, norm: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    figure = distance_curves_figure(unit_of(builder), [builder.root])
    assert isinstance(figure, Figure)
    lines = [line for line in figure.axes[norm].lines if len(line.get_xdata()) > 2]
    return [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in lines]


def test_a_line_is_the_share_of_images_whose_least_distance_is_larger(small: RunBuilder) -> None:
    small.nearest("a", "nearest-pgd74", "linf", FAR)
    small.nearest("a", "fmn100", "linf", [0.0, 2.5 / 255, 1.5 / 255, np.inf, 2.9 / 255])
    ((places, percent),) = drawn(small)
    # The least of the two: 0, 1, 1.5, 3 and 2.9 levels.
    assert percent[0] == 80
    for levels, standing in ((0.9, 80), (1.2, 60), (1.7, 40), (2.8, 40)):
        assert percent[np.abs(places - levels).argmin()] == standing


def test_seeds_of_a_method_share_a_line_and_norms_have_panels(small: RunBuilder) -> None:
    for seed, shift in enumerate((0.0, 1 / 255)):
        small.card(f"c{seed}", "cutmix", seed)
        distance = [0.0 if d == 0 else d + shift for d in FAR]
        small.nearest(f"c{seed}", "nearest-pgd74", "linf", distance)
        small.nearest(f"c{seed}", "ddn100", "l2", distance)
    for norm, one in ((0, 1.0), (1, 1 / 255)):
        ((places, percent),) = drawn(small, norm)
        assert percent[np.abs(places - 1.5 * one).argmin()] == (60 + 80) / 2


def test_an_attack_that_a_checkpoint_lacks_is_not_drawn(small: RunBuilder) -> None:
    small.nearest("a", "nearest-pgd74", "linf", FAR)
    small.nearest("a", "fmn100", "linf", [0.0, *[1e-3] * 4])
    small.nearest("b", "nearest-pgd74", "linf", FAR)
    (first, second) = drawn(small)
    assert np.array_equal(first[1], second[1])


def test_without_distances_nothing_is_drawn(builder: RunBuilder) -> None:
    builder.ladder("a", 900, (800, 500))
    assert distance_curves_figure(unit_of(builder), [builder.root]) is None


def test_a_network_that_nothing_fools_is_drawn_too(small: RunBuilder) -> None:
    small.nearest("a", "nearest-pgd74", "linf", [np.inf] * 5)
    ((_, percent),) = drawn(small)
    assert set(percent) == {100}
