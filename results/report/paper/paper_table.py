"""The paper's table of one comparable set, from the report's tables and comparisons."""

from collections.abc import Iterator, Mapping, Sequence

from robustsweep.errors import DataError, NothingToCompareError, UsageError
from robustsweep.registry import unknown_name
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.notes import of_kind
from robustsweep.results.comparable.rows import DEFAULT_METHOD, UNSPECIFIED
from robustsweep.results.comparable.seed_groups import SeedGroup, seed_groups
from robustsweep.results.comparable.sides import Side, find_side, refuse_unknown, training_seeds
from robustsweep.results.compare.comparison import UnitComparison, compare_sides
from robustsweep.results.metrics.catalogue.error_scores import NOT_OVERLAPPED
from robustsweep.results.metrics.catalogue.every_score import scores_of
from robustsweep.results.metrics.quotients import MCE_BY_REFERENCE
from robustsweep.results.report.document import Report
from robustsweep.results.report.latex import PAPER_TABLE
from robustsweep.results.report.paper.cells import PaperCell, PaperColumn, PaperTable
from robustsweep.results.report.paper.request import PaperRequest
from robustsweep.results.report.paper.scores import MethodEntries, method_entries
from robustsweep.results.report.section import Section
from robustsweep.results.stored.recounts import ContradictionError

MOST_METHODS = 20
"""More rows do not fit a page in the fonts of a paper."""

_DEFAULT_COLUMNS = (
    *("mean_corruption_error", NOT_OVERLAPPED, "clean_error"),
    *("noise_error", "blur_error", "weather_error", "digital_error"),
)
_DEFAULT_AGAINST = ("cutmix", DEFAULT_METHOD)


def paper_tables(report: Report, wanted: PaperRequest) -> list[PaperTable]:
    """Build the paper's table of every set that has one of the columns.

    Raises:
        UsageError: If no set has a column or the method to compare with.
    """
    sections = [(one, seed_groups(one.unit)) for one in report.sections]
    found = [method_entries(section.unit, section.tables, groups) for section, groups in sections]
    known = list(dict.fromkeys(name for entries in found for name in entries))
    for name in wanted.columns:
        if not any(_resolved(name, entries) for entries in found):
            raise unknown_name("column", name, known)
    refuse_unknown([one.unit for one in report.sections], [wanted.against] if wanted.against else [])
    tables = []
    for (section, groups), entries in zip(sections, found, strict=True):
        chosen = [entries[n] for name in wanted.columns or _DEFAULT_COLUMNS if (n := _resolved(name, entries))]
        chosen = chosen or ([] if wanted.columns else list(entries.values())[: len(_DEFAULT_COLUMNS)])
        if chosen:
            tables.append(_paper_table(report, section, groups, chosen, wanted))
    return tables


def _resolved(name: str, entries: Mapping[str, MethodEntries]) -> str | None:
    """Find a score by its name; one that a reference divides is found without the reference's."""
    near = [known for known in entries if known.startswith(f"{name}_vs_")]
    return name if name in entries else near[0] if len(near) == 1 else None


def _paper_table(
    report: Report,
    section: Section,
    groups: Sequence[SeedGroup],
    chosen: Sequence[MethodEntries],
    wanted: PaperRequest,
) -> PaperTable:
    unit = section.unit
    against = _against(unit, groups, wanted.against)
    rows = _rows(groups, chosen[0], against)
    notes = [*_left_out(groups, rows, chosen, wanted), *(note for one in chosen for note in one.entries.warnings)]
    compared = None
    if against is not None:
        try:
            compared = _compared(unit, [groups[row] for row in rows], rows.index(against), chosen, report)
            notes += compared.notes if compared else []
            differing = {one.score.name for one in compared.comparisons} if compared else set()
            without = [one.entries.title.split(" (")[0] for one in chosen if one.name not in differing]
            notes += [f"No differences are given for {', '.join(without)}."] if without else []
        except ContradictionError:
            raise
        except (DataError, NothingToCompareError) as error:
            notes.append(f"No differences: {error}")
    notes += _divided(section, chosen)
    return PaperTable(
        slug=f"{section.prefix}{PAPER_TABLE}",
        unit=unit,
        groups=tuple(groups[row] for row in rows),
        columns=tuple(_column(one, rows, groups, compared) for one in chosen),
        digits=wanted.digits,
        spread=wanted.spread,
        against=rows.index(against) if against is not None and compared else None,
        n_tests=sum(one.p_holm is not None for one in compared.comparisons) if compared else 0,
        notes=tuple(dict.fromkeys(notes)),
    )


