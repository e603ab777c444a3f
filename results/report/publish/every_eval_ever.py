"""One record as Every Eval Ever has it.

Source: ``eval.schema.json`` of version 0.3.0, github.com/evaleval/every_eval_ever. Predictions image by image are left
out: the format's second schema is made for language models.
"""

import json
import math
import uuid
from typing import Any

from robustsweep.results.report.publish.records import Record, ScoreRecord
from robustsweep.results.report.publish.request import PublishRequest

SCHEMA_VERSION = "0.3.0"
_UNITS = {"nll": "nats", "brier": "points", "top5_distance": "points"}
_CONFIDENCE = 0.95


def eval_record(record: Record, request: PublishRequest, now: int) -> dict[str, Any]:
    """Make the document of one checkpoint on one set of images.

    Args:
        record: Its scores.
        request: What it is called.
        now: Seconds since 1970.

    Returns:
        JSON-ready values.

    Raises:
        UsageError: If it is not known which model it is.
    """
    model, scope = request.model_of(record.checkpoint, record.card.get("source")), record.unit.scope
    details = {"explained": scope.explained, "notes": " ".join(record.unit.notes)}
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"robustsweep-{scope.data}/{model.replace('/', '_')}/{now}",
        "retrieved_timestamp": str(now),
        "source_metadata": {
            "source_name": "robustsweep",
            "source_type": "evaluation_run",
            "source_organization_name": request.organization,
            "evaluator_relationship": request.relationship,
            **({"source_organization_url": request.source_url} if request.source_url else {}),
            "additional_details": _strings(details),
        },
        "eval_library": {
            "name": "robustsweep",
            "version": record.version,
            "additional_details": _strings({"protocol": record.protocol}),
        },
        "model_info": _model(record, model),
        "evaluation_results": [_result(record, request, one) for one in record.scores],
    }


def file_id(record: Record) -> str:
    """Return the UUID that names a record's file, of version 4 as the collection asks, from what was measured."""
    return str(uuid.UUID(bytes=bytes.fromhex(record.key)[:16], version=4))


def _model(record: Record, model: str) -> dict[str, Any]:
    card = record.card
    known = ("architecture", "method", "method_parameters", "seed", "data", "recipe", "epochs", "source")
    details = {name: card.get(name) for name in known}
    return {
        "name": record.checkpoint,
        "id": model,
        "developer": model.partition("/")[0],
        "additional_details": {
            "deployment_type": "self_deployed",
            "model_availability": "open_weights" if card.get("source") else "unknown",
            **_strings(details | {"checkpoint_id": record.checkpoint_id, "device": record.device}),
        },
    }


def _result(record: Record, request: PublishRequest, one: ScoreRecord) -> dict[str, Any]:
    score = one.score
    return {
        "evaluation_result_id": f"{record.key[:12]}.{score.name}",
        "evaluation_name": score.named,
        "source_data": _data(record, request),
        "metric_config": {
            "evaluation_description": score.definition or score.named,
            "metric_id": f"robustsweep.{score.name}",
            "metric_name": score.named,
            "metric_kind": score.quantity,
            "metric_unit": _UNITS.get(score.quantity, "proportion"),
            "lower_is_better": not score.is_accuracy,
            "score_type": "continuous",
            "min_score": _bound(score.bounds[0]),
            "max_score": _bound(score.bounds[1]),
        },
        "score_details": {"score": one.value, "uncertainty": _uncertainty(record, one)},
    }


def _bound(value: float) -> float | str:
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _uncertainty(record: Record, one: ScoreRecord) -> dict[str, Any]:
    found: dict[str, Any] = {"num_samples": record.unit.scope.n}
    if one.standard_error is not None:
        found["standard_error"] = {"value": one.standard_error, "method": "analytic, over images"}
    if one.interval is not None:
        low, high = one.interval
        method = "Wilson" if one.score.is_counted else "analytic, over images"
        found["confidence_interval"] = {"lower": low, "upper": high, "confidence_level": _CONFIDENCE, "method": method}
    return found


def _data(record: Record, request: PublishRequest) -> dict[str, Any]:
    unit, scope = record.unit, record.unit.scope
    how = {
        "provenance": scope.provenance,
        "severities": scope.table,
        "jpeg_quality": scope.jpeg_quality,
        "seed": scope.draw_seed,
        "subset": scope.subset,
        "preprocessing": unit.preprocessing,
        "precision": record.precision,
        "fingerprint": scope.fingerprint,
    }
    repository = request.datasets.get(scope.data)
    if repository is None:
        return {"dataset_name": scope.data, "source_type": "other", "additional_details": _strings(how)}
    named = {"hf_repo": repository, "hf_split": unit.split, "samples_number": scope.n}
    return {"dataset_name": scope.data, "source_type": "hf_dataset", **named, "additional_details": _strings(how)}


def _strings(values: dict[str, Any]) -> dict[str, str]:
    """Write what is known as strings, which the schema asks for."""
    known = {name: value for name, value in values.items() if value not in (None, "", {})}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in known.items()}
