"""Reliability diagrams: accuracy against confidence, and how many images have which confidence."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustsweep.results.comparable.comparable_sets import Unit, shift_of
from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.figures.dressing import dress, shortened, titled_figure
from robustsweep.results.figures.method_series import MAX_PANELS, drawn_groups
from robustsweep.results.metrics.catalogue.error_scores import SHIFT_ERRORS
from robustsweep.results.metrics.confidence_bins import WHERE, Calibration
from robustsweep.results.statistics.calibration import N_BINS, Bins

_STYLES = {"clean": ("#0072B2", "o"), "corruptions": ("#D55E00", "s")}
_STYLES |= dict.fromkeys(SHIFT_ERRORS, ("#009E73", "^"))
_TITLES = {"clean": "clean images", "corruptions": "15 corruptions x 5 severities"}
_TITLES |= {name: score.title for name, score in SHIFT_ERRORS.items()}
_MOST_COLUMNS = 4
_FEW = 10


def reliability_diagrams(unit: Unit, found: Sequence[Calibration]) -> Figure | None:
    """Draw, for each method, the accuracy of each bin against its mean confidence above the share of images in it.

    Clean, corrupted and shifted images differ in colour and marker; a bin of fewer than ten predictions is hollow. The
    training seeds of a method are pooled; the ECE in each panel is their mean. Of more than sixteen methods those of
    ``drawn_groups`` are drawn.

    Args:
        unit: The measurements.
        found: As ``read_calibrations`` returns them.

    Returns:
        A figure, or None if no confidences can be read.
    """
    by_id = dict(zip(unit.checkpoints.index, found, strict=True))
    groups = drawn_groups(unit, MAX_PANELS)
    shown = [(group, [by_id[identifier] for identifier in group.checkpoint_ids]) for group in groups]
    shown = [(group, mine) for group, mine in shown if any(one.bins for one in mine)]
    if not shown:
        return None
    rows = -(-len(shown) // _MOST_COLUMNS)
    columns = -(-len(shown) // rows)
    figure = titled_figure("", unit.scope.title, 3.125 * max(columns, 2), 0.9 + 3.9 * rows)
    ratios = {"height_ratios": [3, 1] * rows}
    grid = figure.subplots(2 * rows, columns, squeeze=False, sharex=True, sharey="row", gridspec_kw=ratios)
    panels = [(grid[2 * row, column], grid[2 * row + 1, column]) for row in range(rows) for column in range(columns)]
    for (diagram, histogram), drawn in zip_longest(panels, shown):
        if drawn is None:
            diagram.set_visible(False)
            histogram.set_visible(False)
        else:
            _draw(diagram, histogram, *drawn)
    for row in range(rows):
        grid[2 * row, 0].set_ylabel("accuracy (%)")
        grid[2 * row + 1, 0].set_ylabel("images (%)")
    shift = shift_of(unit)
    _explain(figure, (shift,) if shift else ("clean", "corruptions"))
    return figure


def _draw(diagram: Axes, histogram: Axes, group: SeedGroup, mine: Sequence[Calibration]) -> None:
    diagram.plot([0, 100], [0, 100], "--", color="#888888", linewidth=1)
    pooled = {where: [one.bins[where] for one in mine if where in one.bins] for where in WHERE}
    sides = {where: Bins.pooled(bins) for where, bins in pooled.items() if bins}
    for where, bins in sides.items():
        colour, marker = _STYLES[where]
        used = bins.counts > 0
        confidence, accuracy = (100 * values[used] / bins.counts[used] for values in (bins.confidence, bins.right))
        for few, line, fill in ((False, "-", colour), (True, "none", "white")):
            some = (bins.counts[used] < _FEW) == few
            (drawn,) = diagram.plot(confidence[some], accuracy[some], linestyle=line, color=colour, marker=marker)
            drawn.set(linewidth=1.2, markersize=5, markerfacecolor=fill)
    _draw_shares(histogram, sides)
    eces = [np.mean([one.expected_calibration_error for one in bins]) for bins in pooled.values() if bins]
    text = "ECE " + ", ".join(f"{100 * ece:.1f} ({where})" for ece, where in zip(eces, sides, strict=True))
    diagram.set_title(f"{shortened(group.label)}\n{text}", fontsize=9).set_parse_math(False)
    histogram.set_xlabel("confidence (%)", fontsize=9)
    diagram.set_xlim(-3, 103)
    diagram.set_ylim(-3, 103)
    for axes in (diagram, histogram):
        dress(axes)
        axes.tick_params(labelsize=8, labelbottom=axes is histogram)


def _draw_shares(axes: Axes, sides: Mapping[str, Bins]) -> None:
    width = 100 / N_BINS
    left = width * np.arange(N_BINS)
    for place, (where, bins) in enumerate(sides.items()):
        share = 100 * bins.counts / bins.counts.sum()
        axes.bar(left + width * (0.28 + 0.44 * place), share, 0.42 * width, color=_STYLES[where][0])
    axes.set_ylim(0, 100)


def _explain(figure: Figure, shown: Sequence[str]) -> None:
    handles = [
        Line2D([], [], marker=_STYLES[where][1], color=_STYLES[where][0], label=_TITLES[where]) for where in shown
    ]
    handles.append(Line2D([], [], linestyle="--", color="#888888", label="confidence = accuracy"))
    hollow = Line2D([], [], linestyle="none", marker="o", color="#555555", markerfacecolor="white")
    hollow.set_label(f"fewer than {_FEW} predictions")
    handles.append(hollow)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
