"""What a comparison says first."""

from collections.abc import Callable
from pathlib import Path

import pytest
from compared_runs import method
from run_builder import RunBuilder

from robustsweep.cli.compare import compare as command
from robustsweep.results.compare.comparison import UnitComparison, compare
from robustsweep.results.compare.overview import main_findings, overview
from robustsweep.results.compare.wording import reading

ERRORS = {"smoothmix": 0.30, "cutmix": 0.42, "mixup": 0.305, "none": 0.6}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    builder = RunBuilder(tmp_path_factory.mktemp("overview") / "run", n=300)
    for name, error in ERRORS.items():
        method(builder, name, error, 3, ("fog", "frost"))
    return builder.root


def declared(found: UnitComparison, *names: str) -> list:
    return [one for one in found.comparisons if one.score.name in names]


def test_against_several_differences_stand_side_by_side_and_marks_are_those_of_the_tests(run: Path) -> None:
    (found,) = compare([run], "smoothmix", "all")
    (table,) = overview(found, ())
    compared = declared(found, "clean_error", "fog_error", "frost_error")
    assert [column.name for column in table.columns[1:]] == ["cutmix", "mixup", "none"]
    assert [row[0] for row in table.rows] == ["frost", "fog", "clean"]
    places = {(one.score.title, one.second.name): one for one in compared}
    assert len(places) == 9
    for r, row in enumerate(table.rows):
        for c, column in enumerate(table.columns[1:], 1):
            one = places[str(row[0]), column.name]
            assert row[c] == one.difference.estimate.value
            assert table.intervals[r, c] == (one.interval.low, one.interval.high)
            assert ((r, c) in table.tied) == (one.p_holm >= 0.05)
    assert 0 < len(table.tied) < 9


def test_against_one_the_means_and_p_values_are_there(run: Path) -> None:
    (found,) = compare([run], "smoothmix", "cutmix")
    (table,) = overview(found, ["frost_error"])
    (one,) = declared(found, "frost_error")
    assert table.rows == (("frost", *one.values, one.difference.estimate.value, one.p_holm),)


def test_the_first_declared_score_is_said_once_for_each_opponent(run: Path) -> None:
    (found,) = compare([run], "smoothmix", ["none", "cutmix"], ["fog_error", "clean_error"])
    said = list(main_findings(found, ["fog_error", "clean_error"]))
    compared = declared(found, "fog_error")
    assert said == [f"smoothmix against {one.second.name}, fog: {reading(one)}." for one in compared]
    assert len(said) == 2


def test_two_seeds_are_marked_and_said_to_be_untested(make_builder: Callable[..., RunBuilder]) -> None:
    builder = make_builder(n=60)
    for name in ("a", "b"):
        method(builder, name, ERRORS["cutmix" if name == "a" else "none"], 2)
    (found,) = compare([builder.root], "a", "b")
    (table,) = overview(found, ())
    assert len(table.tied) == len(table.rows) == 2
    assert any("two seeds is not tested" in note for note in table.notes)


def test_the_command_prints_that_and_with_verbose_every_score(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command([run], method="smoothmix", against=["all"])
    brief = capsys.readouterr().out
    assert "smoothmix minus each other (percentage points; below zero smoothmix is better)" in brief
    assert "Training time" not in brief
    assert max(map(len, brief.splitlines())) <= 80
    command([run], method="smoothmix", against=["all"], verbose=True)
    assert "Training time" in capsys.readouterr().out
