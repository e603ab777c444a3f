"""Tables of windows, one unit each: our probe of SmoothMix's claim about hard edges."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Literal

import pandas as pd

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import EDGES, FILLINGS, FRACTIONS
from robustsweep.results.metrics.catalogue.error_scores import CLEAN, accuracy_of
from robustsweep.results.metrics.catalogue.window_scores import hard_minus_soft, single_window_score, window_score
from robustsweep.results.metrics.estimates import Estimates
from robustsweep.results.metrics.scores import Quantity, Score
from robustsweep.results.stored.store import NEEDS_EXAMPLES
from robustsweep.results.tables.table import Column, Line, Table, Value, matrix, subject_column

WINDOWS = tuple(product(FILLINGS, FRACTIONS, EDGES))
"""Filling, fraction and edge of every window, in the order of tables."""
_PROBE = "our probe of SmoothMix's claim"
_SINGLE: Mapping[Quantity, tuple[str, Literal["summary", "detail"]]] = {
    "accuracy": (f"Accuracy with a pasted window (%, higher is better; {_PROBE})", "summary"),
    "changed": (f"Predictions changed by a pasted window (%, lower is better; {_PROBE})", "detail"),
}
_WHAT = (
    "Our probe of SmoothMix's claim that hard-edged patches mislead networks trained with hard-edged cuts; not its "
    "paper's protocol. Place, content and mask mass are the same for every edge."
)
_ERRORS = {
    "checkpoint": (
        "Standard error: of paired differences, one per image (its mean over the fractions), sd / sqrt(images). It "
        "speaks of these checkpoints and not of other training seeds."
    ),
    "method": (
        "Means over training seeds. Standard error: of paired differences, one per image (its mean over fractions and "
        "seeds), together with the spread of the seeds; for a method with one seed, of images alone."
    ),
}
_READING = (
    "A soft mask of equal mass hides fewer pixels wholly and more in part, which alone can move accuracy either way: "
    "what speaks about the claim is how hard minus soft differs between training methods, not its sign for one."
)
_NO_CLEAN = "Changed predictions need the clean suite, which is not measured for {}."
_NO_PREDICTIONS = f"What changed the predictions of {{}} {NEEDS_EXAMPLES}"


def window_scores(unit: Unit) -> list[Score]:
    """List every score of the tables of windows; nothing without windows."""
    if unit.windows.empty:
        return []
    edges = [score for filling in FILLINGS for _, score in _edge_scores(filling)]
    names = dict.fromkeys(unit.windows["condition"])
    return [*edges, *(single_window_score(n, q) for n in names for q in _SINGLE), accuracy_of(CLEAN)]


def window_tables(unit: Unit, estimates: Estimates) -> list[Table]:
    """Build edges compared, accuracies and changed predictions, as far as the unit's cells support them.

    Args:
        unit: The measurements, by checkpoint or by method.
        estimates: The unit's ``window_scores``.
    """
    if unit.windows.empty:
        return []
    found = _Found(unit, estimates)
    edges, accuracies, changed = edges_compared(found), *(single_windows(found, quantity) for quantity in _SINGLE)
    return [*([edges] if _has_values(edges) else []), accuracies, *([changed] if _has_values(changed) else [])]


def _has_values(table: Table) -> bool:
    return any(value is not None for row in table.rows for value in row[table.keys :])


class _Found:
    """Values of a unit's windows: accuracies from the counts, changed predictions from single images."""

    def __init__(self, unit: Unit, estimates: Estimates) -> None:
        self.unit, self.estimates = unit, estimates
        everything = pd.concat([unit.rows[unit.rows["kind"] == "clean"], unit.windows])
        errors = everything.pivot(index="condition", columns="checkpoint_id", values="error")
        self._errors = errors.reindex(columns=unit.checkpoints.index).astype("float64")
        order = [(filling, f"window-{edge}-{filling}@{fraction:g}") for filling, fraction, edge in WINDOWS]
        measured = set(unit.windows["condition"])
        self.filling_of = {name: filling for filling, name in order if name in measured}

    def values(self, score: Score) -> list[float | None]:
        """Return a score by position of the checkpoint or method."""
        if score.quantity != "changed":
            return score.values(self._errors)
        return [self.estimates.values.get((score.name, place)) for place in range(len(self.unit.checkpoints))]

    def without_changes(self) -> Iterator[str]:
        """Say whose changed predictions are not known, and why."""
        changes = [self.values(single_window_score(name, "changed")) for name in self.filling_of]
        known = self._errors.notna()
        lacking: dict[str, list[str]] = {_NO_CLEAN: [], _NO_PREDICTIONS: []}
        for place, (identifier, label) in enumerate(self.unit.checkpoints["label"].items()):
            measured = known[identifier]
            if measured[list(self.filling_of)].any() and not any(one[place] is not None for one in changes):
                lacking[_NO_PREDICTIONS if measured.get("clean", False) else _NO_CLEAN].append(str(label))
        yield from (sentence.format(", ".join(labels)) for sentence, labels in lacking.items() if labels)