def _rows(groups: Sequence[SeedGroup], first: MethodEntries, against: int | None) -> list[int]:
    """Choose the methods that fit a page, in their order."""
    sign = -1 if first.entries.column.higher_is_better else 1

    def rank(row: int) -> tuple[bool, bool, float]:
        value = first.entries.values.get(row)
        is_wanted = row == against or groups[row].method == DEFAULT_METHOD
        return not is_wanted, value is None, sign * (value or 0.0)

    return sorted(sorted(range(len(groups)), key=rank)[:MOST_METHODS])


def _left_out(
    groups: Sequence[SeedGroup], rows: Sequence[int], chosen: Sequence[MethodEntries], wanted: PaperRequest
) -> Iterator[str]:
    """Name the methods and scores that are not in the table."""
    if len(rows) < len(groups):
        yield f"The best {len(rows)} of {len(groups)} methods by {chosen[0].entries.title}, and those they are held to."
    here = {one.name: one for one in chosen}
    lacking = [name for name in wanted.columns if not _resolved(name, here)]
    if lacking:
        yield f"Not measured here: {', '.join(lacking)}."


def _against(unit: Unit, groups: Sequence[SeedGroup], wanted: str | None) -> int | None:
    """Find the row that the others are held against; None if this set has none, or it is alone."""
    for name in [wanted] if wanted else _DEFAULT_AGAINST:
        side = find_side(unit, name) if wanted or name in set(unit.checkpoints["method"]) else None
        group = training_seeds(unit, side) if side else None
        if group is not None:
            return groups.index(group) if len(groups) > 1 else None
        if side and wanted:
            raise UsageError(
                f"--against {wanted} is not a row of the paper's table; name one: "
                f"{', '.join(one.name for one in groups)}."
            )
    return None


def _compared(
    unit: Unit, groups: Sequence[SeedGroup], against: int, chosen: Sequence[MethodEntries], report: Report
) -> UnitComparison | None:
    rows = unit.everything
    known = {score.name for score in scores_of(rows, published_reference=unit.is_imagenet)} | {MCE_BY_REFERENCE}
    names = [one.name for one in chosen if one.name in known]
    if not names:
        return None
    sides = [Side(group.name, group.checkpoint_ids, group.method != UNSPECIFIED) for group in groups]
    reference = (report.reference or DEFAULT_METHOD) if MCE_BY_REFERENCE in names else None
    others = [side for place, side in enumerate(sides) if place != against]
    return compare_sides(unit, sides[against], others, report.runs, names, reference, exploratory=False)


def _divided(section: Section, chosen: Sequence[MethodEntries]) -> list[str]:
    """Say whose errors divide those of quotients, as the headline does."""
    titles = {one.entries.title.split(" (")[0] for one in chosen if one.entries.title.endswith(")")}
    notes = [note for table in section.tables for note in of_kind(table.notes, "reference")]
    return notes[:1] if titles & {"mCE", "relative mCE"} else []


def _column(
    score: MethodEntries, rows: Sequence[int], groups: Sequence[SeedGroup], compared: UnitComparison | None
) -> PaperColumn:
    entries, best, tied = score.entries, score.entries.best, score.entries.tied
    mine = [one for one in compared.comparisons if one.score.name == score.name] if compared else []
    if compared and mine and not score.is_judged:
        best, tied = _judged(compared.tied.get(mine[0].score.title, ()), groups)
    by_opponent = {one.second.checkpoint_ids: one for one in mine}
    are_single = all(len(group.checkpoint_ids) == 1 for group in groups)
    cells = []
    for row in rows:
        one = by_opponent.get(groups[row].checkpoint_ids)
        is_tested = one is not None and one.difference.is_tested and (one.difference.is_about_methods or are_single)
        cells.append(
            PaperCell(
                value=entries.values.get(row),
                deviation=score.deviations[row],
                interval=entries.intervals.get(row),
                is_best=row in best,
                is_tied=row in tied and row not in best,
                difference=-one.difference.estimate.value if one else None,
                is_tested=is_tested,
                is_significant=one is not None and is_tested and one.is_significant,
            )
        )
    return PaperColumn(score.name, entries.title.replace("_", " "), entries.column, tuple(cells))


def _judged(names: Sequence[str], groups: Sequence[SeedGroup]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the best and those tied with it of a score that the report judges by checkpoint alone."""
    rows = [row for name in names for row, group in enumerate(groups) if group.name == name]
    return frozenset(rows[:1]), frozenset(rows[1:])
