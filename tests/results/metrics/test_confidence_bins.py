import numpy as np
import pytest
from answered_runs import put, put_ladder
from run_builder import RunBuilder

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.statistics.calibration import bin_gaps, binned, ece_scores


def test_bins_count_every_image_where_its_confidence_lies() -> None:
    confidence = np.array([0.0, 1 / 15, 0.07, 0.5, 1.0])
    bins = binned(confidence, np.array([True, False, True, True, False]))
    assert bins.counts.tolist() == [2, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert bins.right.tolist() == [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert bins.confidence.sum() == pytest.approx(confidence.sum())


def test_the_ece_of_bins_is_that_of_the_images() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(1000)
    right = rng.random(1000) < confidence**2
    expected = ece_scores(bin_gaps(confidence, right)).mean()
    assert binned(confidence, right).expected_calibration_error == pytest.approx(expected, abs=1e-12)


def test_bins_of_a_confidence_that_is_none_are_refused() -> None:
    with pytest.raises(DataError, match="outside"):
        binned(np.array([0.5, np.nan]), np.array([True, False]))


def test_the_bins_of_a_cell_are_read_from_its_answers(builder: RunBuilder) -> None:
    wrong = np.array([True] * 3 + [False] * 7)
    builder.n = 10
    put(builder, "net", {"name": "clean", "kind": "clean"}, wrong)  # with a confidence of 0.75
    put_ladder(builder, "net", [-1, -1, -1, *[1] * 7], ["8/255"])
    (unit,) = split_units(load_frame([builder.root]))
    (identifier,) = unit.checkpoints.index
    cells = MeasuredCells.of(unit, identifier, [builder.root])
    bins = cells.bins(("clean", ""))
    assert (bins.counts[11], bins.right[11], bins.confidence[11]) == (10, 7, 7.5)
    assert bins.counts.sum() == 10
    with pytest.raises(DataError, match="pgd10-linf is an attack"):
        cells.bins(("pgd10-linf", "8/255"))
