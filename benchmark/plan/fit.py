"""Conditions that can be measured on the images at hand, and sentences about the others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from robustsweep.benchmark.data import Dataset, OfficialSet
from robustsweep.benchmark.plan.conditions import Attacked, Clean, Condition, Corrupted, Sequenced
from robustsweep.benchmark.plan.source import Source
from robustsweep.corruptions import SEVERITIES, TABLES, table_for
from robustsweep.corruptions.generation import SMALLEST_SIDE
from robustsweep.corruptions.sequences.perturbation import SIDE
from robustsweep.results.corruption_names import IMAGENET_3DCC

_NO_CLEAN = "no clean images were given (clean=SPEC)"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A condition that was asked for and is left out.

    Attributes:
        condition: The condition.
        reason: Why, as the end of a sentence.
    """

    condition: Condition
    reason: str


def part_by_fit(source: Source, conditions: Iterable[Condition]) -> tuple[tuple[Condition, ...], tuple[Skipped, ...]]:
    """Part conditions into those that can be measured on these images and the others."""
    found = [(condition, _reason_against(source, condition)) for condition in conditions]
    return (
        tuple(condition for condition, reason in found if not reason),
        tuple(Skipped(condition, reason) for condition, reason in found if reason),
    )


def _reason_against(source: Source, condition: Condition) -> str:
    data = source.data
    if source.is_taken_as_it_is and not isinstance(condition, Clean):
        return f"{data.name} is measured as it is, on the clean condition alone"
    if isinstance(condition, Sequenced):
        return _reason_against_sequences(data, condition)
    if not source.supports(condition):
        return _NO_CLEAN
    if isinstance(condition, Corrupted) and isinstance(data, OfficialSet):
        is_there = condition.corruption in data.corruptions and condition.name not in data.absent
        return "" if is_there else f"{data.name} does not hold these"
    if isinstance(condition, Corrupted) and condition.corruption in IMAGENET_3DCC:
        return "corruptions of 3DCC are not generated, only read of imagenet-3dcc:DIR"
    if isinstance(condition, Corrupted) and min(data.size) < SMALLEST_SIDE:
        return f"corruptions need at least {SMALLEST_SIDE} pixels on each side, {data.name} has {min(data.size)}"
    if isinstance(condition, Attacked) and data.classes < condition.attack.fewest_classes:
        return f"its loss needs {condition.attack.fewest_classes} classes, {data.name} has {data.classes}"
    return ""


def _reason_against_sequences(data: Dataset | OfficialSet, condition: Sequenced) -> str:
    if isinstance(data, OfficialSet) and (data.sequences or data.clean is None):
        return "" if condition.perturbation in data.sequences else f"{data.name} does not hold these"
    fits = data.size == (SIDE, SIDE)
    return "" if fits else f"sequences are made of {SIDE}x{SIDE} pixels, {data.name} has {data.size[1]}x{data.size[0]}"


def skipped_sentences(skipped: Sequence[Skipped]) -> list[str]:
    """Say what is left out, one sentence per reason."""
    by_reason: dict[str, list[str]] = {}
    for one in skipped:
        by_reason.setdefault(one.reason, []).append(one.condition.name)
    return [f"left out, as {reason}: {', '.join(shortened(names))}" for reason, names in by_reason.items()]


def shortened(names: Sequence[str]) -> list[str]:
    """Write the five severities of a corruption as its name alone, in the place of the first."""
    there, shown = set(names), dict[str, None]()
    for name in names:
        corruption = name.partition("@")[0]
        whole = all(f"{corruption}@{severity}" in there for severity in SEVERITIES)
        shown[corruption if whole else name] = None
    return list(shown)


def table_notes(size: tuple[int, int], conditions: Iterable[Condition]) -> list[str]:
    """Say which severity tables were asked for that were tuned for images of another size.

    Args:
        size: Height and width of the images.
        conditions: With their tables filled in.
    """
    tables = {condition.table: None for condition in conditions if isinstance(condition, Corrupted) and condition.table}
    fitting = table_for(*size)
    return [
        f"The {table} severities were tuned for images of {TABLES[table].side}x{TABLES[table].side} pixels, these have "
        f"{size[1]}x{size[0]}, to which those of {fitting} are nearest: the errors compare with no published ones."
        for table in tables
        if table != fitting
    ]
