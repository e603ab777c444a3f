"""Every score there is, in the order of tables and comparisons, those of other packages included."""

from collections.abc import Iterable, Iterator
from typing import get_args

import pandas as pd

from robustsweep.registry import Registry
from robustsweep.results.comparable.rows import corruptions_of
from robustsweep.results.corruption_names import EDGES, FILLINGS
from robustsweep.results.metrics.catalogue.error_scores import (
    CLEAN,
    CLEAN_TOP5,
    GROUP_ERRORS,
    HARDEST,
    MEAN_3DCC,
    MEAN_C_BAR,
    MEAN_CORRUPTION,
    MEANS_APART,
    SEVERITY_ERRORS,
    SHIFT_ERRORS,
    attack_score,
    corruption_score,
)
from robustsweep.results.metrics.catalogue.probability_scores import ECE, probability_scores
from robustsweep.results.metrics.catalogue.quotient_scores import MCE, RELATIVE_MCE, RELATIVE_ROBUSTNESS, published_mce
from robustsweep.results.metrics.catalogue.sequence_scores import SEQUENCE_SCORES
from robustsweep.results.metrics.catalogue.window_scores import hard_over_soft
from robustsweep.results.metrics.scores import KINDS, Quantity, Score

HEADLINE = (MEAN_CORRUPTION, CLEAN, *GROUP_ERRORS)
"""The columns of the headline that no reference divides."""

DEFINED = (
    *(CLEAN, CLEAN_TOP5, *SHIFT_ERRORS.values(), MEAN_CORRUPTION, *MEANS_APART, *GROUP_ERRORS),
    *(HARDEST, MCE, RELATIVE_MCE, RELATIVE_ROBUSTNESS),
)
"""Scores that a report defines, as far as words are needed."""

SCORES: Registry[Score] = Registry("score", Score)
"""Scores that other packages add; those of this one are not in it."""


def added_scores(taken: Iterable[str] = ()) -> list[Score]:
    """List the scores that other packages add.

    Args:
        taken: Names that they cannot have.

    Raises:
        UsageError: If one of them cannot be computed, or has another's name.
    """
    names = {*taken, *(score.name for score in DEFINED)}
    for name in SCORES:
        if name in names:
            raise SCORES.refuse(name, "has the name of a score that is there already")
        if fault := _fault(SCORES[name]):
            raise SCORES.refuse(name, fault)
    return [SCORES[name] for name in SCORES]


def _fault(score: Score) -> str:
    """Say what keeps a score from being computed; empty if nothing does."""
    if score.kind not in KINDS:
        return f"is of the kind {score.kind!r}, expected one of {', '.join(KINDS)}"
    if score.by_reference:
        return "divides by a reference, which scores of other packages cannot"
    if KINDS[score.kind].margin is not None and (score.over or score.quantity != "error"):
        return f"is of the kind {score.kind!r}, which the gate judges, so that it must be a sum of errors"
    for part in score.parts:
        if part.quantity not in get_args(Quantity):
            return f"takes the quantity {part.quantity!r}, expected one of {', '.join(get_args(Quantity))}"
        if not part.cells or len(part.weights) != len(part.cells):
            return f"has {len(part.weights)} weights for {len(part.cells)} cells, expected one each, and at least one"
    return ""


def scores_of(rows: pd.DataFrame, *, published_reference: bool) -> list[Score]:
    """List every score that is compared and whose conditions ``rows`` name, whoever measured them.

    Args:
        rows: Rows of the frame: clean, natural shifts, corruptions, attacks and windows.
        published_reference: Whether AlexNet's errors may divide these.
    """
    conditions = set(rows["condition"])
    candidates = [*([published_mce()] if published_reference else []), MEAN_CORRUPTION, *MEAN_C_BAR]
    candidates += [
        *map(corruption_score, corruptions_of(rows)),
        CLEAN,
        *SHIFT_ERRORS.values(),
        *_attack_scores(rows),
        *GROUP_ERRORS,
        *SEVERITY_ERRORS,
        MEAN_3DCC,
        *SEQUENCE_SCORES,
    ]
    candidates += added_scores(score.name for score in candidates)
    candidates += [hard_over_soft(soft, filling) for filling in FILLINGS for soft in EDGES[1:]]
    candidates += [score for where in ECE for score in (ECE[where], *probability_scores(where))]
    return [score for score in candidates if all(condition in conditions for condition, _ in score.cells)]


def _attack_scores(rows: pd.DataFrame) -> Iterator[Score]:
    attacks = rows[rows["kind"] == "attack"].sort_values(["condition", "eps_value"], kind="stable")
    for condition, eps in attacks[["condition", "eps"]].drop_duplicates().itertuples(index=False):
        yield attack_score(condition, eps)
