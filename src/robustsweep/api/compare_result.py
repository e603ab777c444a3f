"""One method or checkpoint against others, for notebooks and for the command."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from robustsweep.api.table_frames import table_frame, tables_html
from robustsweep.results.comparable.frame import Runs, run_folders
from robustsweep.results.compare.comparison import UnitComparison
from robustsweep.results.compare.comparison import compare as compare_runs
from robustsweep.results.compare.request import CompareRequest, compare_request
from robustsweep.results.compare.tables import comparison_tables
from robustsweep.results.report.comparison_files import DEFAULT_COMPARISON_FORMATS, comparison_files
from robustsweep.results.stored.files import write_atomically
from robustsweep.results.tables.table import Table
from robustsweep.values import separated

_DIFFERENCES = ("compare_errors", "compare_calibration")


@dataclass(frozen=True, slots=True, eq=False)
class CompareResult:
    """What a comparison found.

    Attributes:
        request: What was compared.
        found: One per set of images that has both sides.
        tables: Differences, training time and, with several opponents, the methods that tie with the best.
    """

    request: CompareRequest
    found: tuple[UnitComparison, ...]
    tables: tuple[Table, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """The differences: one row per opponent and score, lower is better; errors are fractions."""
        frames = [
            table_frame(table).assign(images=table.scope.title if table.scope else "")
            for table in self.tables
            if table.slug in _DIFFERENCES
        ]
        return pd.concat(frames, ignore_index=True)

    def write(self, folder: Path | str, formats: str | Sequence[str] = DEFAULT_COMPARISON_FORMATS) -> list[Path]:
        """Write what ``robustsweep compare --out`` writes, and return the files.

        Args:
            folder: Where to.
            formats: Some of ``"md"``, ``"csv"``, ``"latex"``, ``"html"`` and ``"json"``; several in one string are
                separated by commas.

        Raises:
            UsageError: If a format is unknown.
        """
        files = {
            Path(folder).expanduser() / name: content
            for name, content in comparison_files(self.request, self.found, separated(formats)).items()
        }
        for path, content in files.items():
            write_atomically(path, content)
        return list(files)

    def _repr_html_(self) -> str:
        return tables_html(self.tables)


def compare(
    runs: Runs,
    method: str | None = None,
    against: str | Sequence[str] = (),
    *,
    metrics: str | Sequence[str] = (),
    reference: str | None = None,
) -> CompareResult:
    """Compare a method, or one checkpoint, with others on the same images, as ``robustsweep compare`` does.

    Args:
        runs: Run folders; or one plan, a file that ends in ``.toml``, whose ``out`` and ``[compare]`` say the rest.
        method: A method, or the name of a checkpoint.
        against: Another one, several, or ``"all"``.
        metrics: Scores of the declared family, such as ``"fog_error"``; all others become exploratory. Several in one
            string are separated by commas.
        reference: Checkpoint or method whose measured errors divide the others' for an additional mCE.

    Raises:
        UsageError: If a name is unknown, or nothing says what is compared.
        NothingToCompareError: If nothing may be set side by side.
        DataError: If a folder cannot be read.

    Examples:
        >>> import torch
        >>> from robustsweep import compare, evaluate
        >>> def linear():
        ...     return torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(48, 10))
        >>> results = evaluate({"a": linear(), "b": linear()}, "digits", "clean", limit=50, out="run")
        >>> compare("run", "a", "b").frame[["against", "score", "seeds"]].head(1)
          against  score   seeds
        0       b  clean  1 v 1
    """
    opponents = [against] if isinstance(against, str) else list(against)
    request = compare_request(run_folders(runs), method, opponents, separated(metrics) if metrics else (), reference)
    found = compare_runs(request.runs, request.method, request.against, request.metrics, request.reference)
    return CompareResult(request, tuple(found), tuple(table for one in found for table in comparison_tables(one)))
