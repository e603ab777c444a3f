"""A page that lives: the report of a sweep that goes on, written again as cells finish."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from robustsweep.benchmark.sweep.progress import PassedOn, Progress
from robustsweep.errors import NothingToCompareError, RobustsweepError
from robustsweep.results.report.writer import write_report

_LEAST_APART_S = 30.0
_MOST_SHARE = 0.02
# What to expect of the first page with cells, of which nothing is known yet.
_FEW_CHECKPOINTS_TAKE_S = 2.0


class LivePage(PassedOn):
    """Passes the events of a sweep on, and writes ``report/report.html`` in its run folder.

    It is written when the sweep begins, and when cells finish: at most every 30 seconds, and only if all writing stays
    below 2% of the time since then if the next one takes as long as the last. A page that cannot be written is told of
    once, and the sweep goes on without it.

    Args:
        run: The run folder.
        progress: Receives the events.
        clock: Seconds since some moment.
    """

    def __init__(self, run: Path, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(progress)
        self._run, self._clock = run, clock
        self._cells = self._cells_done = self._units = self._units_done = 0
        self._begun_s = self._written_s = clock()
        self._spent_s = self._last_took_s = 0.0
        self._is_given_up = False

    def begin(self, cells: int, units: int) -> None:
        """Write what is there before the first cell."""
        super().begin(cells, units)
        self._cells, self._units = cells, units
        self._begun_s = self._clock()
        self._write(self._status())

    def advance(self, cells: int, units: int) -> None:
        """Write the page if it is time."""
        super().advance(cells, units)
        self._cells_done += cells
        self._units_done += units
        now = self._clock()
        expected_s = max(self._last_took_s, _FEW_CHECKPOINTS_TAKE_S)
        is_cheap = self._spent_s + expected_s <= _MOST_SHARE * (now - self._begun_s)
        if is_cheap and now - self._written_s >= _LEAST_APART_S:
            self._write(self._status())

    def end(self) -> None:
        """Write the ordinary report, once the sweep has ended."""
        self._write("")

    def _status(self) -> str:
        share = self._units_done / max(self._units, 1)
        parts = [f"{self._cells_done} of {self._cells} cells of this sweep are done, {share:.0%} of the work"]
        if self._units_done:
            left_s = (self._clock() - self._begun_s) * (1 - share) / share
            parts.append(f"about {_duration(left_s)} left")
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (
            f"{'; '.join(parts)}. Written at {now}, and again as cells finish; numbers and ranks will change. If the "
            "sweep was stopped, run the same command again."
        )

    def _write(self, status: str) -> None:
        if self._is_given_up:
            return
        begun_s = self._clock()
        try:
            write_report([self._run], formats=("html",), status=status)
        except NothingToCompareError:  # of a sweep that has ended
            self._write("The sweep has ended, and no cell could be computed.")
        except (RobustsweepError, OSError) as error:
            self._is_given_up = True
            self.warn(f"The page of this sweep is not written any more: {error}")
        self._written_s = self._clock()
        self._last_took_s = self._written_s - begun_s
        self._spent_s += self._last_took_s


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "a minute"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
