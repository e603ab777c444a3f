"""The tables that put every checkpoint in one row: the headline, and scores of probabilities."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES, conditions_of
from robustsweep.results.metrics.corruption_metrics import (
    CLEAN_ERROR,
    CLEAN_TOP5_ERROR,
    GROUP_ERRORS,
    MCE,
    MEAN_CORRUPTION_ERROR,
    RELATIVE_MCE,
    Metric,
    UndefinedMetricError,
    mean_metric,
)
from robustsweep.results.metrics.mce_by_reference import MCE_BY_REFERENCE
from robustsweep.results.metrics.references import Reference
from robustsweep.results.tables.provenance_tables import pairs_text
from robustsweep.results.tables.table import Column, Table, Value, value_of

_ALL_MEANS = "Means: 15 corruptions x 5 severities; noise 3 x 5, blur 4 x 5, weather 4 x 5, digital 4 x 5."
_MOST_NAMED = 8
_NO_MCE = (
    "No mCE: no checkpoint here, and no seeds of one training, have the method baseline, whose errors would divide; "
    "--reference NAME chooses another method or checkpoint."
)
_CHECKPOINT_LEVEL = (
    "Checkpoint-level only: a method here has a single training seed; differences describe these checkpoints, not "
    "their methods."
)


def value_or_missing(metric: Metric, values: "pd.Series[float]", reference: Reference | None = None) -> float | None:
    """Return the metric, or None where its cells are missing or the reference cannot divide."""
    try:
        return metric.value(values, None if reference is None else reference.errors)
    except NothingToCompareError:
        return None


def undefined_notes(metric: Metric, reference: Reference) -> Iterator[str]:
    """Explain a quotient whose cells are all measured and that still does not exist."""
    try:
        metric.value(reference.errors, reference.errors)
    except UndefinedMetricError as error:
        yield f"{metric.title}: {error}"
    except NothingToCompareError:
        return


def some_complete(unit: Unit, corruptions: Sequence[str]) -> bool:
    """Whether a checkpoint has all five severities of one of ``corruptions``; tables of means begin there."""
    measured = unit.rows[unit.rows["corruption"].isin(corruptions)]
    return bool((measured.groupby(["checkpoint_id", "corruption"]).size() == len(SEVERITIES)).any())


def headline(unit: Unit, references: Sequence[Reference]) -> Table:
    """One row per checkpoint or method: clean error, mean corruption error, group means, what references divide."""
    corrupted = some_complete(unit, CORRUPTIONS)
    plain = [MEAN_CORRUPTION_ERROR, CLEAN_ERROR, *GROUP_ERRORS] if corrupted else [CLEAN_ERROR]
    wanted = [(m, reference) for reference in references for m in (MCE, RELATIVE_MCE)] if corrupted else []
    undefined = [note for metric, reference in wanted for note in undefined_notes(metric, reference)]
    divided = [(m, reference) for m, reference in wanted if not any(undefined_notes(m, reference))]
    columns = _leading_columns(unit)
    n_leading = len(columns)
    columns += [Column(m.name, m.title, "percent", False) for m in plain]
    columns += [_quotient_column(metric, reference) for metric, reference in divided]
    names = [m.name for m in plain]
    names += ["" if m != MCE else "mce" if r.is_published else MCE_BY_REFERENCE for m, r in divided]
    errors = unit.values()
    rows = []
    for identifier, card in unit.checkpoints.iterrows():
        values = errors[identifier]
        measured = [value_or_missing(m, values) for m in plain] + [
            value_or_missing(m, values, reference) for m, reference in divided
        ]
        rows.append((*_leading(card, unit), *measured))
    notes = [_ALL_MEANS, *_missing_means(unit), *undefined] if corrupted else []
    if corrupted:
        notes += [] if references else [_NO_MCE]
        notes += [f"mCE ({r.short_name}): {r.name} is 100; {r.caveat}." for r in references if r.caveat]
    notes += parameter_notes(unit)
    notes += [_CHECKPOINT_LEVEL] if unit.scope.checkpoint_level_only else []
    return Table(
        "headline",
        "Top-1 error (%, lower is better)",
        unit.scope,
        tuple(columns),
        tuple(rows),
        tuple(notes),
        best_along="column",
        scores={(r, n_leading + c): (name, r) for r in range(len(rows)) for c, name in enumerate(names) if name},
        subject=unit.subject,
    )


def _leading_columns(unit: Unit) -> list[Column]:
    if unit.subject == "method":
        return [Column("method", "method", "method"), Column("seeds", "seeds", "count")]
    return [Column("checkpoint", "checkpoint"), Column("method", "method", "method"), Column("seed", "seed", "count")]


def _leading(card: "pd.Series[Any]", unit: Unit) -> tuple[Value, ...]:
    if unit.subject == "method":
        return card["label"], int(card["seeds"])
    return card["label"], card["method"], None if pd.isna(card["seed"]) else int(card["seed"])


def _missing_means(unit: Unit) -> Iterator[str]:
    """Say which conditions a mean of 15 lacks, and for whom."""
    errors = unit.values()
    lacking: dict[tuple[str, ...], list[str]] = {}
    for identifier, label in unit.checkpoints["label"].items():
        measured = set(errors[identifier].dropna().index)
        if missing := tuple(_lacking(measured)):
            lacking.setdefault(missing, []).append(label)
    for missing, labels in lacking.items():
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        who = f" for {', '.join(labels)}" if len(labels) < len(unit.checkpoints) else ""
        yield f"No mean of 15{who}: not measured are {', '.join(missing[:_MOST_NAMED])}{more}."


def _lacking(measured: set[str]) -> Iterator[str]:
    """Name what is missing of the fifteen: a corruption where all its severities are."""
    for corruption in CORRUPTIONS:
        missing = [condition for condition in conditions_of(corruption) if condition not in measured]
        yield from [corruption] if len(missing) == len(SEVERITIES) else missing


def parameter_notes(unit: Unit) -> Iterator[str]:
    """Write the parameters of each method; one that was trained with several names its checkpoints."""
    groups = unit.checkpoints.groupby(["method", "method_parameters"], sort=True)
    by_method = [(method, pairs_text(parameters), same["label"]) for (method, parameters), same in groups]
    methods = [method for method, _, _ in by_method]
    for method, pairs, labels in by_method:
        who = f" ({', '.join(labels)})" if methods.count(method) > 1 else ""
        if pairs:
            yield f"{method}{who}: {pairs}."


def _quotient_column(metric: Metric, reference: Reference) -> Column:
    name = f"{metric.name}_vs_{reference.name}" + ("_not_comparable_with_published_mce" if reference.caveat else "")
    return Column(name, f"{metric.title} ({reference.short_name})", "percent", False)


def clean_and_scores(unit: Unit, corrupted: bool) -> Table:
    """Clean top-1 and top-5 error, and the mean negative log-likelihood and Brier score as stored."""
    nll = mean_metric("nll", "NLL", CORRUPTIONS, "nll")
    brier = mean_metric("brier", "Brier", CORRUPTIONS, "brier")
    errors, top5 = unit.values(), unit.values("top5_error")
    scores = {quantity: unit.values(quantity) for quantity in ("nll", "brier")}
    columns = [Column(unit.subject, unit.subject, "method" if unit.subject == "method" else "text")]
    columns += [Column("clean_error", "clean error (%)", "percent", False)]
    columns += [Column("clean_top5_error", "clean top-5 error (%)", "percent", False)]
    columns += [Column("clean_nll", "clean NLL (nats)", "number", False)]
    columns += [Column("clean_brier", "clean Brier", "number", False)]
    if corrupted:
        columns += [Column("corruption_nll", "corruption NLL (nats)", "number", False)]
        columns += [Column("corruption_brier", "corruption Brier", "number", False)]
    rows = []
    for identifier, label in unit.checkpoints["label"].items():
        row = [value_or_missing(CLEAN_ERROR, errors[identifier]), value_or_missing(CLEAN_TOP5_ERROR, top5[identifier])]
        row += [value_of(scores[q][identifier].get("clean")) for q in ("nll", "brier")]
        if corrupted:
            row += [
                value_or_missing(nll, scores["nll"][identifier]),
                value_or_missing(brier, scores["brier"][identifier]),
            ]
        rows.append((label, *row))
    notes = ("Corruption NLL and Brier: means over 15 corruptions x 5 severities.",) if corrupted else ()
    return Table(
        "clean_and_scores",
        "Clean images and probability scores (lower is better)",
        unit.scope,
        tuple(columns),
        tuple(rows),
        notes,
        best_along="column",
        depth="detail",
        subject=unit.subject,
    )
