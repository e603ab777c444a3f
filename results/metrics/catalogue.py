"""Every score there is, in the order of tables and comparisons."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import get_args

import pandas as pd

from robustsweep.registry import Registry
from robustsweep.results.alexnet_errors import alexnet_errors
from robustsweep.results.comparable.rows import corruptions_of
from robustsweep.results.corruption_names import (
    C_BAR_CORRUPTIONS,
    C_BAR_SETS,
    CORRUPTIONS,
    EDGES,
    FILLINGS,
    FRACTIONS,
    GROUPS,
    IMAGENET_3DCC,
    SEVERITIES,
    conditions_of,
)
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS
from robustsweep.results.corruption_names.sequences import FRAMES, sequence_condition
from robustsweep.results.metrics.scores import (
    C_BAR,
    KINDS,
    OF_C_BAR,
    PRIMARY,
    CellName,
    Quantity,
    Score,
    cell_title,
    mean_score,
    quotient,
)

_ALL = conditions_of(*CORRUPTIONS)
NOT_OVERLAPPED = "mean_not_overlapped_error"
_SOURCE = "one per corruption of the benchmark, each a ratio of sums over 5 severities."


def corruption_score(name: str) -> Score:
    """Build the mean error of one corruption over its five severities."""
    kinds = {"corruption": CORRUPTIONS, OF_C_BAR: C_BAR_CORRUPTIONS}
    kind = next((kind for kind, names in kinds.items() if name in names), "extra corruption")
    return mean_score(f"{name}_error", name, kind, conditions_of(name))


def condition_score(name: str) -> Score:
    """Build the error under one condition."""
    return mean_score(f"{name}_error", name, "corruption", [name])


def attack_score(condition: str, eps: str) -> Score:
    """Build the error under an attack at one of its eps."""
    title = cell_title((condition, eps))
    return Score(f"{title}_error", title, "attack", ((condition, eps),), (1.0,))


def accuracy_of(score: Score) -> Score:
    """Return the accuracy that an error is the complement of."""
    return replace(score, name=f"{score.name.removesuffix('_error')}_accuracy", quantity="accuracy")


def _over(names: tuple[str, ...]) -> str:
    return f"Mean error over {len(names)} corruptions x {len(SEVERITIES)} severities ({', '.join(names)})."


CLEAN = mean_score(
    "clean_error", "clean", "clean", ["clean"], definition="Top-1 error on the images without any corruption."
)
CLEAN_TOP5 = mean_score(
    "clean_top5_error",
    "clean top-5",
    "clean",
    ["clean"],
    "top5_error",
    definition="Fraction of clean images whose label is not among the five largest logits.",
)
SHIFT_ERRORS: Mapping[str, Score] = {
    name: mean_score(
        f"{name}_error",
        shift.title,
        "natural shift",
        [name],
        definition=f"Top-1 error on {shift.title}, {shift.what}, among the classes that it has.",
    )
    for name, shift in NATURAL_SHIFTS.items()
}
"""The error under each natural shift, by the shift."""
SHIFT_TOP5_ERRORS: Mapping[str, Score] = {
    name: mean_score(f"{name}_top5_error", f"{shift.title} top-5", "natural shift", [name], "top5_error")
    for name, shift in NATURAL_SHIFTS.items()
}
MEAN_CORRUPTION = mean_score(
    "mean_corruption_error",
    "mean of 15 corruptions (C)",
    PRIMARY,
    _ALL,
    header="mean corruption C",
    definition=_over(CORRUPTIONS),
)
MEAN_C_BAR = tuple(
    mean_score(
        f"mean_corruption_error_{owner.lower()}_c_bar",
        f"mean corruption error C-bar ({owner})",
        C_BAR,
        conditions_of(*names),
        header=f"mean corruption C-bar ({owner})",
        definition=f"{_over(names)} No mean over the common 15 has a part in it, and no reference divides it.",
    )
    for owner, names in C_BAR_SETS.items()
)
"""The mean over each C-bar.

