"""From a planned cell and its per-image results to the cell that is stored."""

import math
import platform
from functools import cache

import numpy as np

from robustsweep.attacks import Foreign
from robustsweep.attacks.protocols import TORCHATTACKS
from robustsweep.benchmark.checkpoints import Checkpoint
from robustsweep.benchmark.plan.conditions import Attacked, Clean, Condition
from robustsweep.benchmark.plan.fit import table_notes
from robustsweep.benchmark.plan.plan import PlannedCell
from robustsweep.benchmark.plan.source import Source, installed_version
from robustsweep.printable import printable
from robustsweep.results.stored.cells import Cell, Counts, Examples, Json
from robustsweep.results.stored.recounts import counted

_STATED_TOLERANCE = 0.005
_RECORDED_PACKAGES = ("robustsweep", "torch", "torchvision", "numpy", "pillow", "opencv-python")


def make_cell(
    planned: PlannedCell, source: Source, examples: Examples, recorded: Json, warnings: tuple[str, ...]
) -> Cell:
    """Count, average and describe.

    Args:
        planned: What was computed.
        source: The images.
        examples: The per-image results, in the order of the source's positions.
        recorded: Device, batch size, seconds.
        warnings: Sentences from the computation.
    """
    counts, means = counted(examples, source.labels, *_asked(planned.condition))
    if isinstance(planned.condition, Attacked) and isinstance(planned.condition.attack, Foreign):
        warnings += _distances(planned.condition.name, examples)
    if isinstance(planned.condition, Clean):
        warnings += _chance_warning(counts, source.data.classes)
    if isinstance(planned.condition, Clean) and not source.outputs:
        warnings += _stated_warning(counts, planned.checkpoint, source)
    checkpoint = planned.checkpoint
    return Cell(
        identity=planned.identity,
        checkpoint={"id": checkpoint.id, "name": checkpoint.name, "card": checkpoint.card.to_dict()},
        data=_described(source, planned.condition),
        condition=planned.condition.describe(),
        counts=counts,
        means=means,
        recorded={**recorded, **_passes(examples), "versions": _versions()},
        warnings=warnings,
    )


def _described(source: Source, condition: Condition) -> Json:
    described = source.describe()
    return {**described, "notes": [*described["notes"], *table_notes(source.data.size, [condition])]}


def _asked(condition: Condition) -> tuple[int, bool]:
    """Return how many eps a condition has, and whether it asks about the clean images first."""
    if not isinstance(condition, Attacked):
        return 0, False
    attack = condition.attack
    return len(condition.describe()["eps"]), isinstance(attack, Foreign) or attack.protocol != TORCHATTACKS


def _passes(examples: Examples) -> Json:
    """Say what an attack cost, as far as it was counted: of the images that it attacked."""
    if examples.passes is None or examples.rung is None:
        return {}
    passes = examples.passes[examples.rung >= 0]
    return {"passes": {"median": float(np.median(passes)) if len(passes) else None, "total": int(passes.sum())}}


def _distances(attack: str, examples: Examples) -> tuple[str, ...]:
    """Say how far the images of an attack without a budget went."""
    if examples.l2 is None or examples.linf is None or examples.rung is None:
        return ()
    fooled = examples.rung == 0
    if not fooled.any():
        return (f"{attack} has no budget; it fooled no image.",)
    l2, linf = (float(np.median(distances[fooled])) for distances in (examples.l2, examples.linf))
    return (
        f"{attack} has no budget; the {int(fooled.sum())} images that it fooled are {l2:.3g} (L2) and {linf:.3g} "
        "(Linf) from the clean ones, in the median.",
    )


def _chance_warning(counts: Counts, classes: int) -> tuple[str, ...]:
    chance = 1 / classes
    three_sigma = 3 * math.sqrt(chance * (1 - chance) / counts.n)
    accuracy = counts.n_right / counts.n
    if accuracy > chance + three_sigma:
        return ()
    return (
        f"clean accuracy {accuracy:.2%} is at chance level ({chance:.2%}): check norm=, the order of the classes, "
        "and that the weights are those of this architecture.",
    )


def _stated_warning(counts: Counts, checkpoint: Checkpoint, source: Source) -> tuple[str, ...]:
    """Compare with the accuracy that the card states, else with the one that lies beside the weights."""
    accuracy, stated, stored = counts.n_right / counts.n, checkpoint.card.clean_accuracy, checkpoint.file_accuracy
    if stated is not None:
        if _is_near(accuracy, stated, counts.n, source):
            return ()
        return (
            f"clean accuracy is {accuracy:.2%}, its card states {stated:.2%}: check norm=, input_size=, the "
            "preprocessing, and that these are the images that the statement is about.",
        )
    if stored is None or any(_is_near(accuracy, reading, counts.n, source) for reading in stored.readings):
        return ()
    return (
        f"clean accuracy is {accuracy:.2%}, and its file says {printable(stored.entry)} = {stored.value:g}, perhaps of "
        "validation images or of another epoch: if it is of these images, check norm=, input_size= and the "
        "preprocessing; clean_accuracy= states another.",
    )


def _is_near(accuracy: float, stated: float, n: int, source: Source) -> bool:
    """Allow for rounding, and for the draw of a subset."""
    three_sigma = 0.0 if source.limit is None else 3 * math.sqrt(stated * (1 - stated) / n)
    return abs(accuracy - stated) <= max(_STATED_TOLERANCE, three_sigma)


@cache
def _versions() -> Json:
    return {"python": platform.python_version()} | {name: installed_version(name) for name in _RECORDED_PACKAGES}
