"""Figures that compare methods: curves over severity, clean against robust."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustsweep.printable import printable
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.corruption_names import CORRUPTIONS, GROUPS, SEVERITIES
from robustsweep.results.figures.attack_curves import ladders_of
from robustsweep.results.figures.dressing import Intervals, add_legend, draw_point, dress, style_of
from robustsweep.results.figures.method_series import Series, drawn_groups, series_of
from robustsweep.results.metrics.catalogue.error_scores import MEAN_CORRUPTION, attack_score
from robustsweep.results.statistics.intervals import Floats


def severity_curves(unit: Unit) -> Figure | None:
    """Draw the error over severity, a panel for all fifteen corruptions and one per group; severity 0 is clean.

    Returns:
        A figure, or None if no method is measured under a whole group at every severity.
    """
    groups, errors = drawn_groups(unit), unit.values()
    panels = {"mean of 15": CORRUPTIONS} | {name: tuple(names) for name, names in GROUPS.items()}
    conditions = [[f"{c}@{s}" for c in names for s in SEVERITIES] for names in panels.values()]
    if not any(errors.reindex(names).notna().all().any() for names in conditions):
        return None
    figure = Figure(figsize=(12.5, 4.2), dpi=130, layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True)
    for axes, (title, corruptions) in zip(grid, panels.items(), strict=True):
        rows = [["clean"], *([f"{c}@{s}" for c in corruptions] for s in SEVERITIES)]
        for style, group in enumerate(groups):
            mine = errors[list(group.checkpoint_ids)]
            # A condition that is not measured leaves a gap, never a mean of the rest.
            lines = np.stack([mine.reindex(names).to_numpy().mean(axis=0) for names in rows])
            _draw_lines(axes, 100 * lines, style)
        axes.set_title(title, fontsize=9.5)
        axes.set_xticks([0, *SEVERITIES], ["clean", *map(str, SEVERITIES)], fontsize=8)
        axes.set_xlabel("severity", fontsize=9)
        dress(axes)
    grid[0].set_ylabel("top-1 error (%)")
    figure.suptitle(printable(unit.scope.title), x=0.01, ha="left", fontsize=10).set_parse_math(False)
    add_legend(figure, [group.label for group in groups])
    return figure


def _draw_lines(axes: Axes, percent: Floats, style: int) -> None:
    """Draw a line at the mean over the seeds (columns), with a dot for each seed."""
    colour, marker = style_of(style)
    places = np.arange(len(percent))
    if percent.shape[1] > 1:
        axes.plot(places, percent, ".", color=colour, alpha=0.4, markersize=5)
    axes.plot(places, percent.mean(axis=1), "-", color=colour, marker=marker, markersize=5, linewidth=1.3)


def clean_against_robust(unit: Unit, intervals: Intervals) -> Figure | None:
    """Draw clean error against mean corruption error, and against the error under each ladder.

    Of a ladder the eps is shown whose errors lie farthest apart. Each method stands at its mean, with the interval of
    either error if it is known and a dot for each seed; methods differ by colour and marker.

    Args:
        unit: The measurements.
        intervals: What is known of the methods' errors.

    Returns:
        A figure, or None with fewer than two points in every panel.
    """
    groups = drawn_groups(unit)
    clean = {str(i): float(e) for i, e in unit.values().reindex(["clean"]).iloc[0].items()}
    shown = [panel for panel in _panels(unit, groups) if _n_points(clean, panel.errors) > 1]
    if not shown:
        return None
    figure = Figure(figsize=(5.2 * max(2, len(shown)), 4.8), dpi=130, layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        for style, group in enumerate(groups):
            points = np.array([(clean[i], panel.errors.get(i, np.nan)) for i in group.checkpoint_ids])
            ends = [intervals.get((name, group.checkpoint_ids[0])) for name in ("clean_error", panel.score)]
            draw_point(axes, points, ends, style)
        axes.set_xlabel("clean error (%)")
        axes.set_ylabel(panel.title).set_parse_math(False)
        axes.margins(0.12)
        dress(axes)
    title = f"Lower left is better    {printable(unit.scope.title)}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10).set_parse_math(False)
    add_legend(figure, [group.label for group in groups])
    return figure


class _Panel(NamedTuple):
    """What clean error is drawn against: a score, and its value by checkpoint id."""

    score: str
    title: str
    errors: Mapping[str, float]


def _panels(unit: Unit, groups: Sequence[SeedGroup]) -> Iterator[_Panel]:
    pairs: list[tuple[Series, SeedGroup]] = list(zip(series_of(unit), groups, strict=True))
    mean = {str(i): float(one.errors[k, -1]) for one, group in pairs for k, i in enumerate(group.checkpoint_ids)}
    yield _Panel(MEAN_CORRUPTION.name, "mean error over 15 corruptions (%)", mean)
    for name, rows in ladders_of(unit):
        errors = rows.groupby("eps", sort=False)["error"]
        eps = str((errors.max() - errors.min()).idxmax())
        found = rows[rows["eps"] == eps].set_index("checkpoint_id")["error"]
        title = f"error under {printable(name)} at {eps} (%)"
        yield _Panel(attack_score(name, eps).name, title, {str(i): float(e) for i, e in found.items()})


def _n_points(clean: Mapping[str, float], values: Mapping[str, float]) -> int:
    return sum(bool(np.isfinite(clean[i]) and np.isfinite(value)) for i, value in values.items())
