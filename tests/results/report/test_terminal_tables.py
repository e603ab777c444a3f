"""What a terminal shows of a report: how wide tables are set, and how few lines answer first."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from answered_runs import put_ladder, put_sweep
from rich.console import Console
from run_builder import RunBuilder

from robustsweep.cli.report import report
from robustsweep.results.report.terminal import marks, to_rich
from robustsweep.results.tables.table import Column, Table

METHODS = ("baseline", "cutout", "mixup", "cutmix", "smoothmix_s", "smoothmix_c")
NAMES = ("baseline", "Cutout", "Mixup", "CutMix", "SmoothMix-S", "SmoothMix-C")


def lines_at(table: Table, width: int, *, brief: bool = False) -> list[str]:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as capture:
        console.print(to_rich(table, width, brief=brief))
    return [line.rstrip() for line in capture.get().splitlines()]


def scores(best_along: str | None, n: int = 4) -> Table:
    columns = (Column("method", "method"), *(Column(f"s{c}", f"score {c}", "percent", False) for c in range(n)))
    rows = tuple((name, *(0.1 + 0.05 * r + 0.01 * c for c in range(n))) for r, name in enumerate(("a", "b")))
    intervals = {(r, 1 + c): (0.01, 0.9) for r in range(2) for c in range(n)}
    return Table("t", "Errors", None, columns, rows, best_along=best_along, intervals=intervals)


@pytest.mark.parametrize(("width", "n_shown"), [(50, 1), (65, 1), (66, 2), (78, 3), (90, 4)])
def test_a_wider_terminal_shows_more_intervals_and_no_more_parts(width: int, n_shown: int) -> None:
    lines = lines_at(scores("column"), width)
    assert lines[2].count("[1.00, 90.00]") == n_shown
    assert len(lines) == 4
    assert max(map(len, lines)) <= width


def test_the_first_score_has_its_interval_however_narrow_the_terminal() -> None:
    lines = lines_at(scores("column"), 30)
    assert [line for line in lines if "[1.00, 90.00]" in line] == lines[2:4]


@pytest.mark.parametrize(("width", "n_shown"), [(89, 0), (90, 4)])
def test_where_the_values_of_a_row_are_compared_all_have_intervals_or_none(width: int, n_shown: int) -> None:
    assert lines_at(scores("row"), width)[2].count("[1.00, 90.00]") == n_shown


def test_headers_break_sooner_where_that_saves_a_part() -> None:
    columns = (Column("m", "m"), *(Column(f"c{c}", "SmoothMix-C", "percent", False) for c in range(3)))
    table = Table("t", "Errors", None, columns, (("a", 0.1, 0.2, 0.3),))
    assert lines_at(table, 40)[1].count("SmoothMix-C") == 3
    narrow = lines_at(table, 34)
    assert len(narrow) == 4
    assert narrow[1].split() == ["SmoothMix-"] * 3
    assert lines_at(table, 30)[-1].split() == ["a", "30.00"]  # a second part


def test_marks_are_explained_as_far_as_they_are_shown() -> None:
    table = scores("column")
    assert marks([table], 120) == "Bold: the best of its line; [a, b]: 95% interval."
    assert marks([scores(None)], 40) == ""
    methods = Table(
        "t",
        "Errors",
        None,
        (Column("method", "method"), Column("seeds", "seeds", "count"), Column("e", "e", "percent", False)),
        (("a", 3, 0.1), ("b", 2, None)),
        tied=frozenset({(1, 2)}),
        subject="method",
    )
    assert "(methods with fewer than 3 seeds are not tested); –: not measured." in marks([methods], 80)


def fill(builder: RunBuilder) -> None:
    """Six methods with two seeds each, under the 15 corruptions and a ladder of three eps."""
    for place, method in enumerate(METHODS):
        for seed in range(2):
            name = f"{method}-seed{seed}"
            builder.card(name, method, seed)
            put_sweep(builder, name, 0.3 + 0.02 * place, seed=100 * place + seed)
            rung = np.random.default_rng(seed + place).integers(-1, 3, builder.n)
            put_ladder(builder, name, rung, ("1/255", "2/255", "4/255"))


def test_a_report_of_six_methods_with_two_seeds_is_read_without_scrolling_far(
    make_builder: Callable[..., RunBuilder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    builder = make_builder(n=60)
    fill(builder)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)  # a long path is not a fault of the report
    report([builder.root], out=Path("r"), formats="csv")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert all(text.count(f"\n{name}") >= 1 for name in NAMES)
    assert "Lowest mean error over the 15 corruptions of C: baseline" in text
    assert "Accuracy under attack" in text
    assert "Error per corruption" not in text
    assert lines[-1] == "Wrote r/tables/ (20 files)"


def test_errors_per_corruption_are_printed_on_request(
    builder: RunBuilder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_sweep(builder, "net", 0.3, seed=0, corruptions=("fog",))
    report([builder.root], out=tmp_path, formats="csv", verbose=True)
    assert "Error per corruption" in capsys.readouterr().out


def test_what_is_missing_is_said_in_a_line(builder: RunBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    builder.data["notes"] = [f"note {number}" for number in range(5)]
    builder.clean("net", 900)
    wanted = [{"key": "0" * 64, "checkpoint_id": "1" * 12, "checkpoint": "late", "condition": "fog@1"}]
    builder.store.write_plan(wanted)
    report([builder.root], formats="csv")
    said = capsys.readouterr().out
    assert "Note: note 2\nNote: 2 more notes are in the report.\nNote: Planned cells that are missing: 1;" in said
