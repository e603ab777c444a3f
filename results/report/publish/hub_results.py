"""Evaluation results of a model repository on the Hugging Face Hub, ``.eval_results/*.yaml``.

Source: huggingface.co/docs/hub/eval-results. A result names the benchmark, a data set on the hub, and its task: here
the name of the score.
"""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from robustsweep.errors import UsageError
from robustsweep.printable import printable
from robustsweep.results.report.publish.records import Record, ScoreRecord
from robustsweep.results.report.publish.request import PublishRequest

KINDS = ("primary", "C-bar", "3DCC", "clean", "natural shift", "attack")
"""Kinds of scores that are shown on a model's page: what sums up a benchmark."""
_DIGITS = 6


def results_yaml(record: Record, request: PublishRequest, today: date) -> str:
    """Write the scores of one checkpoint on one set of images, errors in percent.

    Args:
        record: Its scores.
        request: Which repository the data set has.
        today: The date to state.

    Raises:
        UsageError: If the data set has none, or a subset of it was measured.
    """
    scope = record.unit.scope
    repository = request.datasets.get(scope.data)
    if repository is None:
        name = printable(scope.data)
        raise UsageError(f"{name} does not say which data set of the hub it is; add --dataset '{name}=ORG/NAME'.")
    if scope.subset:
        raise UsageError(
            f"{printable(scope.data)} was measured on {scope.subset} images, and pages of models show whole sets; "
            "sweep without --limit, or publish it as every-eval-ever, which says so."
        )
    shown = [one for one in record.scores if one.score.kind in KINDS]
    return "".join(line for one in shown for line in _entry(record, request, one, repository, today))


def _entry(record: Record, request: PublishRequest, one: ScoreRecord, repository: str, today: date) -> Iterator[str]:
    """Write one result; JSON's strings and numbers are YAML's too."""
    yield f"- dataset:\n    id: {_text(repository)}\n    task_id: {_text(one.score.name)}\n"
    yield f"  value: {json.dumps(round(one.value * (100 if one.score.is_fraction else 1), _DIGITS))}\n"
    yield f"  date: {_text(today.isoformat())}\n"
    if request.source_url:
        yield f"  source:\n    url: {_text(request.source_url)}\n    name: {_text('robustsweep')}\n"
    yield f"  notes: {_text(_notes(record, one))}\n"


def _notes(record: Record, one: ScoreRecord) -> str:
    scope, unit = record.unit.scope, "%" if one.score.is_fraction else ""
    better = "higher" if one.score.is_accuracy else "lower"
    parts = [f"robustsweep {record.version}: {one.score.named}, {better} is better"]
    if one.interval is not None:
        low, high = (end * (100 if one.score.is_fraction else 1) for end in one.interval)
        parts.append(f"95% interval {low:.2f} to {high:.2f}{unit}")
    return "; ".join([*parts, scope.title])


def _text(value: Any) -> str:
    return json.dumps(value)
