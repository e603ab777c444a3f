"""Scores that are errors: clean, under corruptions, attacks and natural shifts, and means of them."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from robustsweep.results.corruption_names import (
    C_BAR_CORRUPTIONS,
    C_BAR_SETS,
    CORRUPTIONS,
    GROUPS,
    IMAGENET_3DCC,
    SEVERITIES,
    conditions_of,
)
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS
from robustsweep.results.metrics.scores import C_BAR, OF_C_BAR, PRIMARY, Score, cell_title, mean_score

ALL_CONDITIONS = conditions_of(*CORRUPTIONS)
"""The names of the conditions that are the 15 corruptions at their severities."""

NOT_OVERLAPPED = "mean_not_overlapped_error"


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
    ALL_CONDITIONS,
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


def mean_without(overlapped: Collection[str]) -> Score | None:
    """Build the mean error over those of the fifteen that are not ``overlapped``; None if that is all or none."""
    kept = tuple(name for name in CORRUPTIONS if name not in overlapped)
    if len(kept) in (0, len(CORRUPTIONS)):
        return None
    left_out = ", ".join(name for name in CORRUPTIONS if name in overlapped)
    definition = f"Mean error without {left_out}, which the training of a method in this table overlaps."
    title = f"mean of {len(kept)} not overlapped"
    return mean_score(NOT_OVERLAPPED, title, "group", conditions_of(*kept), definition=definition)
