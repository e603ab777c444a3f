"""Reports and verdicts from run folders that sweeps wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from robustsweep.errors import UsageError
from robustsweep.results.comparable.frame import Runs, run_folders
from robustsweep.results.gate.baseline import write_baseline as write_file
from robustsweep.results.gate.baseline_power import baseline_power
from robustsweep.results.gate.margins import margins_of
from robustsweep.results.gate.outcome import Outcome, run_gate
from robustsweep.results.gate.wrong_images import read_answers
from robustsweep.results.report.document import Report
from robustsweep.results.report.paper.request import paper_request
from robustsweep.results.report.writer import DEFAULT_FORMATS, write_report
from robustsweep.results.tables.table import Table
from robustsweep.values import separated

Margins = Sequence[str] | Mapping[str, float]
"""Least differences that matter, in percentage points: ``{"fog_error": 2}``, or ``["fog_error=2"]``."""


def report(
    runs: Runs,
    folder: Path | str | None = None,
    *,
    formats: str | Sequence[str] = DEFAULT_FORMATS,
    reference: str | None = None,
    columns: str | Sequence[str] | None = None,
    digits: int | None = None,
    spread: str | None = None,
    against: str | None = None,
) -> Report:
    """Turn the cells of run folders into tables, figures and an HTML page, as ``robustsweep report`` does.

    Args:
        runs: Run folders that sweeps wrote, or a single one.
        folder: Where to write; None: ``report`` in the first run folder.
        formats: Of ``"html"``, ``"md"``, ``"csv"``, ``"latex"``, ``"json"``, ``"png"``, ``"svg"``, ``"pdf"``; several
            in one string are separated by commas.
        reference: Checkpoint or method that CE and mCE divide by; None: the only ``baseline``, if there is one.
        columns: Scores of the paper's table, which ``"latex"`` writes; several in one string are separated by commas.
            None: the mean, clean images and groups.
        digits: Digits after the point in the paper's table; None: 1.
        spread: Behind its means: ``"sd"`` over training seeds, or ``"interval"``; None: ``"sd"``.
        against: Method to which it shows differences; None: CutMix, else the baseline.

    Returns:
        The report; ``files`` are what was written.

    Raises:
        NothingToCompareError: If no run holds a finished cell.
        UsageError: If a format or the reference is unknown.
        DataError: If a folder cannot be read.

    Examples:
        >>> import torch
        >>> from robustsweep import evaluate, report
        >>> network = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(48, 10))
        >>> results = evaluate(network, "digits", "clean", limit=50, out="run")
        >>> report("run", "somewhere", formats="md").files[0].name
        'report.md'
    """
    asked = (columns, digits, spread, against)
    paper = None if asked == (None,) * 4 else paper_request(separated(columns or ()), digits, spread, against)
    where = None if folder is None else Path(folder).expanduser()
    return write_report(run_folders(runs), where, separated(formats), reference, paper)


def gate(
    run: Path | str,
    baseline: Path | str,
    *,
    margins: Margins = (),
    retrained: bool = False,
) -> Outcome:
    """Judge the checkpoints of a run by a baseline, as ``robustsweep gate`` does.

    Args:
        run: The candidates' run folder.
        baseline: A run folder, or a file that ``write_baseline`` wrote.
        margins: Least differences that matter, in percentage points: ``{"fog_error": 2}``, or ``["fog_error=2"]``.
        retrained: Whether the candidates are new training runs, each judged by all of its method in the baseline.

    Returns:
        The verdicts; ``raise_unless_passed`` turns them into an error.

    Raises:
        NothingToCompareError: If the baseline is missing or foreign, or nothing is shared.
        UsageError: If a margin cannot be understood.
        DataError: If cells or the baseline are damaged.

    Examples:
        >>> import torch
        >>> from robustsweep import evaluate, gate
        >>> network = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(48, 10))
        >>> results = evaluate(network, "digits", "clean", limit=50, out="run")
        >>> gate("run", "run").count("FAIL")
        0
    """
    return run_gate(Path(run).expanduser(), Path(baseline).expanduser(), _written(margins), retrained=retrained)


@dataclass(frozen=True, slots=True)
class WrittenBaseline:
    """A baseline that was written, and what it can show before there is a candidate.

    Attributes:
        path: The file.
        checkpoints: Names of the checkpoints in it.
        power: Per score, the smallest loss that would fail and the number of images that its margin would need; None
            if nothing would be judged.
    """

    path: Path
    checkpoints: tuple[str, ...]
    power: Table | None


def write_baseline(run: Path | str, path: Path | str, *, margins: Margins = ()) -> WrittenBaseline:
    """Write which images the checkpoints of a run got wrong, as ``robustsweep gate --write-baseline`` does.

    The file is small enough to be committed, and ``gate`` takes it in place of the run folder.

    Args:
        run: A run folder.
        path: File to write; one that is there is replaced.
        margins: As in ``gate``, for what the baseline can show.

    Returns:
        What was written.

    Raises:
        NothingToCompareError: If the run holds no finished cell.
        UsageError: If a margin cannot be understood, or the path is that of a folder.
        DataError: If cells are damaged, or of several sets of images.

    Examples:
        >>> import torch
        >>> from robustsweep import evaluate, gate, write_baseline
        >>> network = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(48, 10))
        >>> results = evaluate(network, "digits", "clean", limit=50, out="run")
        >>> write_baseline("run", "baseline.npz").checkpoints
        ('Sequential',)
        >>> gate("run", "baseline.npz").count("FAIL")
        0
    """
    answers, file = read_answers(Path(run).expanduser()), Path(path).expanduser()
    if file.is_dir():
        raise UsageError(f"A baseline is written to a file, and {file} is a folder; give a name such as {file}.npz.")
    power = baseline_power(answers, margins_of(answers.scores, _written(margins)))
    write_file(file, answers)
    return WrittenBaseline(file, tuple(one.name for one in answers.checkpoints), power)


def _written(margins: Margins) -> Sequence[str]:
    """Return margins as the command line has them."""
    if isinstance(margins, Mapping):
        return [f"{name}={value}" for name, value in margins.items()]
    return [margins] if isinstance(margins, str) else margins
