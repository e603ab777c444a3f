"""Tables of windows, one unit each: our probe of SmoothMix's claim about hard edges."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.metrics.window_scores import (
    EDGES,
    FILLINGS,
    FRACTIONS,
    Flags,
    PerImage,
    Window,
    WindowAnswers,
    hard_minus_soft,
    mean_over_fractions,
    read_answers,
)
from robustsweep.results.stored.store import NEEDS_EXAMPLES
from robustsweep.results.tables.table import Column, Line, Table, Value, matrix, value_of

_SOFT = EDGES[1:]
_PROBE = "our probe of SmoothMix's claim"
_WHAT = (
    "Our probe of SmoothMix's claim that hard-edged patches mislead networks trained with hard-edged cuts; not its "
    "paper's protocol. Place, content and mask mass are the same for every edge."
)
_READING = (
    "A soft mask of equal mass hides fewer pixels wholly and more in part, which alone can move accuracy either way: "
    "what speaks about the claim is how hard minus soft differs between training methods, not its sign for one."
)
_NO_CLEAN = "Changed predictions need the clean suite, which is not measured for {}."
_NO_PREDICTIONS = f"What changed the predictions of {{}} {NEEDS_EXAMPLES}"


def window_tables(unit: Unit, runs: Sequence[Path]) -> list[Table]:
    """Build edges compared, accuracies and changed predictions, as far as the unit's cells support them.

    Args:
        unit: The measurements.
        runs: Where their cells are.
    """
    if unit.windows.empty:
        return []
    answers = {str(identifier): read_answers(unit, str(identifier), runs) for identifier in unit.checkpoints.index}
    tables = [edges_compared(unit, answers)] if _some_complete(answers) else []
    tables.append(window_accuracies(unit, answers))
    if any(found.changed for found in answers.values()):
        tables.append(changed_predictions(unit, answers))
    return tables


def _some_complete(answers: Mapping[str, WindowAnswers]) -> bool:
    return any(
        mean_over_fractions(found.right, edge, filling) is not None
        for found in answers.values()
        for edge in EDGES
        for filling in FILLINGS
    )


def edges_compared(unit: Unit, answers: Mapping[str, WindowAnswers]) -> Table:
    """Per filling and checkpoint: accuracy by edge, hard minus soft with its error, and changed predictions."""
    fillings = [name for name in FILLINGS if (unit.windows["filling"] == name).any()]
    columns = [Column("filling", "filling"), Column("checkpoint", "checkpoint")]
    columns += [Column(f"{edge}_accuracy", f"{edge} accuracy (%)", "percent", True) for edge in EDGES]
    for soft in _SOFT:
        columns.append(Column(f"hard_minus_{soft}", f"hard - {soft} (pp)", "percent"))
        columns.append(Column(f"hard_minus_{soft}_standard_error", "standard error (pp)", "percent"))
    columns += [Column(f"{edge}_changed", f"{edge} changed (%)", "percent", False) for edge in EDGES]
    rows = [
        (filling, str(label), *_compared(answers[str(identifier)], filling))
        for filling in fillings
        for identifier, label in unit.checkpoints["label"].items()
    ]
    notes = (
        _WHAT,
        "Means over the fractions 0.25, 0.375 and 0.5 of the image's sides. Below zero: the hard edge costs accuracy.",
        "Standard error: of paired differences, one per image (its mean over the fractions), sd / sqrt(images). It "
        "speaks of these checkpoints and not of other training seeds.",
        _READING,
        *_without_clean(unit, answers),
    )
    title = f"Hard against soft edges of a pasted window ({_PROBE})"
    return Table("window_edges", title, unit.scope, tuple(columns), tuple(rows), notes, keys=2)


def _compared(found: WindowAnswers, filling: str) -> list[Value]:
    differences: list[Value] = []
    for soft in _SOFT:
        difference = hard_minus_soft(found.right, soft, filling)
        differences += [difference.mean, difference.standard_error] if difference else [None, None]
    accuracies, changes = (
        [_mean(mean_over_fractions(per_image, edge, filling)) for edge in EDGES]
        for per_image in (found.right, found.changed)
    )
    return [*accuracies, *differences, *changes]


def _mean(per_image: PerImage | Flags | None) -> float | None:
    return None if per_image is None else float(np.mean(per_image))


def _without_clean(unit: Unit, answers: Mapping[str, WindowAnswers]) -> list[str]:
    found = {str(label): answers[str(identifier)] for identifier, label in unit.checkpoints["label"].items()}
    compact = [label for label, one in found.items() if one.right and one.lacks_predictions]
    lacking = [label for label, one in found.items() if one.right and not one.changed and label not in compact]
    sentences = ((_NO_CLEAN, lacking), (_NO_PREDICTIONS, compact))
    return [sentence.format(", ".join(labels)) for sentence, labels in sentences if labels]


def _windows(unit: Unit) -> list[tuple[Window, str]]:
    """List the measured windows with their names: by filling, then size, the edges side by side."""
    names = {
        (row["edge"], row["filling"], row["fraction"]): row["condition"] for row in unit.windows.to_dict("records")
    }
    order = [(edge, filling, fraction) for filling in FILLINGS for fraction in FRACTIONS for edge in EDGES]
    return [(window, str(names[window])) for window in order if window in names]


def window_accuracies(unit: Unit, answers: Mapping[str, WindowAnswers]) -> Table:
    """Accuracy under each window, below the clean accuracy."""
    everything = pd.concat([unit.rows[unit.rows["kind"] == "clean"], unit.windows])
    n_right = everything.pivot(index="condition", columns="checkpoint_id", values="n_right").astype("float64")
    accuracies = n_right.reindex(columns=unit.checkpoints.index) / unit.scope.n

    def line(group: str, name: str, condition: str) -> Line:
        return Line(group, name, tuple(value_of(value) for value in accuracies.loc[condition]))

    lines = [line("none", "clean images", "clean")] if "clean" in accuracies.index else []
    lines += [line(window[1], name, name) for window, name in _windows(unit)]
    title = f"Accuracy with a pasted window (%, higher is better; {_PROBE})"
    table = Table("window_accuracy", title, unit.scope, (), (), (_WHAT, *_without_clean(unit, answers)))
    return matrix(table, ("filling", "window"), list(unit.checkpoints["label"]), lines, higher_is_better=True)


def changed_predictions(unit: Unit, answers: Mapping[str, WindowAnswers]) -> Table:
    """Fraction of images whose prediction under each window is not the clean one."""
    lines = [
        Line(
            window[1],
            name,
            tuple(_mean(answers[str(identifier)].changed.get(window)) for identifier in unit.checkpoints.index),
        )
        for window, name in _windows(unit)
    ]
    title = f"Predictions changed by a pasted window (%, lower is better; {_PROBE})"
    notes = (_WHAT, *_without_clean(unit, answers))
    table = Table("window_changed", title, unit.scope, (), (), notes, depth="detail")
    return matrix(table, ("filling", "window"), list(unit.checkpoints["label"]), lines, higher_is_better=False)
