"""Stored cells as one tidy table: a row per cell, and per eps if an attack climbed several."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from robustsweep.errors import DataError
from robustsweep.process.cycle_collector import collector_paused
from robustsweep.results.comparable.rows import DTYPES, DescribedCheckpoints, rows_of
from robustsweep.results.stored.cells import Cell, Json
from robustsweep.results.stored.plans import WantedPlan
from robustsweep.results.stored.store import CellStore
from robustsweep.values import require_kind

Runs = Sequence[Path | str] | Path | str
"""Run folders, or a single one."""


def run_folders(runs: Runs) -> list[Path]:
    """Return run folders as paths.

    Raises:
        UsageError: If one is neither a path nor a string.
    """
    expected = "Run folders must be paths or strings"
    found = [runs] if isinstance(runs, str | PathLike) else runs
    require_kind(found, Iterable, expected)
    for run in found:
        require_kind(run, str | PathLike, expected)
    return [Path(run) for run in found]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What some run folders hold.

    Attributes:
        frame: One row per cell and eps, see ``load_frame``.
        notes: Sentences about the folders: files without a checksum, plans that are gone.
        missing: The cells that some run planned and none holds, as ``WantedPlan`` describes them.
        audits: The audits that each plan of some run planned, likewise.
        declared: The comparisons that some plan declared, each once.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    missing: tuple[Json, ...]
    audits: tuple[Sequence[Json], ...]
    declared: tuple[Json, ...]


def load_frame(runs: Runs) -> pd.DataFrame:
    """Read every finished cell of some run folders.

    A cell that several runs hold counts once. If its counts differ between runs (devices may round differently), the
    first run's are used and the row carries a warning.

    Args:
        runs: Run folders, or a single one; paths or strings.

    Returns:
        One row per cell and eps with the columns of ``DTYPES``; ``error`` is ``(n - n_right) / n``. For an attack
        ``n_right`` is the number of images still right at that eps, and the quantities that its cell stores for one
        point only (top-5, confidence, nll, brier) are missing.

    Raises:
        DataError: If a folder does not exist or holds a cell that cannot be read.
        UsageError: As ``run_folders``.
    """
    return read_runs(runs).frame


@collector_paused()
def read_runs(runs: Runs) -> Measured:
    """Read every finished cell of some run folders, and what is to be known of the folders; see ``load_frame``."""
    cells: dict[str, Cell] = {}
    warnings: dict[str, list[str]] = {}
    notes: list[str] = []
    plans: list[WantedPlan] = []
    for run in run_folders(runs):
        if not run.is_dir():
            raise DataError(f"{run} is not a folder; give the folders that a sweep wrote its cells to.")
        store, named = CellStore(run), Counter[str]()
        for cell in store.cells():
            key = cell.key
            named[str(cell.recorded.get("plan", ""))] += 1
            first = cells.setdefault(key, cell)
            found = warnings.setdefault(key, list(cell.warnings))
            if first.counts != cell.counts:
                found.append(
                    f"Two runs measured {cell.condition['name']} of {cell.checkpoint['name']} and differ: "
                    f"{first.counts.n_right} and {cell.counts.n_right} of {cell.counts.n} right; the first is used."
                )
        planned = store.plans()
        plans += planned.values()
        notes += [*store.notes, *_lost_plans(run, named, set(planned), is_old=bool(store.notes))]
    described = DescribedCheckpoints()
    rows = [
        row | {"key": key, "warnings": tuple(warnings[key])}
        for key, cell in cells.items()
        for row in rows_of(cell, described)
    ]
    frame = pd.DataFrame(rows, columns=list(DTYPES)).astype(DTYPES)
    wanted = {entry["key"]: entry for plan in plans for entry in plan.wanted}
    missing = tuple(entry for key, entry in wanted.items() if key not in cells)
    audits = tuple(plan.audits for plan in plans if plan.audits)
    declared = {str(plan.compare): plan.compare for plan in plans if plan.compare}
    return Measured(frame, tuple(dict.fromkeys(notes)), missing, audits, tuple(declared.values()))


def _lost_plans(run: Path, named: Counter[str], found: set[str], *, is_old: bool) -> Iterator[str]:
    """Say which plans are gone, since what they asked for and lacks is then unknown."""
    for name, n in named.items():
        if name and name not in found:
            yield (
                f"{run / 'plans' / name}.json is gone, for which {n} cells were computed: which cells it planned and "
                "are missing cannot be told. Run the same sweep again to write it."
            )
    if is_old and not found:
        yield f"{run / 'plans'} holds no plan: which planned cells are missing cannot be told."
