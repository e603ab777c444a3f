"""The page's parts in reading order: what matters at a glance is open, everything else is folded under a heading."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from robustsweep.results.figures.picture import Picture
from robustsweep.results.report.document import Report
from robustsweep.results.report.section import Section
from robustsweep.results.tables.headline import parameter_notes
from robustsweep.results.tables.table import Table


@dataclass(frozen=True, slots=True)
class Part:
    """What stands under one heading, and under one line of the contents.

    Attributes:
        id: Of the heading.
        title: The heading.
        pictures: Figures, before the tables.
        tables: Tables; if one lies open alone, the heading is its own.
        notes: What holds for several of the tables, once.
        is_folded: Whether a reader opens it first.
    """

    id: str
    title: str
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    is_folded: bool = True


_OPEN = (
    # id, heading, the figures and tables under it, by the ends of their slugs
    ("heat", "Methods and corruptions", "heat_map"),
    ("headline", "", "headline"),
    ("shift", "", "natural_shift"),
    ("scatter", "Clean images against corrupted and attacked ones", "clean_against_robust"),
    ("benchmarks", "C and C-bar", "c_against_c_bar|c_and_c_bar"),
    ("severity", "Severity curves", "severity_curves"),
)
_CHECKPOINTS, _OTHER = "checkpoints", "other"
_FOLDED = {
    # id: heading, slugs of what is under it, by their ends
    "corruptions": (
        "Every corruption",
        r"(error|ce)_per_(corruption|severity)(_[a-z]+)?|(extra|c_bar|3dcc)_corruptions|order_on_two_benchmarks",
    ),
    "attacks": ("Attacks", r"robust_accuracy|median_fooling_eps|fooling_eps_\d+|attack_curves"),
    "sequences": ("Sequences", r"sequence_[a-z]+"),
    "windows": ("Pasted windows", r"window_[a-z]+"),
    "attributions": ("Where networks look", r"attribution_[a-z_]+"),
    "calibration": ("Calibration", r"calibration|clean_and_scores|reliability"),
    _CHECKPOINTS: ("Checkpoints", r"seed_spread"),
    _OTHER: ("Other measurements", r"(?!)"),
}


def parts_of(section: Section, number: int) -> Iterator[Part]:
    """Arrange one comparable set: heat map, methods, clean against corrupted, severities, then what is folded.

    A table of checkpoints of which there is one of methods too is under the checkpoints. If nothing was corrupted,
    attacks lie open, and if there is no headline, as on the page of a comparison, all other tables.

    Args:
        section: The set.
        number: Its place on the page, from 1, for ids.
    """
    common = common_notes(section)
    tables = _without(section.tables, {*common, *section.summary, *section.unit.notes})
    of_methods = {table.slug.replace("method_", "", 1) for table in tables if table.subject == "method"}
    topics: dict[str, list[Table | Picture]] = {name: [] for name in (*(name for name, _, _ in _OPEN), *_FOLDED)}
    found: list[Table | Picture] = [*section.pictures, *tables]
    for shown in found:
        is_single = isinstance(shown, Table) and shown.subject == "checkpoint" and shown.slug in of_methods
        topics[_CHECKPOINTS if is_single else _topic(shown.slug)].append(shown)
    for name, title, _ in _OPEN:
        if mine := topics[name]:
            yield _part(f"unit-{number}-{name}", title or mine[0].title, mine, is_folded=False)
    if not any(topics[name] for name, _, _ in _OPEN):
        for one in topics.pop(_OTHER):
            yield _part(f"unit-{number}-{one.slug}", one.title, [one], is_folded=False)
    only_attacked = not section.unit.rows["corruption"].notna().any()
    for name, (title, _) in _FOLDED.items():
        if mine := topics.get(name, []):
            is_folded = not (name == "attacks" and only_attacked)
            yield _part(f"unit-{number}-{name}", title, mine, is_folded=is_folded)
    if common:
        yield Part(f"unit-{number}-notes", "Parameters and notes", notes=common)


def _part(identifier: str, title: str, found: Sequence[Table | Picture], *, is_folded: bool) -> Part:
    pictures = tuple(one for one in found if isinstance(one, Picture))
    tables = tuple(one for one in found if isinstance(one, Table))
    return Part(identifier, title, pictures, tables, is_folded=is_folded)


def _topic(slug: str) -> str:
    ends = {name: end for name, _, end in _OPEN} | {name: end for name, (_, end) in _FOLDED.items()}
    return next((name for name, end in ends.items() if re.search(rf"(^|_)({end})$", slug)), _OTHER)


def closing_parts(report: Report) -> Iterator[Part]:
    """Arrange what concerns all sets: training, published numbers, audits, provenance."""
    missing = (report.missing,) if report.missing else ()
    for name, title, found in (
        ("training", "Training", report.training),
        ("published", "Published numbers", report.published),
        ("cautions", "Warnings and audits", report.cautions),
        ("provenance", "Provenance", (*missing, report.provenance)),
    ):
        notes = tuple(_repeated(found))
        if tables := tuple(_without(found, set(notes))):
            yield Part(name, title, tables=tables, notes=notes)


def common_notes(section: Section) -> tuple[str, ...]:
    """List what several tables of a set note, and the methods' parameters, each once.

    What the sentences at the top or the warnings say already is not among them.
    """
    said = {*section.summary, *section.unit.notes}
    found = {*parameter_notes(section.unit), *_repeated(section.tables)} - said
    notes = (note for table in section.tables for note in table.notes)
    return tuple(note for note in dict.fromkeys(notes) if note in found)


def _repeated(tables: Sequence[Table]) -> Iterator[str]:
    shown = (table for table in tables if table.depth != "data")
    counts = Counter(note for table in shown for note in dict.fromkeys(table.notes))
    yield from (note for note, n in counts.items() if n > 1)


def _without(tables: Sequence[Table], said: set[str]) -> list[Table]:
    """Take the tables that people read, with the notes that are said nowhere else."""
    shown = (table for table in tables if table.depth != "data")
    return [replace(table, notes=tuple(note for note in table.notes if note not in said)) for table in shown]
