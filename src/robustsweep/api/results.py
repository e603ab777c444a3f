"""The results of an evaluation, or of run folders: frames, tables, figures, reports and comparisons."""

import os
import shutil
import weakref
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from robustsweep.api.compare_result import CompareResult, compare
from robustsweep.api.run_reports import report
from robustsweep.api.table_frames import list_html, table_frame, tables_html
from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import Runs, load_frame, run_folders
from robustsweep.results.comparable.seed_groups import seed_groups
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.section import Section
from robustsweep.results.report.writer import DEFAULT_FORMATS
from robustsweep.results.tables.table import Table

_ACCURACY = "_accuracy"


class Results:
    """Everything that run folders hold; nothing is read before it is asked for.

    Args:
        runs: Run folders that sweeps wrote, or a single one.
        notes: Sentences that belong beside the numbers and are not stored with them.
        is_temporary: Whether the folders go with this object, or with the process.

    Attributes:
        runs: The run folders.

    Examples:
        >>> import torch
        >>> from robustsweep import evaluate
        >>> network = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 10))
        >>> results = evaluate(network, "digits", ["clean", "fog@3"], name="linear", limit=50)
        >>> sorted(results.frame["condition"])
        ['clean', 'fog@3']
        >>> list(results.scores["score"])
        ['clean_error', 'fog@3_error', 'clean_top5_error', 'clean_nll', 'clean_brier', 'clean_ece']
        >>> list(results.table("headline")["checkpoint"])
        ['linear']
    """

    def __init__(self, runs: Runs, *, notes: Sequence[str] = (), is_temporary: bool = False) -> None:
        self.runs = tuple(run_folders(runs))
        self._notes = tuple(notes)
        self._is_temporary = is_temporary
        if is_temporary:
            weakref.finalize(self, _remove, self.runs, os.getpid())

    @cached_property
    def _report(self) -> Report:
        return build_report(self.runs)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Every measured cell in one tidy frame: a row per checkpoint and condition, and per eps of an attack.

        ``error`` is the fraction of wrong predictions, ``n`` the number of images; see ``load_frame`` for the columns.
        """
        return load_frame(self.runs)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong beside the numbers, such as that a clean accuracy is at chance level."""
        stored = [note for unit in split_units(self.frame) for note in unit.notes]
        return tuple(dict.fromkeys([*self._notes, *stored]))

    @property
    def tables(self) -> dict[str, str]:
        """The names that ``table`` takes, each with the table's title."""
        return {table.slug: table.title for table in self._report.tables}

    def table(self, name: str) -> pd.DataFrame:
        """Return one table of the report.

        Args:
            name: A key of ``tables``, such as ``"headline"`` or ``"error_per_corruption"``.

        Returns:
            Raw values, see ``table_frame``.

        Raises:
            UsageError: If there is no such table.
        """
        for table in self._report.tables:
            if table.slug == name:
                return table_frame(table)
        raise unknown_name("table", name, list(self.tables))

    @property
    def scores(self) -> pd.DataFrame:
        """Every score of every checkpoint, and of every method that has several training seeds.

        One row each with ``images``, ``subject`` (``"checkpoint"`` or ``"method"``), ``name``, ``score``, ``value`` and
        the ends of its 95% interval, ``low`` and ``high``; lower is better throughout, and errors are fractions.
        """
        rows = [row for section in self._report.sections for table in section.tables for row in _scores(section, table)]
        columns = ["images", "subject", "name", "score", "value", "low", "high"]
        return pd.DataFrame(rows, columns=columns).drop_duplicates(columns[:4], ignore_index=True)

    def report(
        self,
        folder: Path | str | None = None,
        *,
        formats: str | Sequence[str] = DEFAULT_FORMATS,
        reference: str | None = None,
        columns: str | Sequence[str] | None = None,
        digits: int | None = None,
        spread: str | None = None,
        against: str | None = None,
    ) -> Report:
        """Write the report, as ``robustsweep.report`` does, which describes the arguments.

        Raises:
            UsageError: If the run goes with this object and no folder is named, or a format is unknown.
        """
        if folder is None and self._is_temporary:
            raise UsageError("This run is in a temporary folder; name the folder of its report, or evaluate with out=.")
        return report(
            self.runs,
            folder,
            formats=formats,
            reference=reference,
            columns=columns,
            digits=digits,
            spread=spread,
            against=against,
        )

    def compare(
        self,
        method: str,
        against: str | Sequence[str] = "all",
        *,
        metrics: str | Sequence[str] = (),
        reference: str | None = None,
    ) -> CompareResult:
        """Compare a method, or one checkpoint, with others; see ``robustsweep.compare``."""
        return compare(self.runs, method, against, metrics=metrics, reference=reference)

    def plot(self, name: str) -> Axes:
        """Draw one figure of the report.

        Args:
            name: Such as ``"error_per_corruption"``, ``"heat_map"``, ``"severity_curves"``, ``"clean_against_robust"``,
                ``"attack_curves"`` or ``"reliability"``, as far as they are measured.

        Returns:
            Its first axes; ``.figure`` is the whole figure.

        Raises:
            UsageError: If there is no such figure.
        """
        pictures = [picture for section in self._report.sections for picture in section.pictures]
        for picture in pictures:
            if picture.slug == name:
                return picture.figure.axes[0]
        if not pictures:
            raise UsageError(f"There is no figure {name!r}: figures need several conditions, such as suites='cifar-c'.")
        raise unknown_name("figure", name, [picture.slug for picture in pictures])

    def __repr__(self) -> str:
        return f"Results({', '.join(map(str, self.runs))})"

    def _repr_html_(self) -> str:
        shown = tables_html(table for table in self._report.tables if table.depth == "summary")
        return list_html(self.notes) + shown


def _remove(folders: Sequence[Path], process: int) -> None:
    """Remove temporary folders, unless this is a process that was forked and has a copy of the object."""
    if os.getpid() == process:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _scores(section: Section, table: Table) -> Iterator[tuple[str, str, str, str, float, float | None, float | None]]:
    """Yield the scores of one table; what is shown as an accuracy is turned into the error that it is the rest of."""
    unit = section.unit
    is_method = table.subject == "method"
    names = [group.name for group in seed_groups(unit)] if is_method else list(unit.checkpoints["label"])
    for (row, column), (score, position) in table.scores.items():
        value = table.rows[row][column]
        if not isinstance(value, float):
            continue
        ends: tuple[float | None, float | None] = table.intervals.get((row, column), (None, None))
        low, high = ends
        name = score.name
        if name.endswith(_ACCURACY):
            name = f"{name.removesuffix(_ACCURACY)}_error"
            value, low, high = 1 - value, None if high is None else 1 - high, None if low is None else 1 - low
        yield unit.scope.title, table.subject, names[position], name, value, low, high
