"""The figure: error per corruption and method."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustsweep.printable import printable
from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import CORRUPTIONS, GROUPS
from robustsweep.results.figures.error_panels import draw_panels, shortened
from robustsweep.results.figures.method_series import Series, series_of

# Okabe & Ito's colours, told apart under every common colour blindness, without the yellow that white swallows.
_COLOURS = ("#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#7F7F7F")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
_GROUP_GAP = 0.6
_MARKER_SIZE = 8


def style_of(number: int) -> tuple[str, str]:
    """Return the colour and the marker of series ``number``; the first eight differ in both, 64 in one of them."""
    return _COLOURS[number % len(_COLOURS)], _MARKERS[(number + number // len(_COLOURS)) % len(_MARKERS)]


def error_per_corruption_figure(unit: Unit) -> Figure | None:
    """Draw the error of every method under each corruption, the groups apart, and the mean of the fifteen.

    Up to eight methods stand side by side within each corruption, by colour and marker. More get a panel per corruption
    with a row per method, which needs neither. Checkpoints that differ by their training seed alone share a marker at
    their mean, with a dot for each seed.

    Returns:
        A figure, or None where no corruption is measured at all five severities.
    """
    series = series_of(unit)
    if all(np.isnan(one.errors).all() for one in series):
        return None
    scope = printable(unit.scope.title)
    return _draw_dots(series, scope) if len(series) <= len(_COLOURS) else draw_panels(series, scope)


def _draw_dots(series: Sequence[Series], scope: str) -> Figure:
    figure = Figure(figsize=(12.5, 5.2), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    places = _places()
    offsets = (np.arange(len(series)) - (len(series) - 1) / 2) * min(0.24, 0.84 / len(series))
    for style, (one, offset) in enumerate(zip(series, offsets, strict=True)):
        _draw_series(axes, one, places + offset, style)
    _dress(axes, places, f"Top-1 error (%), mean of 5 severities    {scope}")
    add_legend(figure, [one.label for one in series])
    return figure


def _places() -> npt.NDArray[np.float64]:
    sizes = [*(len(names) for names in GROUPS.values()), 1]
    gaps = np.repeat(np.arange(len(sizes)) * _GROUP_GAP, sizes)
    return np.asarray(np.arange(sum(sizes)) + gaps, dtype=np.float64)


def _draw_series(axes: Axes, one: Series, places: npt.NDArray[np.float64], style: int) -> None:
    colour, marker = style_of(style)
    if len(one.errors) > 1:
        for errors in one.errors:
            axes.plot(places, 100 * errors, ".", color=colour, alpha=0.45, markersize=_MARKER_SIZE * 0.6)
    (markers,) = axes.plot(places, 100 * one.mean, marker, color=colour, markersize=_MARKER_SIZE)
    markers.set(markeredgecolor="white", markeredgewidth=0.6)


def _dress(axes: Axes, places: npt.NDArray[np.float64], title: str) -> None:
    axes.set_xticks(places, [*(name.replace("_", "\n") for name in CORRUPTIONS), "mean\nof 15"], fontsize=8.5)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(places[0] - 0.8, places[-1] + 0.8)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("top-1 error (%)")
    axes.set_title(title, loc="left", fontsize=10, pad=22).set_parse_math(False)
    axes.grid(axis="y", color="#d8d8d8", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    start = 0
    for group, size in [*((group, len(names)) for group, names in GROUPS.items()), ("", 1)]:
        left, right = places[start] - 0.5, places[start + size - 1] + 0.5
        axes.axvspan(left, right, color="#f4f4f4" if group else "#e9eef5", zorder=0, linewidth=0)
        axes.text((left + right) / 2, 1.015, group, transform=axes.get_xaxis_transform(), ha="center", fontsize=10)
        start += size


def add_legend(figure: Figure, labels: Sequence[str]) -> None:
    """Explain the styles of series 0, 1, ... below the figure."""
    handles = []
    for style, _ in enumerate(labels):
        colour, marker = style_of(style)
        handles.append(Line2D([], [], marker=marker, color=colour, linestyle="", markersize=_MARKER_SIZE))
    labels = [shortened(label) for label in labels]
    characters = int(11 * figure.get_figwidth())
    columns = max(1, min(len(labels), characters // (max(map(len, labels)) + 6)))
    # A label that begins with an underscore would be hidden, one with dollar signs read as mathematics.
    legend = figure.legend(
        handles, [f" {label}" for label in labels], loc="outside lower center", ncols=columns, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
