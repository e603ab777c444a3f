"""The tables that put every checkpoint in one row: the headline, and scores of probabilities."""

from collections.abc import Iterator, Sequence

import pandas as pd

from robustsweep.results.comparable.comparable_sets import Unit, shift_of
from robustsweep.results.comparable.notes import Note
from robustsweep.results.comparable.rows import DEFAULT_METHOD
from robustsweep.results.comparable.training_overlap import overlapped_corruptions
from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES, conditions_of
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS
from robustsweep.results.metrics.benchmarks import C_BARS, minus_c
from robustsweep.results.metrics.catalogue import every_score
from robustsweep.results.metrics.catalogue.error_scores import (
    CLEAN,
    CLEAN_TOP5,
    MEAN_C_BAR,
    MEAN_CORRUPTION,
    MEANS_APART,
    SHIFT_ERRORS,
    SHIFT_TOP5_ERRORS,
    mean_without,
)
from robustsweep.results.metrics.catalogue.every_score import added_scores
from robustsweep.results.metrics.catalogue.probability_scores import probability_scores
from robustsweep.results.metrics.catalogue.quotient_scores import DIVIDED
from robustsweep.results.metrics.references import BY_REFERENCE, Reference
from robustsweep.results.metrics.scores import Score
from robustsweep.results.tables.provenance_tables import pairs_text
from robustsweep.results.tables.table import Column, Line, Table, Value, score_table, subject_column

_ALL_MEANS = "Means of C: 15 corruptions x 5 severities; noise 3 x 5, blur 4 x 5, weather 4 x 5, digital 4 x 5."
_C_BAR_MEANS = "C-bar is a benchmark of its own: a mean of 10 corruptions x 5 severities; the groups are those of C."
_MOST_NAMED = 8
_CHECKPOINT_LEVEL = (
    "Checkpoint-level only: a method here has a single training seed; differences describe these checkpoints, not "
    "their methods."
)


def some_complete(unit: Unit, corruptions: Sequence[str]) -> bool:
    """Whether a checkpoint has all five severities of one of ``corruptions``; tables of means begin there."""
    measured = unit.rows[unit.rows["corruption"].isin(corruptions)]
    return bool((measured.groupby(["checkpoint_id", "corruption"]).size() == len(SEVERITIES)).any())


def unseen_mean(unit: Unit) -> Score | None:
    """Build the mean over those of the fifteen that no training here overlaps.

    None if that is all or none of them, or a card does not say which ones its training overlaps.
    """
    names: set[str] = set()
    for overlapped in overlapped_corruptions(unit).values():
        if overlapped is None:
            return None
        names |= set(overlapped)
    return mean_without(names)


def divided_scores(references: Sequence[Reference]) -> tuple[list[tuple[Score, Reference]], list[str]]:
    """Return the quotients that references divide; the second item says which a reference leaves undefined."""
    wanted = [(score, reference) for reference in references for score in DIVIDED]
    undefined = [score.undefined_by(reference.errors) for score, reference in wanted]
    defined = [(r.dividing(score), r) for (score, r), why in zip(wanted, undefined, strict=True) if not why]
    return defined, [why for why in undefined if why]


def scores_apart(unit: Unit, scores: Sequence[Score] = MEANS_APART) -> list[Score]:
    """Return the means over benchmarks of their own, C-bar and 3DCC, that some checkpoint has."""
    return _measured(unit, scores)


def _added_scores(unit: Unit) -> list[Score]:
    return _measured(unit, [score for score in added_scores() if score.column in unit.rows])


def _measured(unit: Unit, scores: Sequence[Score]) -> list[Score]:
    return [score for score in scores if {*score.values(unit.values(score.column))} - {None}]


def headline(unit: Unit, references: Sequence[Reference]) -> Table:
    """One row per checkpoint or method: clean error, mean corruption errors, group means, what references divide.

    Of a natural shift, its error alone.
    """
    corrupted = some_complete(unit, CORRUPTIONS)
    unseen = unseen_mean(unit) if corrupted else None
    shift, apart = shift_of(unit), scores_apart(unit)
    of_c = (MEAN_CORRUPTION, *([unseen] if unseen else []))
    undisturbed = (SHIFT_ERRORS[shift],) if shift else (CLEAN,)
    of_all = every_score.HEADLINE[1:] if corrupted else undisturbed
    plain = [*(of_c if corrupted else ()), *apart, *of_all, *_added_scores(unit)]
    divided, undefined = divided_scores(references if corrupted else ())
    columns = [Column(score.name, score.header or score.title, score.unit, score.is_accuracy) for score in plain]
    columns += [_quotient_column(score, reference) for score, reference in divided]
    means = {column: unit.values(column) for column in {"error", *(score.column for score in plain)}}
    lines = [Line("", score.name, tuple(score.values(means[score.column])), score) for score in plain]
    lines += [Line("", s.name, tuple(s.values(means["error"], reference.errors)), s) for s, reference in divided]
    notes = [_ALL_MEANS, *_missing_means(unit), *undefined] if corrupted else []
    notes += [f"{unseen.title}: {unseen.definition}"] if unseen else []
    if corrupted:
        notes += [] if references else [_no_mce(unit)]
        notes += [
            Note(f"mCE ({r.short_name}): {r.name} is 100; {r.caveat}.", "reference") for r in references if r.caveat
        ]
    notes += [_C_BAR_MEANS] if {*apart} & {*MEAN_C_BAR} else []
    notes += parameter_notes(unit)
    notes += [_CHECKPOINT_LEVEL] if unit.scope.checkpoint_level_only else []
    table = Table(
        "headline", "Top-1 error (%, lower is better)", unit.scope, (), (), tuple(notes), subject=unit.subject
    )
    return score_table(table, _leading_columns(unit), _leading(unit), columns, lines)


