"""The dress that all figures share: title, grid, a style for each series, and the legend of these."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustsweep.printable import printable
from robustsweep.results.metrics.estimates import Ends
from robustsweep.results.statistics.intervals import Floats

# Okabe & Ito's colours, told apart under every common colour blindness, without the yellow that white swallows.
COLOURS = ("#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#7F7F7F")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
_LABEL_CHARACTERS = 30
MARKER_SIZE = 8


def titled_figure(title: str, scope: str, width: float, height: float) -> Figure:
    """Make an empty figure of so many inches, with a title and whose numbers it shows."""
    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    text = f"{title}    {printable(scope)}".lstrip()
    figure.suptitle(text, x=0.01, ha="left", fontsize=10).set_parse_math(False)
    return figure


def dress(axes: Axes, grid: Literal["both", "y"] = "both") -> None:
    """Draw a grid behind the data, and no frame above them and at their right."""
    axes.grid(axis=grid, color="#d8d8d8", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def name_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Write the names of series beside rows 0, 1, ..."""
    axes.set_yticks(range(len(labels)), [shortened(label) for label in labels], fontsize=9)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)


def shortened(label: str) -> str:
    """Cut a label that would leave a figure no room."""
    return label if len(label) <= _LABEL_CHARACTERS else f"{label[: _LABEL_CHARACTERS - 1]}…"


def style_of(number: int) -> tuple[str, str]:
    """Return the colour and the marker of series ``number``; the first eight differ in both, 64 in one of them."""
    return COLOURS[number % len(COLOURS)], _MARKERS[(number + number // len(COLOURS)) % len(_MARKERS)]


def draw_seeds(
    axes: Axes, places: npt.ArrayLike, values: npt.NDArray[np.float64], style: int, line: str = "-", size: float = 5
) -> None:
    """Draw the mean of a series over its seeds, and a dot for each seed if there are several.

    Args:
        axes: Where.
        places: Shape (places,).
        values: Shape (seeds, places).
        style: Number of the series.
        line: Style of the line that joins the means.
        size: Of the means' markers, in points.
    """
    colour, marker = style_of(style)
    if len(values) > 1:
        axes.plot(places, values.T, ".", color=colour, alpha=0.4, markersize=5)
    (means,) = axes.plot(places, values.mean(axis=0), marker, color=colour, markersize=size, linestyle=line)
    means.set_linewidth(1.3)
    if line == "none":  # those of several series may touch
        means.set(markeredgecolor="white", markeredgewidth=0.6)


Intervals = Mapping[tuple[str, str], Ends]
"""Ends of a score's interval, by name of the score and id of a method's first checkpoint."""


def draw_point(axes: Axes, points: Floats, ends: Sequence[Ends | None], style: int) -> None:
    """Draw the mean of points in percent with the intervals of either coordinate, and a dot for each seed.

    Args:
        axes: Where.
        points: Fractions, shape (seeds, 2).
        ends: The interval of the first and of the second coordinate, as far as known.
        style: Number of the series.
    """
    colour, marker = style_of(style)
    x, y = 100 * points.mean(axis=0)
    if len(points) > 1:
        axes.plot(*(100 * points.T), ".", color=colour, alpha=0.4, markersize=5)
    for end, is_first in zip(ends, (True, False), strict=True):
        if end is not None and not np.isnan((x, y)).any():
            low, high = 100 * end[0], 100 * end[1]
            line = ((low, high), (y, y)) if is_first else ((x, x), (low, high))
            axes.plot(*line, "-", color=colour, linewidth=1, alpha=0.6)
    size = max(7.5, 10 - 0.5 * style)  # a point below an equal one is still seen around it
    axes.plot([x], [y], marker, color=colour, markersize=size, markeredgecolor="white")


def add_legend(figure: Figure, labels: Sequence[str]) -> None:
    """Explain the styles of series 0, 1, ... below the figure."""
    handles = []
    for style, _ in enumerate(labels):
        colour, marker = style_of(style)
        handles.append(Line2D([], [], marker=marker, color=colour, linestyle="", markersize=MARKER_SIZE))
    labels = [shortened(label) for label in labels]
    characters = int(11 * figure.get_figwidth())
    columns = max(1, min(len(labels), characters // (max(map(len, labels)) + 6)))
    # A label that begins with an underscore would be hidden, one with dollar signs read as mathematics.
    legend = figure.legend(
        handles, [f" {label}" for label in labels], loc="outside lower center", ncols=columns, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
