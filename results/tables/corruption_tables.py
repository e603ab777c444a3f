"""Tables of errors on clean and corrupted images, one unit each."""

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Literal

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.rows import corruptions_of
from robustsweep.results.comparable.training_overlap import overlap_notes, overlapped_corruptions
from robustsweep.results.corruption_names import (
    C_BAR_CORRUPTIONS,
    CORRUPTIONS,
    IMAGENET_3DCC,
    SEVERITIES,
    conditions_of,
    group_of,
)
from robustsweep.results.metrics.catalogue.error_scores import (
    HARDEST,
    MEAN_3DCC,
    MEAN_C_BAR,
    MEAN_CORRUPTION,
    condition_score,
    corruption_score,
)
from robustsweep.results.metrics.catalogue.quotient_scores import MCE, RELATIVE_ROBUSTNESS, ce
from robustsweep.results.metrics.references import Reference
from robustsweep.results.metrics.scores import Score
from robustsweep.results.tables.headline import (
    c_and_c_bar,
    clean_and_scores,
    divided_scores,
    headline,
    scores_apart,
    some_complete,
    unseen_mean,
)
from robustsweep.results.tables.table import Line, Table, matrix

_NOUNS = ("group", "corruption")


def corruption_tables(unit: Unit, references: Sequence[Reference]) -> list[Table]:
    """Build every table of clean and corrupted images that the unit's cells support."""
    found = corruptions_of(unit.rows)
    c_bar = [name for name in found if name in C_BAR_CORRUPTIONS]
    of_3dcc = [name for name in found if name in IMAGENET_3DCC]
    others = [name for name in found if name not in (*CORRUPTIONS, *c_bar, *of_3dcc)]
    benchmark_complete = some_complete(unit, CORRUPTIONS)
    tables = [headline(unit, references)] if len(unit.rows) else []
    both = c_and_c_bar(unit)
    tables += [both] if both else []
    if benchmark_complete:
        tables.append(error_per_corruption(unit, references))
        tables += [ce_per_corruption(unit, reference) for reference in references]
    if some_complete(unit, c_bar):
        tables.append(corruptions_apart(unit, "C-bar", c_bar, MEAN_C_BAR))
    if some_complete(unit, of_3dcc):
        tables.append(corruptions_apart(unit, "3DCC", of_3dcc, (MEAN_3DCC,)))
    if some_complete(unit, others):
        tables.append(extra_corruptions(unit, others))
    if found:
        tables.append(error_per_severity(unit, found))
    if len(unit.rows):
        tables.append(clean_and_scores(unit, benchmark_complete))
    return [_with_overlaps(table, unit) for table in tables]


def _with_overlaps(table: Table, unit: Unit) -> Table:
    """Mark errors under corruptions that the training overlaps, and say whose training overlaps what."""
    overlapped = [set(names or ()) for names in overlapped_corruptions(unit).values()]
    places = [place for place, (score, k) in table.scores.items() if _overlaps(score, overlapped[k])]
    marked = frozenset((row, column) for row, column in places if table.rows[row][column] is not None)
    return replace(table, overlapping=marked, notes=(*table.notes, *overlap_notes(unit)))


def _overlaps(score: Score, overlapped: Set[str]) -> bool:
    corruptions = {condition.split("@")[0] for condition, _ in score.cells} - {"clean"}
    return bool(corruptions) and corruptions <= overlapped


def _per_corruption(unit: Unit, corruptions: Sequence[str]) -> list[Line]:
    errors, scores = unit.values(), map(corruption_score, corruptions)
    return [Line(group_of(score.title), score.title, tuple(score.values(errors)), score) for score in scores]