def _no_mce(unit: Unit) -> Note:
    """Say why no reference divides, and how to name one."""
    found = unit.checkpoints.loc[unit.checkpoints["method"] == DEFAULT_METHOD, "label"]
    why = f"none here has the method {DEFAULT_METHOD}"
    if len(found):
        why = f"those with the method {DEFAULT_METHOD} ({_first(list(found))}) differ by more than their training seed"
    text = "No mCE: it divides by the errors of a reference, a checkpoint or the seeds of one method, and "
    return Note(f"{text}{why}; --reference NAME chooses another.", "no mCE")


def c_and_c_bar(unit: Unit) -> Table | None:
    """One row per checkpoint or method: mean errors over C and C-bar, and their difference; None if none has both."""
    errors = unit.values()
    pairs = [(mean, minus_c(name)) for name, mean in C_BARS.items()]
    found = [pair for pair in pairs if {*pair[1].values(errors)} - {None}]
    if not found:
        return None
    scores = [MEAN_CORRUPTION, *(score for pair in found for score in pair)]
    columns = [Column(s.name, s.header or s.title, "percent", None if min(s.weights) < 0 else False) for s in scores]
    lines = [Line("", score.name, tuple(score.values(errors)), score) for score in scores]
    notes = [f"{score.title}: {score.definition}" for score in scores]
    title = "C and C-bar side by side: mean top-1 errors (%, lower is better)"
    table = Table("c_and_c_bar", title, unit.scope, (), (), tuple(notes), subject=unit.subject)
    return score_table(table, _leading_columns(unit), _leading(unit), columns, lines)


def _leading_columns(unit: Unit) -> list[Column]:
    if unit.subject == "method":
        return [Column("method", "method", "method"), Column("seeds", "seeds", "count")]
    return [Column("checkpoint", "checkpoint"), Column("method", "method", "method"), Column("seed", "seed", "count")]


def _leading(unit: Unit) -> list[tuple[Value, ...]]:
    cards = unit.checkpoints
    if unit.subject == "method":
        return list(zip(cards["label"], map(int, cards["seeds"]), strict=True))
    seeds = [None if pd.isna(seed) else int(seed) for seed in cards["seed"]]
    return list(zip(cards["label"], cards["method"], seeds, strict=True))


def _missing_means(unit: Unit) -> Iterator[str]:
    """Say which conditions a mean of 15 lacks, and for whom."""
    errors = unit.values()
    lacking: dict[tuple[str, ...], list[str]] = {}
    for identifier, label in unit.checkpoints["label"].items():
        measured = set(errors[identifier].dropna().index)
        if missing := tuple(_lacking(measured)):
            lacking.setdefault(missing, []).append(label)
    for missing, labels in lacking.items():
        who = f" for {', '.join(labels)}" if len(labels) < len(unit.checkpoints) else ""
        yield f"No mean of 15{who}: not measured are {_first(missing)}."


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"


def _lacking(measured: set[str]) -> Iterator[str]:
    """Name what is missing of the fifteen: a corruption if all its severities are."""
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


def _quotient_column(score: Score, reference: Reference) -> Column:
    name = f"{score.name.removesuffix(BY_REFERENCE)}_vs_{reference.name}"
    name += "_not_comparable_with_published_mce" if reference.caveat else ""
    return Column(name, score.title, score.unit, score.is_accuracy)


def clean_and_scores(unit: Unit, corrupted: bool) -> Table:
    """Top-1 and top-5 error and the mean NLL and Brier score as stored, on clean images or those of a natural shift."""
    where = shift_of(unit) or "clean"
    name = NATURAL_SHIFTS[where].title if where in NATURAL_SHIFTS else where
    error, top5 = SHIFT_ERRORS.get(where, CLEAN), SHIFT_TOP5_ERRORS.get(where, CLEAN_TOP5)
    nll, brier = probability_scores(where)
    shown = [(f"{where}_error", f"{name} error (%)", error), (f"{where}_top5_error", f"{name} top-5 error (%)", top5)]
    shown += [(f"{where}_nll", f"{name} NLL (nats)", nll), (f"{where}_brier", f"{name} Brier", brier)]
    if corrupted:
        nll, brier = probability_scores("corruptions")
        shown += [("corruption_nll", "corruption NLL (nats)", nll), ("corruption_brier", "corruption Brier", brier)]
    notes = ("Corruption NLL and Brier: means over 15 corruptions x 5 severities.",) if corrupted else ()
    title = f"{'Clean images' if where == 'clean' else name} and probability scores (lower is better)"
    table = Table("clean_and_scores", title, unit.scope, (), (), notes, subject=unit.subject, depth="detail")
    columns = [Column(name, title, score.unit, score.is_accuracy) for name, title, score in shown]
    lines = [Line("", name, tuple(score.values(unit.values(score.column))), score) for name, _, score in shown]
    return score_table(table, [subject_column(unit)], [(label,) for label in unit.checkpoints["label"]], columns, lines)
