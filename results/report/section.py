"""One comparable set's part of a report: its tables, figures and sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.method_rows import by_method
from robustsweep.results.comparable.seed_groups import SeedGroup, seed_groups
from robustsweep.results.comparable.training_overlap import attack_overlap_notes, overlap_notes
from robustsweep.results.compare.two_benchmarks import order_table, orders_in_words, orders_of
from robustsweep.results.figures.attack_curves import attack_curves_figure, fooling_distributions
from robustsweep.results.figures.c_against_c_bar import c_against_c_bar
from robustsweep.results.figures.comparison_figures import (
    clean_against_robust,
    severity_curves,
)
from robustsweep.results.figures.distance_curves import distance_curves_figure
from robustsweep.results.figures.dressing import Intervals
from robustsweep.results.figures.error_per_corruption import error_per_corruption_figure
from robustsweep.results.figures.heat_map import heat_map
from robustsweep.results.figures.method_series import MAX_PANELS, who_is_drawn
from robustsweep.results.figures.picture import Picture
from robustsweep.results.figures.reliability import reliability_diagrams
from robustsweep.results.metrics.catalogue.probability_scores import ECE
from robustsweep.results.metrics.confidence_bins import Calibration
from robustsweep.results.metrics.estimates import Estimates, estimate
from robustsweep.results.metrics.references import references_of
from robustsweep.results.report.strips import Strips, strips_of
from robustsweep.results.report.summary import summary_of
from robustsweep.results.tables.attack_tables import attack_tables
from robustsweep.results.tables.audit_tables import Flags
from robustsweep.results.tables.calibration_tables import SLUG as CALIBRATION
from robustsweep.results.tables.calibration_tables import calibration_tables
from robustsweep.results.tables.corruption_tables import corruption_tables
from robustsweep.results.tables.intervals_and_ties import with_intervals
from robustsweep.results.tables.seed_tables import seed_spread
from robustsweep.results.tables.sequences.flip_tables import sequence_tables
from robustsweep.results.tables.table import METHOD, Table, footnotes
from robustsweep.results.tables.window_tables import window_scores, window_tables


@dataclass(frozen=True, slots=True)
class Section:
    """One unit's part of the report.

    Attributes:
        unit: The measurements.
        tables: Their tables.
        pictures: Their figures.
        summary: What the headline says, in sentences.
        strips: What the corruptions look like, and what the methods predicted.
        prefix: What the names of its tables and figures begin with.
    """

    unit: Unit
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]
    summary: tuple[str, ...]
    strips: Strips = Strips()
    prefix: str = ""

    def pictures_after(self, table: Table | None) -> list[Picture]:
        """List the figures that follow a table; None: those before all tables."""
        slug = table.slug if table else ""
        return [picture for picture in self.pictures if picture.table_slug == slug]


def section_of(unit: Unit, prefix: str, runs: Sequence[Path], reference: str | None, flags: Flags) -> Section:
    """Compute every table and figure of a set.

    Args:
        unit: The measurements.
        prefix: What the names of its tables and figures begin with.
        runs: Where the cells are.
        reference: As in ``build_report``.
        flags: What the audits found, by checkpoint.
    """
    references, groups = references_of(unit, reference), seed_groups(unit)
    averaged = by_method(unit, groups) if any(len(group.checkpoint_ids) > 1 for group in groups) else None
    errors, attacks = [*corruption_tables(unit, references), *sequence_tables(unit)], attack_tables(unit, flags)
    scores = {score.name: score for table in (*errors, *attacks) for score, _ in table.scores.values()}
    scores |= {score.name: score for score in (*ECE.values(), *window_scores(unit))}
    measured = next((one for one in references if not one.is_published), None)
    found = estimate(unit, averaged, groups, runs, list(scores.values()), measured)
    alone = [[one] for one in found.calibrations]
    attacks += fooling_distributions(unit)
    tables = _in_order(unit, [*errors, *seed_spread(unit)], attacks, found.checkpoints, alone)
    methods: list[Table] = []
    if averaged:
        places = {identifier: place for place, identifier in enumerate(unit.checkpoints.index)}
        seeds = [[found.calibrations[places[i]] for i in group.checkpoint_ids] for group in groups]
        attacks = attack_tables(averaged, _flags_by_method(groups, flags))
        errors = [*corruption_tables(averaged, references), *sequence_tables(averaged)]
        methods = _in_order(averaged, errors, attacks, found.methods, seeds)
    known, firsts = (found.methods, averaged) if averaged else (found.checkpoints, unit)
    orders = orders_of(firsts, known)
    if orders:
        place = 1 + [table.slug for table in methods or tables].index("c_and_c_bar")
        (methods or tables).insert(place, order_table(firsts, orders))
    summary = tuple(summary_of(methods or tables, _seeds_of(averaged) if averaged else {}))
    summary += tuple(orders_in_words(firsts, orders, tables))
    if summary:
        summary += (*overlap_notes(unit), *attack_overlap_notes(unit))
    named = [replace(table, slug=f"{prefix}{table.slug}") for table in _methods_first(methods, tables)]
    intervals = {(name, str(firsts.checkpoints.index[row])): ends for (name, row), ends in known.intervals.items()}
    pictures = tuple(_pictures(unit, found.calibrations, intervals, runs, prefix, {table.slug for table in named}))
    return Section(unit, tuple(map(footnotes, named)), pictures, summary, strips_of(unit, runs), prefix)


def _seeds_of(averaged: Unit) -> dict[str, int]:
    rows = averaged.checkpoints
    return {METHOD.shown(label): int(n) for label, n in zip(rows["label"], rows["seeds"], strict=True)}


def _in_order(
    unit: Unit,
    errors: Sequence[Table],
    attacks: Sequence[Table],
    estimates: Estimates,
    calibrations: Sequence[Sequence[Calibration]],
) -> list[Table]:
    """Put the tables of what was read image by image among the others, and give all their intervals and ties."""
    calibrated = calibration_tables(unit, calibrations) if len(unit.rows) else []
    tables = [*errors, *calibrated, *attacks, *window_tables(unit, estimates)]
    return [with_intervals(table, estimates) for table in tables]


def _flags_by_method(groups: Sequence[SeedGroup], flags: Flags) -> Flags:
    """Give a method the flags of all of its checkpoints."""
    found: dict[str, list[str]] = {}
    for group in groups:
        names = [name for identifier in group.checkpoint_ids for name in flags.get(identifier, ())]
        if names:
            found[group.checkpoint_ids[0]] = sorted(set(names))
    return found


def _methods_first(methods: Sequence[Table], checkpoints: Sequence[Table]) -> list[Table]:
    """Put the tables of methods before those of single checkpoints, of which those that both have are folded."""
    slugs = {table.slug for table in methods}
    first = [replace(table, slug=f"{_METHOD_PREFIX}{table.slug}", title=f"{table.title}: methods") for table in methods]
    folded = [
        replace(table, title=f"{table.title}: checkpoints", depth="detail" if table.depth == "summary" else table.depth)
        if table.slug in slugs
        else table
        for table in checkpoints
    ]
    return [*first, *folded]


_METHOD_PREFIX = "method_"
_FIGURES = (
    # slug, title, how it is drawn, the table that it follows; the first comes before all tables
    ("heat_map", "Error by method and corruption, coloured by distance to the methods' mean", heat_map, ""),
    ("severity_curves", "Error over severity, per group of corruptions", severity_curves, "headline"),
    ("error_per_corruption", "Error per corruption and method", error_per_corruption_figure, "error_per_corruption"),
    ("attack_curves", "Accuracy under attack against eps, per method", attack_curves_figure, "robust_accuracy"),
)


def _pictures(
    unit: Unit,
    calibrations: Sequence[Calibration],
    intervals: Intervals,
    runs: Sequence[Path],
    prefix: str,
    table_slugs: set[str],
) -> Iterator[Picture]:
    which = who_is_drawn(unit)
    figures = [(slug, f"{title}{which}", draw(unit), table) for slug, title, draw, table in _FIGURES]
    bars = "; bars are 95% intervals" if intervals else ""
    title = f"Clean error against error under corruption and attack{bars}{which}"
    figures.insert(1, ("clean_against_robust", title, clean_against_robust(unit, intervals), "headline"))
    title = f"Mean error over C against mean error over C-bar{bars}{which}"
    figures.insert(2, ("c_against_c_bar", title, c_against_c_bar(unit, intervals), "c_and_c_bar"))
    title = f"Accuracy over the distance of the nearest fooling images that were found{which}"
    figures.append(("distance_curves", title, distance_curves_figure(unit, runs), "robust_accuracy"))
    title = "Reliability: accuracy against confidence, and the share of images with each confidence"
    diagrams = reliability_diagrams(unit, calibrations) if calibrations else None
    figures.append(("reliability", f"{title}{who_is_drawn(unit, MAX_PANELS)}", diagrams, CALIBRATION))
    for slug, title, figure, table_slug in figures:
        if figure:
            alt = f"{title}, for {unit.scope.title}. The numbers are in the tables."
            of_methods = f"{prefix}{_METHOD_PREFIX}{table_slug}"
            follows = of_methods if of_methods in table_slugs else f"{prefix}{table_slug}"
            yield Picture(f"{prefix}{slug}", title, alt, figure, follows if table_slug else "")