Source: Mintun, Kirillov & Xie 2021, section 5: the plain mean of 50 errors.
"""
MEAN_3DCC = mean_score(
    "mean_corruption_error_imagenet_3dcc",
    "mean corruption error 3DCC",
    "3DCC",
    conditions_of(*IMAGENET_3DCC),
    definition=f"{_over(IMAGENET_3DCC)} No mean over the common 15 has a part in it, and no reference divides it.",
)
"""The mean over ImageNet-3DCC. Source: Kar, Yeo & Zamir 2022."""
MEANS_APART = (*MEAN_C_BAR, MEAN_3DCC)
"""The means over benchmarks of their own."""
GROUP_ERRORS = tuple(
    mean_score(f"{group}_error", f"group {group}", "group", conditions_of(*names), "error", group, _over(names))
    for group, names in GROUPS.items()
)
SEVERITY_ERRORS = tuple(
    mean_score(f"severity_{s}_error", f"severity {s}", "severity", [f"{c}@{s}" for c in CORRUPTIONS])
    for s in SEVERITIES
)
HARDEST = replace(SEVERITY_ERRORS[-1], definition=f"Mean error over 15 corruptions at severity {SEVERITIES[-1]} alone.")
PER_CORRUPTION = tuple(map(corruption_score, CORRUPTIONS))


def _rise(corruption: str) -> Score:
    """Build the mean error under a corruption minus the clean one."""
    whole = corruption_score(corruption)
    title, cells = f"the rise of error under {corruption}", (*whole.cells, *CLEAN.cells)
    return Score(f"{corruption}_rise", title, "ratio", cells, (*whole.weights, -1.0))


def mean_without(overlapped: Collection[str]) -> Score | None:
    """Build the mean error over those of the fifteen that are not ``overlapped``; None if that is all or none."""
    kept = tuple(name for name in CORRUPTIONS if name not in overlapped)
    if len(kept) in (0, len(CORRUPTIONS)):
        return None
    left_out = ", ".join(name for name in CORRUPTIONS if name in overlapped)
    definition = f"Mean error without {left_out}, which the training of a method in this table overlaps."
    title = f"mean of {len(kept)} not overlapped"
    return mean_score(NOT_OVERLAPPED, title, "group", conditions_of(*kept), definition=definition)


def ce(*corruptions: str) -> Score:
    """Build CE: a corruption's summed error over the reference's, 1 is the reference itself; of several, the mean.

    Source: Hendrycks & Dietterich 2019, section 4.2: a ratio of sums, not a mean of per-severity ratios.
    """
    over = [corruption_score(name) for name in corruptions]
    under = [replace(score, title=f"the error under {score.title}") for score in over]
    if len(over) == 1:
        return quotient(f"ce_{corruptions[0]}", f"CE {corruptions[0]}", over, under, "")
    return quotient("mce", "mCE", over, under, f"Mean of {len(over)} CE values, {_SOURCE}")


def relative_ce(*corruptions: str) -> Score:
    """Build relative CE: the summed rise of error above the clean error, over the reference's; of several, the mean.

    Source: Hendrycks & Dietterich 2019, section 4.2.
    """
    parts = [_rise(name) for name in corruptions]
    if len(parts) == 1:
        return quotient(f"relative_ce_{corruptions[0]}", f"relative CE {corruptions[0]}", parts, parts, "")
    return quotient("relative_mce", "relative mCE", parts, parts, f"Mean of {len(parts)} relative CE values, {_SOURCE}")


MCE = ce(*CORRUPTIONS)
RELATIVE_MCE = relative_ce(*CORRUPTIONS)
# Source: Michaelis et al. 2019, "Benchmarking Robustness in Object Detection", where it is called rPC; the mean of the
# fifteen ratios is the ratio of the mean, as all have one divisor.
RELATIVE_ROBUSTNESS = quotient(
    "relative_robustness",
    "relative robustness",
    [accuracy_of(MEAN_CORRUPTION)],
    [accuracy_of(CLEAN)],
    "Mean accuracy over 15 corruptions x 5 severities, divided by the accuracy on clean images; higher is better.",
    by_reference=False,
)
ECE: Mapping[str, Score] = {
    where: mean_score(f"{where}_ece", f"ECE, {where}", "calibration", conditions, "ece")
    for where, conditions in (
        ("clean", ("clean",)),
        ("corruptions", _ALL),
        *((name, (name,)) for name in NATURAL_SHIFTS),
    )
}

_COMPARED = "of a noise with the first frame, of others with the frame before"
FLIPS = tuple(
    mean_score(f"{name}_flip_probability", name, "sequence", [sequence_condition(name)], "flip") for name in FRAMES
)
"""The flip probability of each perturbation."""
MEAN_FLIP = mean_score(
    "mean_flip_probability",
    "mean flip probability",
    "sequence",
    map(sequence_condition, FRAMES),
    "flip",
    definition=f"Share of frames whose prediction differs, {_COMPARED}; mean over {len(FRAMES)} ({', '.join(FRAMES)}).",
)
TOP5_DISTANCES = tuple(
    mean_score(f"{name}_top5_distance", name, "sequence", [sequence_condition(name)], "top5_distance")
    for name in FRAMES
)
MEAN_TOP5_DISTANCE = mean_score(
    "mean_top5_distance",
    "mean top-5 distance",
    "sequence",
    map(sequence_condition, FRAMES),
    "top5_distance",
    definition=f"How far the five best classes move between frames, 0 to 15, {_COMPARED}; mean over {len(FRAMES)}.",
)
SEQUENCE_SCORES = (*FLIPS, MEAN_FLIP, *TOP5_DISTANCES, MEAN_TOP5_DISTANCE)
"""Source: Hendrycks & Dietterich 2019, section 5.1."""

HEADLINE = (MEAN_CORRUPTION, CLEAN, *GROUP_ERRORS)
"""The columns of the headline that no reference divides."""

DIVIDED = (MCE, RELATIVE_MCE)
"""Those that every reference divides."""

DEFINED = (
    *(CLEAN, CLEAN_TOP5, *SHIFT_ERRORS.values(), MEAN_CORRUPTION, *MEANS_APART, *GROUP_ERRORS),
    *(HARDEST, MCE, RELATIVE_MCE, RELATIVE_ROBUSTNESS),
)
"""Scores that a report defines, as far as words are needed."""


def probability_scores(where: str) -> tuple[Score, Score]:
    """Build the mean NLL and Brier score over clean images, over all corruptions, or over those of a natural shift."""
    quantities: tuple[tuple[Quantity, str], ...] = (("nll", "NLL (nats)"), ("brier", "Brier"))
    cells = [condition for condition, _ in ECE[where].cells]
    nll, brier = (mean_score(f"{where}_{q}", f"{title}, {where}", "calibration", cells, q) for q, title in quantities)
    return nll, brier


def published_mce() -> Score:
    """Build mCE with AlexNet's published errors: constants divide, so that it is a mean over images as well."""
    errors = alexnet_errors().to_frame()
    divisors = [float(part.values(errors)[0] or 0) for part in MCE.under]
    return replace(MCE.with_constants(divisors), title="mCE (AlexNet)", kind=PRIMARY)


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
    candidates += [_hard_over(soft, filling) for filling in FILLINGS for soft in EDGES[1:]]
    candidates += [score for where in ECE for score in (ECE[where], *probability_scores(where))]
    return [score for score in candidates if all(condition in conditions for condition, _ in score.cells)]


