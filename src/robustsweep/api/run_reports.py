"""Reports and verdicts from run folders that sweeps wrote."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from robustsweep.results.comparable.frame import Runs, run_folders
from robustsweep.results.gate.outcome import Outcome, run_gate
from robustsweep.results.report.document import Report
from robustsweep.results.report.paper.request import paper_request
from robustsweep.results.report.writer import DEFAULT_FORMATS, write_report


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
    paper = None if asked == (None,) * 4 else paper_request(_names(columns or ()), digits, spread, against)
    where = None if folder is None else Path(folder).expanduser()
    return write_report(run_folders(runs), where, _names(formats), reference, paper)


def _names(several: str | Sequence[str]) -> list[str]:
    return [name.strip() for name in several.split(",")] if isinstance(several, str) else list(several)


def gate(
    run: Path | str,
    baseline: Path | str,
    *,
    margins: Sequence[str] | Mapping[str, float] = (),
    retrained: bool = False,
) -> Outcome:
    """Judge the checkpoints of a run by a baseline, as ``robustsweep gate`` does.

    Args:
        run: The candidates' run folder.
        baseline: A run folder, or a file that ``robustsweep gate --write-baseline`` wrote.
        margins: Least differences that matter, in percentage points: ``{"fog_error": 2}``, or ``"fog_error=2"``.
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
    written = [f"{name}={value}" for name, value in margins.items()] if isinstance(margins, Mapping) else margins
    return run_gate(Path(run), Path(baseline), [written] if isinstance(written, str) else written, retrained=retrained)
