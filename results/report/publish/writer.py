"""Files of published results."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.report.publish.every_eval_ever import eval_record, file_id
from robustsweep.results.report.publish.hub_results import results_yaml
from robustsweep.results.report.publish.records import Record, read_records
from robustsweep.results.report.publish.request import FORMATS, PublishRequest
from robustsweep.results.stored.entries import write_entry

_UNSAFE = re.compile(r"[^A-Za-z0-9_.]+")


def publish(runs: Sequence[Path], out: Path, request: PublishRequest, now: datetime | None = None) -> list[Path]:
    """Write the results of some runs in a public format.

    ``"every-eval-ever"`` writes ``data/robustsweep-DATA/ORG/NAME/UUID.json``, one per checkpoint and set of images;
    ``"hf-eval-results"`` writes ``ORG/NAME/.eval_results/robustsweep-DATA.yaml``, below a folder per model repository.
    The same measurement goes into the same file again.

    Args:
        runs: Run folders.
        out: Folder to write below.
        request: The format, and what models and data are called.
        now: The time to state; None: that of the machine's clock.

    Returns:
        What was written.

    Raises:
        NothingToCompareError: If no run holds a finished cell.
        UsageError: If it is not known what a model or data set is called in public.
        DataError: If a run cannot be read, or something is in the way of a file.
    """
    contents = dict[tuple[str, ...], str]()
    for names, text in _files(read_records(runs), request, now or datetime.now(UTC)):
        if names in contents:
            raise DataError(f"Two checkpoints or sets of images would be {'/'.join(names)}; publish their runs apart.")
        contents[names] = text
    for names, text in contents.items():
        try:
            write_entry(out, names, text.encode())
        except OSError as error:
            raise DataError(f"{out.joinpath(*names)} cannot be written ({error.strerror or error}).") from error
    return [out.joinpath(*names) for names in contents]


def _files(records: Sequence[Record], request: PublishRequest, now: datetime) -> Iterator[tuple[tuple[str, ...], str]]:
    for record in records:
        benchmark = f"robustsweep-{_UNSAFE.sub('-', record.unit.scope.data).strip('-.') or 'data'}"
        model = request.model_of(record.checkpoint, record.card.get("source")).split("/")
        if request.file_format == FORMATS[0]:
            document = eval_record(record, request, int(now.timestamp()))
            text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
            yield ("data", benchmark, *model, f"{file_id(record)}.json"), text
        elif text := results_yaml(record, request, now.date()):
            yield (*model, ".eval_results", f"{benchmark}.yaml"), text