def _edge_scores(filling: str) -> Iterator[tuple[Column, Score]]:
    """Yield the columns of the comparison of edges, with what they show."""
    for edge in EDGES:
        yield Column(f"{edge}_accuracy", f"{edge} accuracy (%)", "percent", True), window_score(edge, filling)
    for soft in EDGES[1:]:
        yield Column(f"hard_minus_{soft}", f"hard - {soft} (pp)", "percent"), hard_minus_soft(soft, filling)
    for edge in EDGES:
        column = Column(f"{edge}_changed", f"{edge} changed (%)", "percent", False)
        yield column, window_score(edge, filling, "changed")


def edges_compared(found: _Found) -> Table:
    """Per filling and checkpoint: accuracy by edge, hard minus soft with its error, and changed predictions."""
    unit, rows, places = found.unit, list[tuple[Value, ...]](), dict[tuple[int, int], tuple[Score, int]]()
    columns: list[Column] = []
    for filling in (name for name in FILLINGS if (unit.windows["filling"] == name).any()):
        columns = [Column("filling", "filling"), subject_column(unit)]
        filled: list[list[Value]] = [[filling] * len(unit.checkpoints), list(unit.checkpoints["label"])]
        for column, score in _edge_scores(filling):
            places |= {(len(rows) + k, len(columns)): (score, k) for k in range(len(unit.checkpoints))}
            columns.append(column)
            filled.append([*found.values(score)])
            if column.higher_is_better is None:
                columns.append(Column(f"{column.name}_standard_error", "standard error (pp)", "percent"))
                filled.append([found.estimates.standard_errors.get((score.name, k)) for k in range(len(filled[0]))])
        rows += zip(*filled, strict=True)
    notes = (
        _WHAT,
        "Means over the fractions 0.25, 0.375 and 0.5 of the image's sides. Below zero: the hard edge costs accuracy.",
        _ERRORS[unit.subject],
        _READING,
        *found.without_changes(),
    )
    title = f"Hard against soft edges of a pasted window ({_PROBE})"
    table = Table("window_edges", title, unit.scope, tuple(columns), tuple(rows), notes, keys=2)
    return replace(table, scores=places, subject=unit.subject)


def single_windows(found: _Found, quantity: Quantity) -> Table:
    """Build accuracy under each window, below the clean accuracy; or the fraction of predictions that it changes."""
    shown, rises = [(filling, single_window_score(name, quantity)) for name, filling in found.filling_of.items()], False
    if quantity == "accuracy":
        rises, clean = True, replace(accuracy_of(CLEAN), title="clean images")
        shown = [*([("none", clean)] if {*found.values(clean)} - {None} else []), *shown]
    lines = [Line(filling, score.title, tuple(found.values(score)), score) for filling, score in shown]
    title, depth = _SINGLE[quantity]
    notes, nouns = (_WHAT, *found.without_changes()), ("filling", "window")
    slug = f"window_{quantity}"
    return matrix(found.unit, slug, title, nouns, lines, notes, higher_is_better=rises, depth=depth)
