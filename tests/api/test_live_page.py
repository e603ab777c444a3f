"""The page that is written while a sweep goes on."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

import robustsweep as rs
from robustsweep.api.live_page import LivePage
from robustsweep.benchmark.sweep.progress import Silent
from robustsweep.results.report.writer import write_report

CHECKPOINT = "torchvision:resnet18,weights=random,classes=10,input_size=32"


def plan_into(run: Path, **keys: object) -> dict[str, object]:
    suites = ["clean", "fog@1", "contrast@1"]
    return {"checkpoints": [CHECKPOINT], "suites": suites, "limit": 10, "out": str(run), "device": "cpu", **keys}


def page_of(run: Path) -> str:
    return (run / "report" / "report.html").read_text()


class Clock:
    """Says the same time until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def write_times(run: Path, monkeypatch: pytest.MonkeyPatch, steps_s: Sequence[float], takes_s: float) -> list[float]:
    """Finish a cell at each of some moments after the beginning; return those at which the page was written."""
    clock, written = Clock(), list[float]()

    def write(*_: object, **__: object) -> None:
        written.append(clock.now_s - 1000)
        clock.now_s += takes_s

    monkeypatch.setattr("robustsweep.api.live_page.write_report", write)
    page = LivePage(run, Silent(), clock)
    page.begin(len(steps_s), len(steps_s))
    for step_s in steps_s:
        clock.now_s = 1000 + step_s
        page.advance(1, 1)
    return written


def test_the_finished_page_is_the_ordinary_report(tmp_path: Path) -> None:
    live, plain = tmp_path / "live" / "run", tmp_path / "plain" / "run"
    rs.sweep(plan_into(live, live=True))
    rs.sweep(plan_into(plain))
    assert not (plain / "report").exists()
    write_report([plain], formats=("html",))
    assert page_of(live).replace(str(live), "RUN") == page_of(plain).replace(str(plain), "RUN")


def test_a_page_before_the_first_cell_says_so(tmp_path: Path) -> None:
    LivePage(tmp_path, Silent()).begin(76, 1000)
    text = page_of(tmp_path)
    assert "0 of 76 cells of this sweep are done, 0% of the work. Written at 20" in text
    assert "No cell is finished yet." in text
    assert "left" not in re.findall("Unfinished[^/]*<", text)[0]


def test_tables_of_a_sweep_that_goes_on_are_marked(tmp_path: Path) -> None:
    rs.sweep(plan_into(tmp_path))
    page = LivePage(tmp_path, Silent(), clock := Clock())
    page.begin(4, 100)
    clock.now_s += 600
    page.advance(1, 25)
    text = page_of(tmp_path)
    assert "1 of 4 cells of this sweep are done, 25% of the work; about 30 min left." in text
    captions = re.findall("<caption><span>(.*)</span>", text)
    assert captions
    assert all(caption.endswith(", unfinished") for caption in captions)
    page.end()
    assert "nfinished" not in re.sub("<script>.*</script>", "", page_of(tmp_path), flags=re.DOTALL)


def test_pages_are_half_a_minute_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_times(tmp_path, monkeypatch, range(0, 400, 10), takes_s=0.0)
    assert written == [0, *range(100, 400, 30)]  # the first with cells may take 2 s: 2% of 100 s


def test_pages_take_a_fiftieth_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_times(tmp_path, monkeypatch, range(0, 3000, 10), takes_s=3.0)
    assert written == [0, *range(300, 3000, 150)]  # the second page brings the sum to 6 s: 2% of 300 s


def test_a_page_that_cannot_be_written_is_told_of_once(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("in the way")
    told = list[str]()

    class Told(Silent):
        def warn(self, sentence: str) -> None:
            told.append(sentence)

    page = LivePage(tmp_path, Told())
    page.begin(1, 1)
    page.advance(1, 1)
    page.end()
    assert len(told) == 1
    assert told[0].startswith("The page of this sweep is not written any more: ")


def test_a_sweep_without_a_finished_cell_leaves_a_page_that_says_so(tmp_path: Path) -> None:
    LivePage(tmp_path, Silent()).end()
    assert "The sweep has ended, and no cell could be computed." in page_of(tmp_path)