def error_per_corruption(unit: Unit, references: Sequence[Reference]) -> Table:
    """Mean error over five severities of each benchmark corruption; below it what sums all of them up."""
    errors, (divided, _) = unit.values(), divided_scores(references)
    summed: list[tuple[str, Score, Reference | None]] = [(f"mean at severity {SEVERITIES[-1]}", HARDEST, None)]
    summed += [("relative robustness (higher is better)", RELATIVE_ROBUSTNESS, None)]
    summed += [(score.title, score, reference) for score, reference in divided]
    found = [(name, score, score.values(errors, r.errors if r else None)) for name, score, r in summed]
    notes = ["Each value is the mean over 5 severities."]
    notes += [f"{name}: {score.definition}" for name, score, values in found if {*values} - {None}]
    lines = _per_corruption(unit, CORRUPTIONS)
    lines.append(Line("all", "mean of 15", tuple(MEAN_CORRUPTION.values(errors)), MEAN_CORRUPTION))
    if unseen := unseen_mean(unit):
        lines.append(Line("all", unseen.title, tuple(unseen.values(errors)), unseen))
        notes.append(f"{unseen.title}: {unseen.definition}")
    # What nobody has is not shown; the mean of 15 stands there empty, as the place where a complete sweep ends.
    lines += [Line("all", name, tuple(values), score) for name, score, values in found if {*values} - {None}]
    return matrix(unit, "error_per_corruption", "Error per corruption (%, lower is better)", _NOUNS, lines, notes)


def ce_per_corruption(unit: Unit, reference: Reference) -> Table:
    """CE of each benchmark corruption and its mean, mCE."""
    errors, named = unit.values(), [(group_of(name), name, ce(name)) for name in CORRUPTIONS]
    lines = []
    for group, name, score in [*named, ("all", MCE.title, MCE)]:
        mine = reference.dividing(score)
        lines.append(Line(group, name, tuple(mine.values(errors, reference.errors)), mine))
    caveat = f"; {reference.caveat}" if reference.caveat else ""
    undefined = MCE.undefined_by(reference.errors)
    notes = ["CE: error summed over 5 severities, divided by the reference's sum. mCE: mean of the 15 CE."]
    notes += [undefined] if undefined else []
    title = f"CE with reference {reference.name} (%, lower is better{caveat})"
    return matrix(
        unit, f"ce_per_corruption_{reference.short_name.lower()}", title, _NOUNS, lines, notes, depth="detail"
    )


def corruptions_apart(unit: Unit, name: str, corruptions: Sequence[str], scores: Sequence[Score]) -> Table:
    """Mean error over five severities of each corruption of C-bar or 3DCC, and the means over each, apart from C's."""
    errors, means = unit.values(), scores_apart(unit, scores)
    notes = [f"Each value is the mean over 5 severities. {name} is a benchmark of its own: these enter no mean of 15."]
    notes += [f"{score.title}: {score.definition}" for score in means]
    lines = _per_corruption(unit, corruptions)
    lines += [Line("all", score.title, tuple(score.values(errors)), score) for score in means]
    slug = f"{name.lower().replace('-', '_')}_corruptions"
    return matrix(unit, slug, f"Error per corruption of {name} (%, lower is better)", _NOUNS, lines, notes)


def extra_corruptions(unit: Unit, corruptions: Sequence[str]) -> Table:
    """Corruptions of no benchmark; they enter no mean above."""
    notes = ("Each value is the mean over 5 severities. These enter no mean of the benchmark.",)
    lines = _per_corruption(unit, corruptions)
    return matrix(unit, "extra_corruptions", "Extra corruptions (%, lower is better)", _NOUNS, lines, notes)


def error_per_severity(unit: Unit, corruptions: Sequence[str]) -> Table:
    """Every measured condition on its own; shown to people only if no corruption has all five severities."""
    errors, alone = unit.values(), not some_complete(unit, corruptions)
    scores = [condition_score(name) for name in conditions_of(*corruptions) if name in errors.index]
    lines = [
        Line(group_of(one.title.split("@")[0]), one.title, tuple(one.values(errors)), one if alone else None)
        for one in scores
    ]
    title = "Error per corruption and severity (%, lower is better)"
    depth: Literal["summary", "data"] = "summary" if alone else "data"
    return matrix(unit, "error_per_severity", title, ("group", "condition"), lines, depth=depth)
