"""Effective robustness: points on a line have none, and where there is no line it says why."""

import math

import numpy as np
import pytest

from robustsweep.results.metrics.effective_robustness import LogitLine, logit_line
from robustsweep.results.statistics.intervals import newcombe, wilson


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_points_on_a_line_have_no_effective_robustness():
    clean = [0.55, 0.7, 0.8, 0.93]
    shifted = [expit(0.8 * logit(c) - 1.1) for c in clean]
    line = logit_line(clean, shifted)
    assert isinstance(line, LogitLine)
    assert (line.slope, line.intercept, line.n) == pytest.approx((0.8, -1.1, 4))
    assert [line.effective_robustness(c, s) for c, s in zip(clean, shifted, strict=True)] == pytest.approx([0] * 4)
    assert line.effective_robustness(0.7, shifted[1] + 0.05) == pytest.approx(0.05)


def test_the_line_is_that_of_least_squares_between_logits():
    clean, shifted = [0.6, 0.7, 0.75, 0.9], [0.2, 0.4, 0.31, 0.5]
    x, y = (np.array([logit(p) for p in values]) for values in (clean, shifted))
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    line = logit_line(clean, shifted)
    assert isinstance(line, LogitLine)
    assert (line.slope, line.intercept) == pytest.approx((slope, y.mean() - slope * x.mean()))


@pytest.mark.parametrize(
    ("clean", "shifted", "why"),
    [
        ([], [], "there are 0"),
        ([0.5], [0.2], "there is 1"),
        ([0.5, 0.6], [0.2, 0.3], "a line needs 3 checkpoints or more"),
        ([0.5, 0.6, 0.7], [0.2, 0.3, 0.0], "there are 2"),
        ([0.5, 0.6, 1.0], [0.2, 0.3, 0.4], "there are 2"),
        ([0.5, 0.5, 0.5], [0.2, 0.3, 0.4], "the same accuracy on clean images"),
    ],
)
def test_where_there_is_no_line_it_says_why(clean, shifted, why):
    found = logit_line(clean, shifted)
    assert isinstance(found, str)
    assert why in found


def test_newcombes_interval_is_the_published_one():
    # Newcombe 1998, table II, method 10: 56/70 - 48/80 and 10/10 - 0/20.
    found = newcombe((56, 70), (48, 80))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    found = newcombe((10, 10), (0, 20))
    assert (found.low, found.high) == pytest.approx((0.6791, 1.0), abs=5e-5)
    other = newcombe((0, 20), (10, 10))
    assert (other.low, other.high) == pytest.approx((-1.0, -0.6791), abs=5e-5)
    assert newcombe((3, 10), (3, 10)).low < 0 < newcombe((3, 10), (3, 10)).high
    assert wilson(3, 10).low > 0