def _attack_scores(rows: pd.DataFrame) -> Iterator[Score]:
    attacks = rows[rows["kind"] == "attack"].sort_values(["condition", "eps_value"], kind="stable")
    for condition, eps in attacks[["condition", "eps"]].drop_duplicates().itertuples(index=False):
        yield attack_score(condition, eps)


def _window_conditions(edge: str, filling: str) -> list[str]:
    return [f"window-{edge}-{filling}@{fraction:g}" for fraction in FRACTIONS]


def window_score(edge: str, filling: str, quantity: Quantity = "accuracy") -> Score:
    """Build the mean over the fractions of what windows with one edge and filling do."""
    name = f"window_{edge}_{filling}_{quantity}"
    return mean_score(name, name, "window", _window_conditions(edge, filling), quantity)


def single_window_score(condition: str, quantity: Quantity) -> Score:
    """Build what one window does."""
    return mean_score(f"{condition}_{quantity}", condition, "window", [condition], quantity)


def hard_minus_soft(soft: str, filling: str, quantity: Quantity = "accuracy") -> Score:
    """Build the difference under a hard and a soft edge, both over the same places and patches.

    Each image contributes one number, its mean over the three fractions, so that its fractions, which are not
    independent, count as one observation.
    """
    names = [name for edge in (EDGES[0], soft) for name in _window_conditions(edge, filling)]
    cells: tuple[CellName, ...] = tuple((name, "") for name in names)
    share = 1 / len(FRACTIONS)
    weights = (share,) * len(FRACTIONS) + (-share,) * len(FRACTIONS)
    name = f"hard_minus_{soft}_{filling}"
    return Score(name, name, "window", cells, weights, quantity)


def _hard_over(soft: str, filling: str) -> Score:
    title = f"hard over {soft} edge, {filling} filling"
    return replace(hard_minus_soft(soft, filling, "error"), name=f"hard_over_{soft}_{filling}", title=title)
