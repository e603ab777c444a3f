"""Figures of maps: images, methods and maps side by side, and one map under windows of every edge."""

from collections.abc import Iterator, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.figures.dressing import shortened, titled_figure
from robustsweep.results.figures.picture import Picture
from robustsweep.results.report.attribution.map_arrays import EDGES
from robustsweep.results.report.attribution.map_tables import SANITY
from robustsweep.results.report.attribution.method_maps import MethodMaps
from robustsweep.results.stored.cells import Array

_MOST_METHODS = 8
_MOST_ROWS = 12
_MOST_WINDOW_ROWS = 8
_INCHES = 1.15
_TITLES = {
    "cam": "CAM",
    "gradcam": "Grad-CAM",
    "smoothgrad": "SmoothGrad",
    "integrated_gradients": "Integrated\nGradients",
    "guided_backprop": "Guided\nBackprop",
}


def map_figures(maps: MethodMaps) -> list[Picture]:
    """Draw what the pictures of a folder support: all maps of the images, and a map under windows."""
    groups = [
        group for group in maps.groups if any((group.checkpoint_ids[0], name) in maps.found.maps for name in maps.names)
    ]
    shown = groups[:_MOST_METHODS]
    if not shown or not len(maps.found.images.shown):
        return []
    which = f"; {_MOST_METHODS} of {len(groups)} methods" if len(groups) > _MOST_METHODS else ""
    which += "; the first training seed of each" if any(len(group.checkpoint_ids) > 1 for group in shown) else ""
    return [*_all_maps(maps, shown, which), *_under_windows(maps, which)]


def _all_maps(maps: MethodMaps, groups: Sequence[SeedGroup], which: str) -> Iterator[Picture]:
    images = maps.found.images
    n_images = max(1, min(len(images.shown), _MOST_ROWS // len(groups)))
    title = f"Where networks look: saliency by image, method and map, each scaled to its own 99th percentile{which}"
    figure, grid = _grid(maps.scope.title, n_images * len(groups), 1 + len(maps.names))
    for row, axes_row in enumerate(grid):
        image, group = row // len(groups), groups[row % len(groups)]
        _draw_image(axes_row[0], images.pictures[image] if row % len(groups) == 0 else None)
        _name_row(axes_row[0], group)
        for axes, name in zip(axes_row[1:], maps.names, strict=True):
            found = maps.found.maps.get((group.checkpoint_ids[0], name))
            _draw_map(axes, None if found is None else found.pictures[image], images.pictures[image])
    for axes, text in zip(grid[0], ["image", *(_TITLES[name] for name in maps.names)], strict=True):
        axes.set_title(text, fontsize=8.5)
    guided = f" {SANITY}" if "guided_backprop" in maps.names else ""
    yield _picture("attribution_maps", f"{title}.{guided}", maps, figure, "attribution_curves")


def _under_windows(maps: MethodMaps, which: str) -> Iterator[Picture]:
    images = maps.found.images
    drawn = [(name, groups) for name in maps.names if (groups := _pasted(maps, name))]
    if not len(images.pasted) or not drawn:
        return
    name, groups = drawn[0][0], drawn[0][1][:_MOST_METHODS]
    n_images = max(1, min(len(images.shown), _MOST_WINDOW_ROWS // (1 + len(groups))))
    figure, grid = _grid(maps.scope.title, n_images * (1 + len(groups)), 1 + len(EDGES))
    for row, axes_row in enumerate(grid):
        image, place = divmod(row, 1 + len(groups))
        clean, pasted = images.pictures[image], images.pasted[:, image]
        if place == 0:
            for axes, picture in zip(axes_row, [clean, *pasted], strict=True):
                _draw_image(axes, picture)
            continue
        group = groups[place - 1]
        found = maps.found.maps[group.checkpoint_ids[0], name]
        _name_row(axes_row[0], group)
        for axes, values, picture in zip(
            axes_row, [found.pictures[image], *found.pasted[:, image]], [clean, *pasted], strict=True
        ):
            _draw_map(axes, values, picture)
    for axes, text in zip(grid[0], ["clean", *(f"{edge} edge" for edge in EDGES)], strict=True):
        axes.set_title(text, fontsize=8.5)
    title = f"{' '.join(_TITLES[name].split())} under a pasted window of half the side, by its edge{which}"
    yield _picture("attribution_windows", title, maps, figure, "attribution_window")


def _pasted(maps: MethodMaps, name: str) -> list[SeedGroup]:
    return [g for g in maps.groups_with(name, windows=True) if len(maps.found.maps[g.checkpoint_ids[0], name].pasted)]


def _picture(slug: str, title: str, maps: MethodMaps, figure: Figure, table_slug: str) -> Picture:
    alt = f"{title.rstrip('.')}, for {maps.scope.title}. The numbers are in the tables."
    return Picture(slug, title, alt, figure, table_slug, has_pixels=True)


def _grid(scope: str, rows: int, columns: int) -> tuple[Figure, Array]:
    figure = titled_figure("", scope, 1.6 + _INCHES * columns, 0.9 + _INCHES * rows)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    return figure, grid


def _name_row(axes: Axes, group: SeedGroup) -> None:
    label = axes.set_ylabel(shortened(group.title), rotation=0, ha="right", va="center", fontsize=8)
    label.set_parse_math(False)


def _draw_image(axes: Axes, picture: Array | None) -> None:
    if picture is not None:
        axes.imshow(picture, interpolation="nearest")


def _draw_map(axes: Axes, values: Array | None, picture: Array) -> None:
    """Colour a map over its image in grey; say if it has no positive value, and leave out what is not there."""
    if values is None:
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", fontsize=7)
        return
    grey = picture.mean(axis=2, keepdims=True) / 255.0
    strength = values[:, :, np.newaxis] / 255.0
    colour = mpl.colormaps["inferno"](values)[:, :, :3]
    axes.imshow((1 - strength) * (0.35 + 0.4 * grey) + strength * colour, interpolation="nearest", vmin=0, vmax=1)
    if not values.any():
        axes.set_xlabel("no positive value", fontsize=6.5)
